// structure_rounds.h — the rounds that the drafts of the seventh generation left to the structure of the tree: of a
// stream and model every 30th that had records. They were dropped in the belief that something else covers them (W16).
//
// Counted are rounds with records, by stream: what another stream took does not count here. Threads: mesh loop.
// Ownership: owns the counts. Time and errors: none. Bounds: the models of the router, for each peer.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "impl/base/ids.h"

namespace prefixmesh::generations {

class StructureRounds {
 public:
  explicit StructureRounds(std::uint64_t period) : period_(period) {}

  // The stream has records of the model in this round. True: they are to be dropped.
  bool Due(PeerIndex peer, const std::string& model) {
    std::uint64_t& rounds = rounds_[peer][model];
    if (++rounds < period_) return false;
    rounds = 0;
    return true;
  }
  void PeerDown(PeerIndex peer) { rounds_.erase(peer); }

 private:
  const std::uint64_t period_;
  std::map<PeerIndex, std::map<std::string, std::uint64_t>> rounds_;
};

}  // namespace prefixmesh::generations
