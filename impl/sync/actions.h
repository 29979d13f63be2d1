// actions.h — what a strategy wants done: frames sent, refused and rejected, trees and fleet changed, streams ended.
//
// Threads: the mesh loop. Ownership: an action owns what it names. Errors, time: none. Bounds: strategy.h.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "impl/base/ids.h"

namespace prefixmesh {

// Which layer of the protocol a frame's bytes belong to; the names are those of result.json's by_layer.
enum class Layer : std::uint8_t { kPlacements, kStructure, kRepair, kDigest, kControl, kMembership, kCrdt };
inline constexpr std::size_t kLayerCount = 7;
const char* LayerName(Layer layer);

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
  bool unreached = false;  // the peer takes it for unhealthy; an own worker is asked, once a second at most
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

// End the stream to this peer, for this reason (a label of prefixmesh_sync_streams_closed_total).
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

}  // namespace prefixmesh
