// lz4_sync.h — a policy store whose bodies go out compressed: the ground of checkpoint (b to e) and of tenant-deltas.
//
//   sent       bodies that are news to the stream: decoded once as a check, first as an operation list, then as a
//              snapshot; compressed; tag tree_state_lz4. With a cap, what is above it counts as sent and is dropped: no
//              second try until the version moves, which under load is the next second (X11)
//   exported   where the owner calls Export: each text tree becomes the body of its key, even in the place of
//              newer bytes from a peer, and the counter moves
//   received   the claimed size is held against 256 MiB; decompressed; read as an operation list, with whatever
//              follows it ignored (so a snapshot of 1–8 nodes whose root has no tenant reads as an empty list of a
//              huge version, X9), else as a snapshot, which stands for at most 2,048 operations (H14, X10); it replaces
//              what is kept if it is newer, and is replayed. A snapshot is kept as one, and sent on as that list
//
// The tags of op_sync.h are taken, too. Threads, ownership, errors, records: op_sync.h. Bounds: op_store.h; a body that
// is a snapshot has none of its own (historical); one decompressed body at a time. Layer: structure.
// Source: specification of the generations, §2 S5 and S7.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "impl/sync/generations/op_sync.h"
#include "impl/sync/generations/text_tree_view.h"

namespace prefixmesh::generations {

// What differs between the forms that exported trees.
struct ExportForm {
  // As a list of operations, one for each node and tenant, with all the text above it; else as a snapshot.
  bool flat = false;
  // Not exported while the store's generation is that of the end of the last export. What peers send moves it, too.
  bool skips_unchanged = false;
  // Garbage collection takes all bodies, and so all counters: versions start again (W15).
  bool garbage_takes_bodies = false;
  // A compressed body above it counts as sent and is dropped; UINT64_MAX: no cap.
  std::uint64_t compressed_bytes_max = UINT64_MAX;
};

class Lz4Sync : public OpSync {
 protected:
  Lz4Sync(const PolicySyncOptions& options, const StrategyTraits& traits, const ExportForm& form)
      : OpSync(options, traits), form_(form) {}

  // Returns the bytes of the bodies.
  std::uint64_t Export(const TextTreeView& view);
  void CollectGarbage() override;

  std::vector<Batch> Collect(Time now, Collector& collector, Actions& actions) override;
  std::vector<StoreEntry> Snapshot(Time now) override;
  Result<Checked> Check(const Arrival& arrival) override;

  // Adds every body that is news and whose key the batch has not yet.
  void CollectBodies(Time now, Collector& collector, Batch& batch, Actions& actions);

 private:
  // The list that a received tree stands for, which is what goes out of it; nothing for other bodies, which go as they
  // are.
  std::optional<std::string> ListOf(const std::string& key, const std::string& body) const;
  // A compressed body that Check took.
  OpStore::Applied Take(const std::string& key, const PolicyStateView& envelope, Actions& actions);

  const ExportForm form_;
  std::uint64_t generation_exported_ = 0;
};

}  // namespace prefixmesh::generations
