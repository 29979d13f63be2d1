// fleet.h — the workers this router knows: health, incarnation register and cluster-wide load.
//
// Load of a worker = requests in flight from this router + what each peer last said it has in flight there.
// Its queue = load + what it had at its last health check and none of us sent + requests that failed there lately: one
// that answers errors at once must not look idle. Places are handed out once per name and never reused, so a
// WorkerIndex stays good.
//
// Threads:  all methods from any thread; loads and health are atomics, the rest is under one mutex.
// Bounds:   kWorkersMax workers, names of 256 bytes, peers given at construction; what a worker says of itself counts
//           as kToldMax at most.
// Ownership: values. Errors: Intern gives nullopt when full, and for a longer name. Time: none.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "impl/base/ids.h"
#include "impl/base/mutex.h"

namespace prefixmesh {

// What a value did to a worker's register. After kNewIncarnation what was known of the older one holds no more.
enum class RegisterChange : std::uint8_t { kNone, kFirst, kNewIncarnation };

class Fleet {
 public:
  static constexpr std::size_t kWorkersMax = 2048;
  static constexpr std::uint32_t kToldMax = 1u << 16;

  explicit Fleet(std::size_t peer_count);

  // The same for a worker that this router was given: its register moves by its own word only. Before any peer speaks,
  // so that the own ones always fit.
  std::optional<WorkerIndex> InternOwn(std::string_view name);
  bool own(WorkerIndex worker) const { return slots_[worker.value].is_own.load(std::memory_order_relaxed); }
  // The slot of this worker, made if it is new. A worker that only peers spoke of has no address and is never chosen.
  std::optional<WorkerIndex> Intern(std::string_view name);
  std::optional<WorkerIndex> Find(std::string_view name) const;
  const std::string& name(WorkerIndex worker) const { return slots_[worker.value].name; }
  std::size_t size() const { return size_.load(std::memory_order_acquire); }

  void SetHealthy(WorkerIndex worker, bool healthy);
  bool healthy(WorkerIndex worker) const { return slots_[worker.value].healthy.load(std::memory_order_relaxed); }
  std::size_t healthy_count() const;

  // Raises the register. A value at or below it changes nothing.
  RegisterChange RaiseIncarnation(WorkerIndex worker, Incarnation incarnation);
  Incarnation incarnation(WorkerIndex worker) const {
    return Incarnation{slots_[worker.value].incarnation.load(std::memory_order_relaxed)};
  }

  void BeginRequest(WorkerIndex worker) { AddOwn(worker, +1); }
  void EndRequest(WorkerIndex worker) { AddOwn(worker, -1); }
  std::uint32_t own_in_flight(WorkerIndex worker) const {
    return static_cast<std::uint32_t>(slots_[worker.value].own.load(std::memory_order_relaxed));
  }
  // Never negative.
  std::uint32_t load(WorkerIndex worker) const { return LoadOf(slots_[worker.value]); }
  std::uint32_t queue(WorkerIndex worker) const { return load(worker) + others(worker); }
  // Of the queue, what is no request of ours.
  std::uint32_t others(WorkerIndex worker) const {
    const Slot& slot = slots_[worker.value];
    return slot.strange.load(std::memory_order_relaxed) + slot.failed.now() + slot.failed.before();
  }
  // How many requests it serves at once; 0: it did not tell.
  std::uint32_t slots(WorkerIndex worker) const { return slots_[worker.value].told.load(std::memory_order_relaxed); }
  // What it said of itself: its slots, and the requests that it has in all, running and waiting. The latter holds for
  // kLately at most: who is busy is not asked.
  void SetTold(WorkerIndex worker, std::uint64_t slots, std::uint64_t requests);
  // Requests that were placed there in the last kLately or half of it, by this router or by peers who announced it;
  // what peers announce once more, at a join or a repair, counts as well.
  std::uint32_t lately(WorkerIndex worker) const {
    const Slot& slot = slots_[worker.value];
    return slot.placed.now() + slot.placed.before();
  }
  // Requests that this router placed there in the last kFresh or half of it: peers have not heard of them all yet.
  std::uint32_t fresh(WorkerIndex worker) const {
    const Slot& slot = slots_[worker.value];
    return slot.fresh.now() + slot.fresh.before();
  }
  void NoteOwnPlacement(WorkerIndex worker) {
    slots_[worker.value].fresh.Add();
    NotePeerPlacement(worker);
  }
  void NotePeerPlacement(WorkerIndex worker) { slots_[worker.value].placed.Add(); }
  void NoteFailure(WorkerIndex worker) { slots_[worker.value].failed.Add(); }
  // To be called every half of kLately, and of kFresh: what is older is forgotten.
  static constexpr std::chrono::seconds kLately{10};
  static constexpr std::chrono::milliseconds kFresh{100};
  void AgeLately();
  void AgeFresh();
  std::size_t peer_count() const { return peer_count_; }
  // `unreached`: the peer does not reach the worker; what it has there still waits.
  void SetPeerLoad(PeerIndex peer, WorkerIndex worker, std::uint32_t in_flight, bool unreached = false);
  void ForgetPeerLoads(PeerIndex peer);
  // The peers that tell their loads: not those that are gone, and none of strategies that tell none.
  std::size_t peers_telling() const { return telling_.load(std::memory_order_relaxed); }
  // A request of a peer ended there since this was last asked: the worker is most likely alive.
  bool TakeServedPeer(WorkerIndex worker) {
    return slots_[worker.value].served_peer.exchange(false, std::memory_order_relaxed);
  }

  // Moves whenever a worker was added, a register rose, or an own load or health changed.
  std::uint64_t version() const { return version_.load(std::memory_order_acquire); }

 private:
  // Events of the half window that lasts, and of the one before.
  class HalfWindows {
   public:
    void Add() { now_.fetch_add(1, std::memory_order_relaxed); }
    void Turn() { before_.store(now_.exchange(0, std::memory_order_relaxed), std::memory_order_relaxed); }
    std::uint32_t now() const { return now_.load(std::memory_order_relaxed); }
    std::uint32_t before() const { return before_.load(std::memory_order_relaxed); }

   private:
    std::atomic<std::uint32_t> now_{0}, before_{0};
  };
  struct Slot {
    std::string name;  // set before size_ grows, constant after
    std::atomic<bool> is_own{false};
    std::atomic<bool> healthy{false};
    std::atomic<std::uint64_t> incarnation{0};
    std::atomic<std::int32_t> own{0};
    std::atomic<std::uint32_t> peers{0};
    std::atomic<std::uint32_t> told{0}, strange{0};
    std::atomic<bool> strange_is_new{false};  // since the last turn of what was lately
    std::atomic<bool> served_peer{false};
    HalfWindows placed, failed, fresh;
  };
  static std::uint32_t LoadOf(const Slot& slot) {
    return static_cast<std::uint32_t>(slot.own.load(std::memory_order_relaxed)) +
           slot.peers.load(std::memory_order_relaxed);
  }
  void AddOwn(WorkerIndex worker, std::int32_t change) {
    slots_[worker.value].own.fetch_add(change, std::memory_order_relaxed);
    version_.fetch_add(1, std::memory_order_release);
  }

  const std::size_t peer_count_;
  const std::unique_ptr<Slot[]> slots_;
  std::atomic<std::size_t> size_{0};
  std::atomic<std::uint64_t> version_{1};
  std::atomic<std::size_t> telling_{0};
  mutable Mutex mutex_;
  std::map<std::string, WorkerIndex, std::less<>> by_name_ PREFIXMESH_GUARDED_BY(mutex_);
  std::vector<std::vector<std::uint32_t>> peer_loads_ PREFIXMESH_GUARDED_BY(mutex_);  // [peer][worker]
};

}  // namespace prefixmesh
