// convergence.h — who lacks what: the routers' positions in each other's logs, compared.
//
// Under load some record is always on its way, so that positions are never equal at one instant. What can be measured
// is how long until everybody has what was written up to a moment: the heads that the owners' own logs had then.
//
// Threads: pure. Ownership: values; answers are borrowed. Errors: a router that did not answer lacks everything.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>

#include "impl/wire/prefixmesh.pb.h"

namespace prefixmesh::bench {

// By (router, incarnation): what the owner itself kept then.
struct LogRange {
  std::uint32_t floor = 1, head = 1;
};
using Heads = std::map<std::pair<std::string, std::uint64_t>, LogRange>;

// The part of router `name`'s own positions that is its own log, added to `heads`.
void AddOwnLog(const std::string& name, const v1::SyncPositions& positions, Heads& heads);

// Records of `heads` that a router with these positions does not have. What lies below a log's floor nobody lacks.
std::uint64_t Lacking(const Heads& heads, const v1::SyncPositions& positions);

// All stand at the same place in every log, sums included; false when none has a log.
bool SamePositions(std::span<const v1::SyncPositions> routers);

}  // namespace prefixmesh::bench
