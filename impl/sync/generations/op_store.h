// op_store.h — trees kept as operation lists: operations not yet in a list, counters, and one encoded list per model.
// What raw-ops is, and what the generations after it still took from others.
//
//   local write ─► pending[key]   ops with the whole prompt (pending_ops.h)
//                  counter[key]   one for all writers (H4)
//   checkpoint  ─► body[key]      encoded TreeState: old list + pending, then pending is empty
//                  counter[key] ← max(counter, the list's), as the checkpoints before #961 did; #961 is not on record
//   remote      ─► body[key]      appended to or replaced, and the whole list is replayed into the tree (H9)
//                  counter[key] ← max(counter, the list's): moves without a pending op, so the base overshoots (H5)
//
// A list's own version counts the operations ever appended to it; it is compared with the labels of remote deltas and
// states, and is not the counter. Key = "tree:" + model, for text and tokens alike. A body may also hold an encoded
// snapshot (SetSnapshot, by an owner that exports trees), which has no version inside: a whole state from a peer is
// then compared with the counter, while a delta reads its version as 0 and does not decode on it (W20). A tree that
// came compressed is kept as it is, with the version of its envelope: the list that it stands for, which may be many
// times as long, is made when it is sent on (compressed_bodies.h).
//
// Fixed (hazards.h): pending as in pending_ops.h (H5, H7); a delta's operations are put behind the encoded list as it
// is, and they alone are replayed (H9: the list is walked, not copied, but where its cap cuts it); no cap (H14).
//
// A delta of its own copies the operations that it encodes, as it did. What peers send is read in place: one operation
// at a time is a copy, for the tree, and then the list, for the store.
//
//   sent       deltas, full states where the watermark fell behind, lists as news
//   received   tree_state_delta, tree_state: appended to the list or replacing it; the whole list is replayed into the
//              tree (H9) without the removals (H13)
//   asked      every list
//
// Threads: mesh loop. Time: passed through into entries. Ownership: owns all but the context. Errors: remote bytes are
// checked before anything changes; a delta that does not go on from what is kept answers kCorrupt. Bounds: pending as
// in pending_ops.h, emptied by a checkpoint; a list: 2,048 operations. Sizes are running totals. Records: applied =
// operations of accepted deltas and states · stale = those the version rule refused · unresolved = 0 (the prompt
// travels with the operation). Layers: delta = placements · a batch with any whole list = structure. Source:
// specification of the generations, §2 S2 (#961).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "impl/base/result.h"
#include "impl/sync/generations/arrival.h"
#include "impl/sync/generations/collector.h"
#include "impl/sync/generations/context.h"
#include "impl/sync/generations/pending_ops.h"
#include "impl/sync/generations/tree_store.h"
#include "impl/wire/bincode.h"

namespace prefixmesh::generations {

class OpStore {
 public:
  // Borrows the context, and counts in it: records of peers, and what its caps cut off.
  explicit OpStore(Context& context) : context_(context), pending_(context) {}

  // ---- local
  void Append(const std::string& key, TreeOperation operation);
  // A change that leaves no operation.
  void Bump(const std::string& key);
  // Changes of any tree, local or remote: the idle gate.
  std::uint64_t generation() const { return trees_.generation(); }
  // Adds deltas, or full states where the collector's watermark lies before the pending, then lists that are news to
  // it. Keys that the batch has already are left out.
  void Collect(const Collector& collector, Time now, Batch& batch) const;
  void TrimAfterMark(std::string_view key, std::uint64_t watermark) {
    pending_.TrimAfterMark(key, Version(key), watermark);
  }
  void ForceTrim(std::string_view key) { pending_.ForceTrim(key); }
  // Every pending op into its list.
  void Checkpoint();
  // Drops counters of keys that have neither body nor pending.
  void CollectGarbage();
  void ClearBodies() { trees_.ClearBodies(); }
  // Every body, as a snapshot's entries.
  std::vector<StoreEntry> Snapshot(Time now) const;
  // An encoded tree takes the place of whatever was there.
  void SetSnapshot(const std::string& key, std::string body) { trees_.SetBody(key, std::move(body)); }

  // ---- remote
  // A delta or a state; other tags are left alone.
  Result<Checked> Check(const Arrival& arrival);
  // A list that is kept under this model's name.
  void ApplyList(const std::string& key, std::string_view model, const StateView& list, Actions& actions);
  // The operations that a tree stands for (CountFlat took it), of which the list's cap leaves so many records; what is
  // kept is the tree. A delta on it does not decode.
  void ApplyTree(const std::string& key, std::string_view model, std::string body, std::uint64_t version,
                 std::uint64_t records, Actions& actions);
  // The counter becomes at least this, and something changed.
  void Raise(const std::string& key, std::uint64_t version);

  // ---- sizes, O(1)
  std::uint64_t pending_bytes() const { return pending_.bytes(); }
  std::uint64_t pending_operations() const { return pending_.operations(); }
  std::uint64_t blob_bytes() const { return trees_.body_bytes(); }
  std::size_t blobs() const { return trees_.bodies().size(); }
  void AddTo(StrategyReport& report) const;

  const TreeStore& trees() const { return trees_; }
  std::uint64_t Version(std::string_view key) const;
  std::uint64_t BlobVersion(std::string_view key) const;
  std::size_t Pending(std::string_view key) const { return pending_.Count(key); }

 private:
  struct Materialized {
    std::string body;
    std::uint64_t version = 0;
    std::uint64_t operations = 0;
    std::uint64_t forgotten = 0;  // by its cap
  };
  // Nothing: there is no body, or an own snapshot, which does not say.
  std::optional<std::uint64_t> VersionOfBody(std::string_view key) const;
  // A whole state of this version takes the body's place. Counts its records either way.
  bool IsNews(std::string_view key, std::uint64_t version, std::uint64_t records);
  // The stored list with all that is pending.
  Materialized Materialize(std::string_view key) const;
  Status ApplyDelta(const std::string& key, const DeltaView& delta, Actions& actions);
  // Puts the delta's operations behind the stored list; false: it must be made anew.
  bool AppendInPlace(const std::string& key, const OperationList& newer);
  void Replay(Actions& actions, std::string_view model, const OperationList& operations) const;

  Context& context_;
  PendingOps pending_;
  TreeStore trees_;
};

}  // namespace prefixmesh::generations
