// crdt_ops.h — start here for the strategy "crdt-ops": the first generation (S1). One value per model in a CRDT store,
// the encoded list of its last operations, read, changed and written back for every request.
//
//   placement   value ─decode─► list, + this operation with the whole prompt (at most 2,048, H14) ─encode─► value,
//               version + 1; the store's log keeps a copy of every value ever written (crdt_log.h)
//   tick        every value above the stream's watermark, whole
//   received    a newer value takes the place of the old one (in the log, too), operations only known here are lost
//               with it (H4), and the whole list is replayed into the tree (H9), without the removals (H13)
//   asked       every value, 100 a chunk (H12)
//
// Four points of its history:
//
//   /a  #655   JSON, the prompt twice (value_codec.h). The log is never shortened. A value above 10 MiB is skipped by a
//              serving end and collected again every second, and not looked at by a dialer. The transport takes 4 MiB:
//              above it the stream breaks, comes back with zero watermarks, and breaks again. No gzip
//   (plain) #825  bincode; the log is compacted; both ends mark what is too big as sent. The transport still takes
//              4 MiB. As in /a, a dialing end stores what it receives and tells its tree nothing
//   /b  #899   and a list of pending operations (pending_ops.h): deltas where the watermark lies in it, the whole value
//              where not; 10 MiB, gzip; both ends tell their trees; a dialer keeps and trims what is too big (H2)
//   /c  #919   a placement only adds to pending and writes the value again with the next version; the list is rebuilt
//              from both every 60 rounds. Until the first of these a router with own placements takes no deltas
//
// Chosen where the history is silent: a full state of /c is the list and all that is pending; its checkpoint does not
// move the version; a value that does not decode cannot arise here. One thread writes: the original's request threads
// read and wrote in two steps and lost operations to each other. There, too, each request waited for its own write;
// here the mesh loop does it, so a router in trouble drops placements (offers_dropped) instead of answering late.
//
// Fixed (hazards.h): with H4 a value for each writer; with H9 a delta's operations alone are replayed, while the value
// is still written whole, for that is what this store does.
//
// Threads, order, ownership, errors: strategy.h. Bounds: crdt_log.h, pending_ops.h; none in bytes (historical).
// Records: local = operations written · sent, received = operations in frames · applied = those of accepted values and
// deltas · stale = those the version rule refused · unresolved = those a dialing end stored without telling its tree.
// Layers: value = structure · deltas = placements.
// Source: specification of the generations, §2 S1.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "impl/sync/generations/crdt_ops/crdt_log.h"
#include "impl/sync/generations/crdt_ops/value_codec.h"
#include "impl/sync/generations/driver.h"
#include "impl/sync/generations/offers.h"
#include "impl/sync/generations/pending_ops.h"

namespace prefixmesh::generations {

enum class CrdtOpsPoint : std::uint8_t { k655, k825, k899, k919 };

struct CrdtOpsOptions {
  CrdtOpsPoint point = CrdtOpsPoint::k825;
  std::string self_name = {};
  Constants constants = {};
  HazardSet fixed = {};
};

class CrdtOps final : public Generation {
 public:
  explicit CrdtOps(const CrdtOpsOptions& options);

  std::optional<Offer> Capture(const PlacementView& placement) const override { return CopyOf(placement); }
  void OnPlacement(Time now, Offer offer, Actions& actions) override;
  void OnRemoval(Time now, const Removal& removal, Actions& actions) override;
  void OnRound(Time now, Actions& actions) override;
  std::uint64_t Version(std::string_view key) const override;

  // ---- for tests
  const CrdtLog& log() const { return log_; }
  std::size_t pending(std::string_view key) const { return pending_.Count(key); }
  TreeState ListOf(std::string_view key) const;

 private:
  // Before #823 there was no gate; all that it saves is a scan that finds nothing.
  std::uint64_t StoreGeneration() const override { return log_.generation(); }
  std::vector<Batch> Collect(Time now, Collector& collector, Actions& actions) override;
  void Marked(PeerIndex /*peer*/, const std::string& key, std::uint64_t trim_watermark) override {
    pending_.TrimAfterMark(key, Version(key), trim_watermark);
  }
  void Refused(PeerIndex /*peer*/, const std::string& key) override { pending_.ForceTrim(key); }
  bool AsksForSnapshot() const override { return log_.entries().empty(); }
  std::vector<StoreEntry> Snapshot(Time now) override;
  Result<Checked> CheckEntry(const StoreEntryView& entry, StreamRole role) override;
  Result<Checked> Check(const Arrival& arrival) override;
  void AddBuffers(StrategyReport& report) const override;

  // One operation of this router into the model's value.
  void Write(const std::string& model, TreeOperation operation);
  // The pending operations into the lists.
  void Checkpoint();
  bool HasPending() const { return point_ >= CrdtOpsPoint::k899; }
  ValueForm form() const { return point_ == CrdtOpsPoint::k655 ? ValueForm::kJson : ValueForm::kBincode; }
  // Of a list that is then written; what its cap forgets is counted.
  void AppendTo(TreeState& list, const TreeOperation& operation);
  // What a peer sent is kept as it came.
  Checked TakeState(std::uint64_t records, std::string key, Bytes value, std::uint64_t version, StreamRole role);
  void TakeDelta(const DeltaView& delta, const std::string& key, Actions& actions);
  // Of the stored value, borrowed; empty if there is none.
  StateView StoredList(std::string_view key) const;
  StoreEntry WholeEntry(std::string_view key, const CrdtLog::Entry& entry, Time now) const;
  std::uint64_t OperationsIn(const CrdtLog::Entry& entry) const;

  const CrdtOpsPoint point_;
  CrdtLog log_;
  PendingOps pending_;
};

}  // namespace prefixmesh::generations
