// ports.h — TCP ports on loopback that stay ours from the reservation to the end of a run.
//
// A reserved port is bound (SO_REUSEADDR, never listening), so nobody else is given it; a child that also sets
// SO_REUSEADDR, as gRPC and civetweb do, can bind and listen on it. Threads: one. Errors: kExhausted.
#pragma once

#include <cstdint>
#include <vector>

#include "impl/base/result.h"

namespace prefixmesh::bench {

class ReservedPorts {
 public:
  // Free ones, or `count` from `first` on.
  static Result<ReservedPorts> Reserve(std::size_t count, std::uint16_t first = 0);
  ~ReservedPorts();
  ReservedPorts(ReservedPorts&&) = default;
  ReservedPorts& operator=(ReservedPorts&&) = default;

  std::uint16_t operator[](std::size_t index) const { return ports_.at(index); }

 private:
  ReservedPorts() = default;
  std::vector<std::uint16_t> ports_;
  std::vector<int> sockets_;
};

}  // namespace prefixmesh::bench
