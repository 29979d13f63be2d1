// fleet_table.h — the table of docs/routing.md: every policy beside the others on virtual time, where it matters.
//
// Threads: one. Errors: none; the scenarios are built in. Bounds: half a minute of CPU: short loads. Deterministic.
#pragma once

#include <string>

namespace prefixmesh::bench {

// As Markdown.
std::string FleetTable();

}  // namespace prefixmesh::bench
