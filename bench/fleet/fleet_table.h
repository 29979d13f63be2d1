// fleet_table.h — how the figures of a fleet are shown: their columns, and the table of docs/routing.md, which has
// every policy beside the others on virtual time, where it matters.
//
// Threads: one. Errors: none; the scenarios are built in. Bounds: half a minute of CPU: short loads. Deterministic.
#pragma once

#include <string>

#include "bench/fleet/fleet_sim.h"

namespace prefixmesh::bench {

struct FleetColumn {
  const char* title;    // in pages
  const char* heading;  // in terminals, of so many characters
  int width;
  std::string (*text)(const FleetFigures& figures);
};
inline constexpr std::size_t kFleetColumnCount = 8;
extern const FleetColumn kFleetColumns[kFleetColumnCount];

// As Markdown.
std::string FleetTable();

}  // namespace prefixmesh::bench
