// op_store.h — what raw-ops keeps: operations not yet in a blob, versions, and one encoded operation list per model.
//
//   local write ─► pending[key]   ops with the whole prompt, newest last; shared by all peers (H7)
//                  version[key]   one counter for all writers (H4); base of the pending = version − len(pending)
//   checkpoint  ─► blob[key]      encoded TreeState: old blob + pending, then pending is empty
//                  version[key] ← max(version, the blob's), as the checkpoints before #961 did; #961 is not on record
//   remote      ─► blob[key]      appended to or replaced, and the whole list is replayed into the tree (H9)
//                  version[key] ← max(version, the blob's): moves without a pending op, so the base overshoots (H5)
//
// A blob's own version counts the operations ever appended to it; it is compared with the labels of remote deltas and
// states, and is not the counter. Key = "tree:" + model, for text and tokens alike.
//
// The copies are the historical ones: a delta, a full state and a checkpoint each copy the operations they encode; a
// remote delta decodes, appends to and encodes the whole blob.
//
// Threads:   mesh loop. Time: passed through into entries. Ownership: owns all; replayed prompts are moved out of the
// decode. Errors:    remote bytes are checked before anything changes; a bad one answers kCorrupt. Bounds:    pending:
// halved above 4,096 ops per key when marked, halved when refused, emptied by a checkpoint; no byte
//            bound (historical). Blob: 2,048 operations. Sizes are kept as running totals.
// Source:    specification of the generations, §2 S2 (#961).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "impl/base/function_ref.h"
#include "impl/base/result.h"
#include "impl/sync/generations/collector.h"
#include "impl/wire/bincode.h"

namespace prefixmesh::generations {

struct OpStoreOptions {
  // Pending operations of a key above which a mark drops the oldest half.
  std::size_t mark_trim_above = 4096;
  // Pending operations of a key above which a refusal at a dialer drops the oldest half.
  std::size_t force_trim_above = 100;
};

class OpStore {
 public:
  explicit OpStore(const OpStoreOptions& options) : options_(options) {}

  // ---- local
  void Append(std::string_view model, TreeOperation operation);
  // Changes of any tree, local or remote: the idle gate.
  std::uint64_t generation() const { return generation_; }
  // Deltas, or full states where the collector's watermark lies before the pending, then blobs that are news to it.
  Batch Collect(const Collector& collector, std::string_view actor, Time now) const;
  void TrimAfterMark(std::string_view key);
  void ForceTrim(std::string_view key);
  // Every pending op into its blob.
  void Checkpoint();
  // Drops counters of keys that have neither blob nor pending.
  void CollectGarbage();
  // Every blob, as a snapshot's entries.
  std::vector<StoreEntry> Snapshot(std::string_view actor, Time now) const;

  // ---- remote
  // Called for each operation of the resulting list, oldest first; may move from it.
  using Replay = FunctionRef<void(const std::string& model, TreeOperation& operation)>;
  enum class Applied : std::uint8_t { kApplied, kStale };
  Result<Applied> ApplyState(Bytes config, Replay replay);
  Result<Applied> ApplyDelta(Bytes config, Replay replay);

  // ---- sizes, O(1)
  std::uint64_t pending_bytes() const { return pending_bytes_; }
  std::uint64_t pending_operations() const { return pending_operations_; }
  std::uint64_t blob_bytes() const { return blob_bytes_; }
  std::size_t blobs() const { return blobs_.size(); }
  std::size_t counters() const { return versions_.size(); }
  // ---- for tests
  std::uint64_t Version(std::string_view key) const;
  std::uint64_t BlobVersion(std::string_view key) const;
  std::size_t Pending(std::string_view key) const;

 private:
  TreeState Materialized(std::string_view key) const;
  void StoreBlob(const std::string& key, std::string blob);
  void Accept(const std::string& key, std::string blob, TreeState& state, Replay replay);
  void DropOldest(std::vector<TreeOperation>& pending, std::size_t count);

  const OpStoreOptions options_;
  std::map<std::string, std::vector<TreeOperation>, std::less<>> pending_;
  std::map<std::string, std::uint64_t, std::less<>> versions_;
  std::map<std::string, std::string, std::less<>> blobs_;  // tree_configs
  std::uint64_t generation_ = 0;
  std::uint64_t pending_bytes_ = 0;
  std::uint64_t pending_operations_ = 0;
  std::uint64_t blob_bytes_ = 0;
};

}  // namespace prefixmesh::generations
