// engine_stream.h — the batches of one engine in their order, each once: what came live, what a replay brings, and what
// to ask for. A pure state machine, (now, event) → actions, on payloads that it does not read.
//
// An engine numbers batches from 0 and begins again at 0, without a word, when it begins anew. It has no dump. Its
// replay tells what it keeps from a number on, truncated without a word, or nothing.
//
//   opened               ask from the last batch that was applied: the same one must come first, or the engine began
//                        anew; and once more after kAskSettled, because the engine hears late that somebody listens
//   next, live           applied
//   above, live          waits; asks as above
//   not above the last   the engine began anew. What is below `next` and above the last live one is late: a replay
//   live one             brought it, or, after kLateMax of them, told of more than there is, and the engine begins anew
//   replay begins above  the past is lost: all is forgotten, and goes on from there
//   no replay, in time   asked again, kAttemptsMax times; then what was missed is lost, and asked every kAskSlowly.
//                        What was before the opening is lost with it: nobody knows whether the engine is the same
//
// A batch that was to be applied and could not be read is one that was lost (OnUnreadable).
//
// Source: vLLM's kv_events (publisher and replay), as read in August to November 2026; the fence is our own.
// Threads: one. Ownership: moves payloads. Errors: counters. Time: `now` of each call; asks are repeated after
// kAskAgain, doubling, and are kAskApart at least. Bounds: kWaitingMax batches and kWaitingBytesMax wait, the oldest go
// first.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace prefixmesh::kvevents {

class EngineStream {
 public:
  using Time = std::chrono::nanoseconds;
  static constexpr std::size_t kWaitingMax = 1024, kWaitingBytesMax = 8u << 20;
  static constexpr int kAttemptsMax = 3;
  static constexpr Time kAskAgain = std::chrono::milliseconds(200), kAskSettled = std::chrono::seconds(1),
                        kAskSlowly = std::chrono::seconds(60), kAskApart = std::chrono::milliseconds(50);
  static constexpr std::uint64_t kLateMax = 1024;

  struct Ask {
    std::uint64_t from = 0;
  };
  struct Forget {};  // all that the engine holds
  struct Apply {
    std::string payload;
  };
  using Action = std::variant<Ask, Forget, Apply>;
  using Actions = std::vector<Action>;

  // `replays`: there is somebody to ask. `seed`: of the fence.
  EngineStream(bool replays, std::uint64_t seed) : replays_(replays), seed_(seed) {}

  void OnOpened(Time now, Actions& actions);
  void OnLive(Time now, std::uint64_t number, std::string payload, Actions& actions);
  // What the last Ask brought, one after the other, then the end; `whole`: the engine said that this is all. An Ask
  // takes the place of the one before: of that nothing comes any more.
  void OnReplayed(Time now, std::uint64_t number, std::string payload, Actions& actions);
  void OnReplayEnd(Time now, bool whole, Actions& actions);
  // One that was to be applied could not be read: who applies it has forgotten all.
  void OnUnreadable() { ++counts_.incomplete; }
  void OnTick(Time now, Actions& actions);
  std::optional<Time> NextTick() const { return ask_at_; }

  bool asking() const { return asking_; }
  std::uint64_t next() const { return next_; }
  struct Counts {
    std::uint64_t gaps = 0;        // times that numbers were missed
    std::uint64_t incomplete = 0;  // times that the past was lost: what the engine holds from then is not known
    std::uint64_t restarts = 0;    // times that the engine began anew
    std::uint64_t dropped = 0;     // batches that waited and found no room
    std::uint64_t late = 0;        // live ones that a replay had brought
  };
  const Counts& counts() const { return counts_; }

 private:
  struct Waiting {
    std::uint64_t number;
    std::string payload;
  };
  void StartAsking(Time now, Actions& actions);
  void AskAgainOrGoOn(Time now, Actions& actions);
  void GoOnWithout(Time now, Actions& actions);
  void TakeNext(std::string payload, Actions& actions);
  void Hold(std::uint64_t number, std::string payload);
  void ApplyWaiting(Time now, Actions& actions);
  // The past is lost; the next is this one.
  void LoseUntil(std::uint64_t number, Actions& actions);
  void BeginAnew(Time now, Actions& actions);
  std::uint64_t FenceOf(std::string_view payload) const;

  const bool replays_;
  const std::uint64_t seed_;
  std::uint64_t next_ = 0;                  // number that is to be applied next
  std::optional<std::uint64_t> fence_;      // of the batch before it
  std::optional<std::uint64_t> last_live_;  // of this connection
  bool sure_ = false;                       // what was applied is of the life that is connected
  bool settled_ = true;                     // nothing is to be asked but for a reason
  bool asking_ = false;
  bool fencing_ = false;   // the answer's first is to be the batch before `next_`
  bool progress_ = false;  // of the answer under way
  int attempts_ = 0;
  std::uint64_t late_in_a_row_ = 0;
  Time may_ask_at_{0};
  std::optional<Time> ask_at_;
  std::deque<Waiting> waiting_;  // ascending
  std::size_t waiting_bytes_ = 0;
  Counts counts_;
};

}  // namespace prefixmesh::kvevents
