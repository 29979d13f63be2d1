// compressed_bodies.h — an operation store whose bodies go out compressed, and into which text trees are exported: what
// checkpoint (b to e) and tenant-deltas stand on.
//
//   sent       bodies that are news to the stream: decoded once as a check, first as an operation list, then as a
//              snapshot; compressed; tag tree_state_lz4. With a cap, what is above it counts as sent and is dropped: no
//              second try until the version moves, which under load is the next second (X11)
//   exported   each text tree becomes the body of its key, even in the place of newer bytes from a peer, and the
//              counter moves
//   received   the claimed size is held against 256 MiB; decompressed; read as an operation list, with whatever
//              follows it ignored (so a snapshot of 1–8 nodes whose root has no tenant reads as an empty list of a
//              huge version, X9), else as a snapshot, which stands for at most 2,048 operations (H14, X10); it replaces
//              what is kept if it is newer, and is replayed. A snapshot is kept as one, and sent on as that list. The
//              tags of op_store.h are taken, too
//   asked      every body, compressed
//
// Threads: mesh loop. Ownership: borrows the store, whose bodies they are, and the context. Time: passed through into
// entries. Errors: remote bytes are checked before anything changes. Bounds: op_store.h; a body that is a snapshot has
// none of its own (historical); one decompressed body at a time. Records: op_store.h. Layer: structure.
// Source: specification of the generations, §2 S5 and S7.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "impl/base/result.h"
#include "impl/sync/generations/arrival.h"
#include "impl/sync/generations/collector.h"
#include "impl/sync/generations/context.h"
#include "impl/sync/generations/op_store.h"
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

class CompressedBodies {
 public:
  CompressedBodies(Context& context, OpStore& store, const ExportForm& form)
      : context_(context), store_(store), form_(form) {}

  // Returns the bytes of the bodies.
  std::uint64_t Export(const TextTreeView& view);
  // Of the store as well.
  void CollectGarbage();
  // Adds every body that is news and whose key the batch has not yet.
  void Collect(Time now, Collector& collector, Batch& batch, Actions& actions) const;
  // Every body, as a snapshot's entries.
  std::vector<StoreEntry> Snapshot(Time now) const;
  // A compressed body, or what the store takes.
  Result<Checked> Check(const Arrival& arrival);

 private:
  // The list that a received tree stands for, which is what goes out of it; nothing for other bodies, which go as they
  // are.
  std::optional<std::string> ListOf(const std::string& key, const std::string& body) const;
  // A compressed body that Check took.
  void Take(const std::string& key, const PolicyStateView& envelope, std::uint64_t records, Actions& actions);

  Context& context_;
  OpStore& store_;
  const ExportForm form_;
  std::uint64_t generation_exported_ = 0;
};

}  // namespace prefixmesh::generations
