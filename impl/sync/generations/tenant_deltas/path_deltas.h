// path_deltas.h — the strategies "tenant-deltas/d1" to "/d4": the drafts of the seventh generation (#1011) whose
// records carried the whole prompt. From d2 on every record that arrives resolves: beside the merged form that
// separates what eight bytes cost in convergence from what they save.
//
//   placement   {prompt, url, counter before it} into the model's buffer, and an operation with the same prompt into
//               pending: it is kept twice
//   tick        the model's buffer is taken out, whatever becomes of it, and sent to this one stream. A tree whose
//               buffer another stream took gets what raw-ops sends: deltas or full states from pending (op_store.h)
//   received    the counter becomes the larger one; text paths as the draft has it; paths of tokens are skipped
//   10 rounds   pending into the list, as in raw-ops
//
//   /d1  f2c295f93, bce6bff1e  no tree is told of a record
//   /d2  3da2d6728, 1e5c0dffa  every text path is inserted for its url, whatever the versions say
//   /d3  a18d2a2f0             and of every 30th round with records of a stream they are dropped (structure_rounds.h);
//                              what was placed goes out of pending instead, which a peer refuses whose list does not
//                              reach that far, for records are in no list
//   /d4  27278036d             and a removal goes into the model's buffer, too: {path, url}, of everything with an
//   empty
//                              path, which takes the worker out of the peer's whole tree
//
// A removal of everything is an operation in pending, too, as in raw-ops. Evictions are otherwise ignored. Chosen where
// the history is silent: pending, checkpoints and snapshots are those of #961, from which the drafts were branched;
// what d1 did with a record is not on record, d2 is the first of which it is; tokens in a path are parted by commas; a
// token path counts as unresolved.
//
// Threads, order, ownership, errors: strategy.h. Bounds: those of raw-ops, and none on the buffers while no peer is
// connected (historical). Records and layers: tenant_deltas.h; of d1 all received records are unresolved.
// Source: specification of the generations, §2.9.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "impl/sync/generations/driver.h"
#include "impl/sync/generations/offers.h"
#include "impl/sync/generations/op_store.h"
#include "impl/sync/generations/tenant_deltas/structure_rounds.h"
#include "impl/wire/path_delta.h"

namespace prefixmesh::generations {

enum class PathDeltaDraft : std::uint8_t { kD1, kD2, kD3, kD4 };

struct PathDeltasOptions {
  PathDeltaDraft draft = PathDeltaDraft::kD2;
  std::string self_name = {};
  Constants constants = {};
  HazardSet fixed = {};
};

class PathDeltas final : public Generation {
 public:
  explicit PathDeltas(const PathDeltasOptions& options);

  std::optional<Offer> Capture(const PlacementView& placement) const override { return CopyOf(placement); }
  void OnPlacement(Time now, Offer offer, Actions& actions) override;
  void OnRemoval(Time now, const Removal& removal, Actions& actions) override;
  void OnRound(Time now, Actions& actions) override;

  std::uint64_t Version(std::string_view key) const override { return store_.Version(key); }
  const OpStore& store() const { return store_; }  // for tests

 private:
  std::uint64_t StoreGeneration() const override { return store_.generation(); }
  std::vector<Batch> Collect(Time now, Collector& collector, Actions& actions) override;
  void Marked(PeerIndex /*peer*/, const std::string& key, std::uint64_t trim_watermark) override {
    store_.TrimAfterMark(key, trim_watermark);
  }
  void Refused(PeerIndex /*peer*/, const std::string& key) override { store_.ForceTrim(key); }
  void StreamEnded(PeerIndex peer) override { structure_rounds_.PeerDown(peer); }
  bool AsksForSnapshot() const override { return store_.blobs() == 0; }
  std::vector<StoreEntry> Snapshot(Time now) override { return store_.Snapshot(now); }
  Result<Checked> Check(const Arrival& arrival) override;
  void AddBuffers(StrategyReport& report) const override;

  struct Records {
    std::vector<PathInsert> inserts;
    std::vector<PathEviction> evictions;  // from d4 on
  };
  template <typename Record>
  void Buffer(std::vector<Record>& list, Record record);
  void Receive(const std::string& key, const PathDeltaView& delta, Actions& actions);

  const PathDeltaDraft draft_;
  OpStore store_;
  StructureRounds structure_rounds_;        // from d3 on
  std::map<std::string, Records> buffers_;  // by model
  std::uint64_t buffered_ = 0;              // records
  std::uint64_t buffered_bytes_ = 0;
};

}  // namespace prefixmesh::generations
