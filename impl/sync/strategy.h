// strategy.h — start here for sync: the seam behind which every way of telling the peers lives. The A/B variable.
//
// A strategy is a pure state machine, (now, event) → actions. It has no threads, clocks, sockets or randomness of its
// own; the mesh (impl/mesh) drives it and carries out its actions in order (Actions says when).
// docs/adding-a-strategy.md shows one.
//
// Threads:   Capture is const and runs on request threads. Everything else runs on the mesh loop, one call at a time.
// Order:     nothing that reaches the wire may depend on the iteration order of an unordered container.
// Ownership: views passed in are borrowed for the call; a strategy pays for its own copies.
// Errors:    bytes from peers are hostile: a frame that does not decode changes nothing and is counted by reason.
// Bounds:    every buffer a strategy keeps has a byte bound and a drop rule, reported by Report. While a frame is
//            handled the heap grows by at most 2 x max(the frame, the size it declares) + 1 MiB.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "impl/base/function_ref.h"
#include "impl/base/ids.h"
#include "impl/base/slices.h"
#include "impl/env/env.h"
#include "impl/sync/trims.h"
#include "impl/tree/tree.h"
#include "impl/wire/tree_snapshot.h"

namespace prefixmesh {

// Which layer of the protocol a frame's bytes belong to; the names are those of result.json's by_layer.
enum class Layer : std::uint8_t { kPlacements, kStructure, kRepair, kDigest, kControl, kMembership, kCrdt };
inline constexpr std::size_t kLayerCount = 7;
const char* LayerName(Layer layer);

enum class IndexKind : std::uint8_t { kBlock, kText };
inline const char* IndexKindName(IndexKind kind) { return kind == IndexKind::kBlock ? "block" : "text"; }

// One request that was placed, seen by the strategy on the request thread.
struct PlacementView {
  std::string_view model;
  Kind kind = Kind::kText;
  const Slices* prompt = nullptr;  // the bytes themselves
  std::span<const NodeId> blocks;  // ids of its whole blocks (block index only)
  WorkerIndex worker;
  std::string_view worker_name;
  Incarnation worker_incarnation;
  // See Insertion in impl/tree/tree.h.
  std::uint32_t branch_depth = 0;
  Announcement branch = Announcement::kNone;
  std::uint32_t leaf_depth = 0;
  bool repeat = false;
  bool refresh = false;
  std::uint64_t matched_bytes = 0;  // what the tree held of the prompt before this placement
  bool by_load = false;             // loads were out of balance, so the prefix was not asked
};

// What a strategy keeps of a placement between the request thread and the mesh loop. Unused fields stay empty.
struct Offer {
  std::string model;
  Kind kind = Kind::kText;
  WorkerIndex worker;
  std::string worker_name;
  Incarnation worker_incarnation;
  std::uint32_t leaf_depth = 0;
  // First the branch (or none: has_branch), then the new anchors, last the leaf.
  std::vector<NodeId> ids;
  bool has_branch = false;
  std::string prompt;  // an owned copy of the prompt, or of its first part, if the strategy keeps text
  bool by_load = false;

  // What it costs in the bounded offer queue.
  std::size_t bytes() const {
    return sizeof(Offer) + model.size() + worker_name.size() + ids.size() * sizeof(NodeId) + prompt.size();
  }
};

// ---- actions --------------------------------------------------------------------------------------------------------

// Send one frame to one peer. The outcome comes back at once through OnSendResult with the same token.
struct SendFrame {
  PeerIndex peer;
  std::string frame;
  Layer layer = Layer::kPlacements;
  std::uint64_t token = 0;  // the strategy's own; 0 = no result wanted
  // How many of the frame's bytes are acks, loads and other control; accounted to kControl, the rest to `layer`.
  std::uint64_t control_bytes = 0;
};

// What was above a limit: one entry, a whole snapshot, a batch of entries, or a frame that the transport did not take.
enum class Oversize : std::uint8_t { kEntry, kSnapshot, kBatch, kTransport };
inline constexpr std::size_t kOversizeCount = 4;
const char* OversizeName(Oversize kind);

// Something was encoded and a limit of the strategy's own refused it. One INFO line and the oversize counter.
struct RefuseFrame {
  PeerIndex peer;
  Oversize kind = Oversize::kBatch;
  std::uint64_t bytes = 0;
  std::uint64_t limit_bytes = 0;
  Layer layer = Layer::kPlacements;
  std::string model;
};

// What came from a peer does not decode, or says what this router does not take. One WARN line per peer and kind in ten
// seconds; counting it is the strategy's (StrategyReport::rejects).
struct RejectFrame {
  PeerIndex peer;
  const char* kind = "";  // of what was wrong, as in the report's rejects, or of the frame
  std::string model;      // empty: it was not known, or there was more than one
};

// Tell the tree that `worker` holds `prompt` (text trees and token trees).
struct ApplyPrompt {
  std::string model;
  Kind kind = Kind::kText;
  std::string prompt;
  std::string worker_name;
};

// Merge a peer's whole text tree into this router's: three cases per node (same edge, one is a prefix, split), epochs
// by maximum. `body` is an encoded snapshot of a tree (generations::ViewTree took it).
struct ApplySnapshot {
  std::string model;
  std::string body;
};

// Take the worker out of the model's text tree.
struct ForgetTenant {
  std::string model;
  std::string worker_name;
};

// Tell the block index that `worker` holds the prefixes named by `ids`, according to (origin, seq). With origin 0 the
// announcement is this router's own and only got its seq: ids at which own runs end are stamped, nothing is added.
struct ApplyIds {
  std::string model;
  Kind kind = Kind::kText;
  std::string worker_name;
  Incarnation worker_incarnation;
  std::uint16_t origin = 0;  // the strategy's slot for the log's owner; 0 is this router
  std::uint32_t seq = 0;
  std::vector<NodeId> ids;
};

// Take back what ApplyIds said for exactly this (origin, seq): the record left its origin's window.
struct RetractIds {
  std::string model;
  Kind kind = Kind::kText;
  std::string worker_name;
  std::uint16_t origin = 0;
  std::uint32_t seq = 0;
  std::vector<NodeId> ids;
};

// Take back all that ApplyIds said for this origin below `seq`, at once: cheaper than many RetractIds. For origin 0:
// this router's announcements below it count as never made.
struct RetractBelow {
  std::uint16_t origin = 0;
  std::uint32_t seq = 0;
};

// The middle of an origin's window moved: announcements below it are old enough to be refreshed.
struct MoveRefreshMark {
  std::uint16_t origin = 0;
  std::uint32_t seq = 0;
};

// A peer's count of requests in flight per worker (absolute). Replaces what that peer said of that worker before.
struct ApplyLoad {
  PeerIndex peer;
  std::string worker_name;
  std::uint32_t in_flight = 0;
};

// All that a peer ever said about loads is void (it is gone).
struct ForgetLoads {
  PeerIndex peer;
};

// A peer says that the worker's register stands here. One of this router's own workers is asked itself, once a second
// at most; of another the register rises, and older incarnations become invisible.
struct ApplyRegister {
  std::string worker_name;
  Incarnation incarnation;
};

// End the stream to this peer, for this reason (a label of prefixmesh_sync_closed_total).
struct CloseStream {
  PeerIndex peer;
  std::string reason;
  bool by_size = false;  // because of something above a limit: counted beside the reason
};

using Action =
    std::variant<SendFrame, RefuseFrame, RejectFrame, ApplyPrompt, ApplySnapshot, ForgetTenant, ApplyIds, RetractIds,
                 RetractBelow, MoveRefreshMark, ApplyLoad, ForgetLoads, ApplyRegister, CloseStream>;

// What an event wants done, in order. An owner that gives `apply` has what only changes the trees and the fleet
// (Apply…, Forget…, Retract…, Move…), and what only is said (RejectFrame), carried out as it is made, so that a frame
// of 100,000 records is one action at a time and never a list of 100,000. Nothing overtakes: from the first action of
// another kind (a send, a refusal, a close) on, all are kept until the owner carries them out after the event. `apply`
// must not call the strategy.
//
// Threads: the mesh loop. Ownership: of the actions that are kept. Time, errors: none. Bounds: what is kept is bounded
// by the strategy; one that makes many changes for a frame makes them before it sends.
class Actions {
 public:
  using Apply = std::function<void(Action)>;

  Actions() = default;  // keeps all
  explicit Actions(Apply apply) : apply_(std::move(apply)) {}

  void push_back(Action action) {
    if (apply_ && kept_.empty() && IsChange(action)) return apply_(std::move(action));
    kept_.push_back(std::move(action));
  }
  bool empty() const { return kept_.empty(); }
  std::size_t size() const { return kept_.size(); }
  Action& operator[](std::size_t i) { return kept_[i]; }
  Action& back() { return kept_.back(); }
  auto begin() { return kept_.begin(); }
  auto end() { return kept_.end(); }
  auto begin() const { return kept_.begin(); }
  auto end() const { return kept_.end(); }
  void clear() { kept_.clear(); }

 private:
  static bool IsChange(const Action& action) {
    return !std::holds_alternative<SendFrame>(action) && !std::holds_alternative<RefuseFrame>(action) &&
           !std::holds_alternative<CloseStream>(action);
  }
  Apply apply_;
  std::vector<Action> kept_;
};

// ---- what a strategy may read ---------------------------------------------------------------------------------------

struct WorkerLoad {
  std::string_view name;
  Incarnation incarnation;
  std::uint32_t in_flight = 0;  // this router's own
};

class StrategyView {
 public:
  virtual ~StrategyView() = default;
  // Every worker this router knows, by name, ascending. Valid until the next call.
  virtual std::span<const WorkerLoad> Workers() const = 0;
  // Changes whenever anything in Workers() did.
  virtual std::uint64_t WorkersVersion() const = 0;
  virtual std::size_t PeerCount() const = 0;
  virtual std::string_view PeerName(PeerIndex peer) const = 0;
  // A new one for this router: nobody ever had it.
  virtual Incarnation NewIncarnation() const = 0;
  // Calls f(model, snapshot) for the model's text tree, or with no name for each, by model, ascending; one copy of all
  // edges at a time. Nothing where the trees hold no text.
  using SnapshotSink = FunctionRef<void(const std::string& model, generations::TreeSnapshot snapshot)>;
  virtual void SnapshotTextTrees(std::string_view /*model*/, SnapshotSink) const {}
};

// ---- reports --------------------------------------------------------------------------------------------------------

struct RecordCounts {
  std::uint64_t local = 0, sent = 0, received = 0, applied = 0, stale = 0, unresolved = 0;
};

// Bytes and entries of one buffer, by a fixed name. Filling it allocates nothing and walks nothing.
struct BufferSize {
  const char* name = "";
  std::uint64_t bytes = 0;
  std::uint64_t entries = 0;
};

struct StrategyReport {
  RecordCounts records;
  BufferSize buffers[8];
  std::size_t buffer_count = 0;
  Trims trims;
  std::uint64_t decode_errors = 0;
  std::uint64_t unknown_frames = 0;  // of a kind that this release does not know: skipped
  // What was not taken, by reason; decode_errors is among them. Empty: the strategy counts decode_errors alone.
  struct Rejects {
    const char* reason = "";
    std::uint64_t count = 0;
  };
  Rejects rejects[16];
  std::size_t reject_count = 0;

  void Add(const char* name, std::uint64_t bytes, std::uint64_t entries) {
    if (buffer_count < 8) buffers[buffer_count++] = {name, bytes, entries};
  }
};

// Where this router stands in one log: it holds [floor, head) of what `router` wrote in that life. Two routers whose
// positions are equal, sums included, hold the same.
struct LogPosition {
  std::string router;
  Incarnation incarnation;
  std::uint32_t floor = 1, head = 1;
  std::uint64_t sum = 0;  // of the records' hashes
};

// What a strategy is, before it runs.
struct StrategyTraits {
  std::string_view name;
  bool runs_on_block = false;
  bool runs_on_text = false;
  // The beat of OnRound; zero: never.
  Time round_period{0};
  // The beat of OnPeerTick for each stream, with a phase of its own that starts when the stream comes up; zero: never.
  Time peer_tick_period{0};
  // The transport's queue per peer: frames and bytes, whichever is reached first.
  std::size_t queue_frames = 1024;
  std::size_t queue_bytes = 8u << 20;
  // The transport's limit on one frame as it is on the wire, both ways.
  std::size_t frame_bytes = 1u << 20;
  // A gzipped frame that says it is larger ends the stream.
  std::size_t inflated_bytes = 1u << 20;
  // A frame above frame_bytes ends the stream, as it did when the limit was the transport's alone.
  bool oversize_ends_stream = false;
  bool gzip = false;
  // The bounded queue between request threads and the mesh loop; what does not fit is dropped and counted.
  std::size_t offer_bytes = 1u << 20;
  // Placements so far are handed over before each frame, too: for strategies whose original wrote its state on the
  // request thread, so that a frame saw all that was placed before it.
  bool offers_before_frames = false;
  // The strategy keeps records and can answer Holds.
  bool keeps_records = false;
};

class SyncStrategy {
 public:
  virtual ~SyncStrategy() = default;

  virtual const StrategyTraits& traits() const = 0;

  // Request thread: copy what is needed of this placement, or nothing. O(1) in the state, no I/O, no lock.
  virtual std::optional<Offer> Capture(const PlacementView& placement) const = 0;

  virtual void OnPlacement(Time now, Offer offer, Actions& actions) = 0;
  virtual void OnRound(Time now, Actions& actions) = 0;
  virtual void OnPeerTick(Time now, PeerIndex peer, Actions& actions) = 0;
  virtual void OnPeerUp(Time now, PeerIndex peer, StreamRole role, Actions& actions) = 0;
  virtual void OnPeerDown(Time now, PeerIndex peer, Actions& actions) = 0;
  virtual void OnFrame(Time now, PeerIndex peer, Bytes frame, Actions& actions) = 0;
  virtual void OnSendResult(Time now, PeerIndex peer, std::uint64_t token, SendOutcome outcome, Actions& actions) = 0;

  // True when a record of exactly this prefix and worker is kept, whatever the index forgot.
  virtual bool Holds(std::string_view model, Kind kind, NodeId leaf, std::string_view worker) const = 0;

  virtual StrategyReport Report() const = 0;

  // In canonical order, logs without records left out. Empty: a strategy that keeps no logs. Copies; not for every
  // beat.
  virtual std::vector<LogPosition> Positions() const { return {}; }
};

}  // namespace prefixmesh
