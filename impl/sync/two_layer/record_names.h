// record_names.h — what the slots of a kept record mean: the two name tables of one router, and what a record holds of
// them; and how a peer's slots map to them.
//
// Threads: mesh loop. Ownership: values; a record that is kept holds one reference to each of its names. Errors, time:
// none. Bounds: names.h.
#pragma once

#include <cstdint>
#include <vector>

#include "impl/sync/two_layer/names.h"
#include "impl/sync/two_layer/window.h"

namespace prefixmesh::two_layer {

// A peer's slots in this router's.
struct SlotMap {
  static constexpr Slot kNoSlot = UINT16_MAX;
  std::vector<Slot> scopes, workers;
};

struct RecordNames {
  explicit RecordNames(std::size_t peers) : scopes(peers), workers(peers) {}

  Names<ScopeName> scopes;
  Names<WorkerName> workers;

  std::uint64_t HashOf(const Record& record) const {
    return EntryHash(record, scopes.hash(record.scope), workers.hash(record.worker));
  }
  void Acquire(const Record& record) {
    scopes.Acquire(record.scope);
    workers.Acquire(record.worker);
  }
  void Release(const Record& record) {
    scopes.Release(record.scope);
    workers.Release(record.worker);
  }
};

}  // namespace prefixmesh::two_layer
