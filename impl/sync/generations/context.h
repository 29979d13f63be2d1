// context.h — what the parts of one generation share: who writes, its numbers, what is fixed of it, and its counts.
//
// A generation owns one and hands it to its parts (stores, bodies, streams), which borrow it. Threads: mesh loop; the
// constants before `records` never change, so request threads may read them. Ownership: owns all. Time and errors:
// none. Bounds: fixed size.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "impl/sync/generations/constants.h"
#include "impl/sync/generations/hazards.h"
#include "impl/sync/generations/tree_store.h"
#include "impl/sync/report.h"

namespace prefixmesh::generations {

struct Context {
  // Goes into every entry as its actor.
  const std::string self_name;
  const Constants constants;
  const HazardSet fixed;
  RecordCounts records = {};
  Trims trims = {};

  bool Fixes(Hazard hazard) const { return fixed.contains(hazard); }
  // The key of what this router writes for a model.
  std::string OwnKey(std::string_view model) const {
    return Fixes(Hazard::kScalarVersion) ? WriterKey(self_name, model) : TreeKey(model);
  }
  // Of a list; with H14 fixed there is no limit.
  std::size_t ListOperationsMax() const {
    return Fixes(Hazard::kOperationCap) ? SIZE_MAX : static_cast<std::size_t>(constants.list_operations);
  }
};

}  // namespace prefixmesh::generations
