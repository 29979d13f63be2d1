// fleet_of.h — a fleet as a table says: worker i is healthy or not, and has so many requests.
#pragma once

#include <cstdint>
#include <vector>

#include "impl/route/fleet.h"

namespace prefixmesh::test {

struct WorkerRow {
  bool healthy = true;
  std::uint32_t load = 0;
  std::uint32_t slots = 0;
};

class FleetOf {
 public:
  explicit FleetOf(const std::vector<WorkerRow>& rows) : fleet_(1) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const WorkerIndex worker = *fleet_.InternOwn("w" + std::to_string(i));
      candidates_.push_back(worker);
      fleet_.SetHealthy(worker, rows[i].healthy);
      fleet_.SetPeerLoad(PeerIndex{0}, worker, rows[i].load);
      fleet_.SetTold(worker, rows[i].slots, 0);
    }
  }
  Fleet& fleet() { return fleet_; }
  const Fleet& fleet() const { return fleet_; }
  const std::vector<WorkerIndex>& candidates() const { return candidates_; }

 private:
  Fleet fleet_;
  std::vector<WorkerIndex> candidates_;
};

}  // namespace prefixmesh::test
