// lz4_sync.h — a policy store whose bodies go out compressed: the ground of checkpoint (b to e) and of tenant-deltas.
//
//   sent       bodies that are news to the stream: decoded once as a check, first as an operation list, then as a
//              snapshot; compressed; tag tree_state_lz4. With a cap, what is above it counts as sent and is dropped: no
//              second try until the version moves, which under load is the next second (X11)
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

namespace prefixmesh::generations {

inline constexpr std::uint64_t kCompressedBytesMax = 8u << 20;

class Lz4Sync : public OpSync {
 protected:
  // compressed_bytes_max: UINT64_MAX for none.
  Lz4Sync(const PolicySyncOptions& options, const StrategyTraits& traits, std::uint64_t compressed_bytes_max)
      : OpSync(options, traits, {}), compressed_bytes_max_(compressed_bytes_max) {}

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

  const std::uint64_t compressed_bytes_max_;
};

}  // namespace prefixmesh::generations
