#include "impl/route/fleet.h"

#include <algorithm>

namespace prefixmesh {
namespace {

constexpr std::size_t kNameBytesMax = 256;

}  // namespace

Fleet::Fleet(std::size_t peer_count) : peer_count_(peer_count), slots_(new Slot[kWorkersMax]) {
  MutexLock lock(mutex_);
  peer_loads_.resize(peer_count);
}

std::optional<WorkerIndex> Fleet::InternOwn(std::string_view name) {
  const std::optional<WorkerIndex> worker = Intern(name);
  if (worker) slots_[worker->value].is_own.store(true, std::memory_order_relaxed);
  return worker;
}

std::optional<WorkerIndex> Fleet::Intern(std::string_view name) {
  MutexLock lock(mutex_);
  if (const auto at = by_name_.find(name); at != by_name_.end()) return at->second;
  const std::size_t slot = size_.load(std::memory_order_relaxed);
  if (slot >= kWorkersMax || name.size() > kNameBytesMax) return std::nullopt;
  slots_[slot].name = name;
  const WorkerIndex worker{static_cast<std::uint16_t>(slot)};
  by_name_.emplace(name, worker);
  size_.store(slot + 1, std::memory_order_release);
  version_.fetch_add(1, std::memory_order_release);
  return worker;
}

std::optional<WorkerIndex> Fleet::Find(std::string_view name) const {
  MutexLock lock(mutex_);
  const auto at = by_name_.find(name);
  return at != by_name_.end() ? std::optional(at->second) : std::nullopt;
}

void Fleet::SetHealthy(WorkerIndex worker, bool healthy) {
  if (slots_[worker.value].healthy.exchange(healthy, std::memory_order_relaxed) != healthy)
    version_.fetch_add(1, std::memory_order_release);
}

std::size_t Fleet::healthy_count() const {
  std::size_t count = 0;
  for (std::size_t i = 0; i < size(); ++i) count += slots_[i].healthy.load(std::memory_order_relaxed);
  return count;
}

RegisterChange Fleet::RaiseIncarnation(WorkerIndex worker, Incarnation incarnation) {
  std::atomic<std::uint64_t>& registered = slots_[worker.value].incarnation;
  std::uint64_t current = registered.load(std::memory_order_relaxed);
  while (incarnation.value > current) {
    if (!registered.compare_exchange_weak(current, incarnation.value, std::memory_order_relaxed)) continue;
    version_.fetch_add(1, std::memory_order_release);
    return current == 0 ? RegisterChange::kFirst : RegisterChange::kNewIncarnation;
  }
  return RegisterChange::kNone;
}

void Fleet::SetTold(WorkerIndex worker, std::uint64_t slots, std::uint64_t requests) {
  Slot& slot = slots_[worker.value];
  const std::uint64_t told_max = kToldMax;
  slot.told.store(static_cast<std::uint32_t>(std::min(slots, told_max)), std::memory_order_relaxed);
  const std::uint64_t ours = LoadOf(slot);
  slot.strange.store(static_cast<std::uint32_t>(std::min(requests - std::min(requests, ours), told_max)),
                     std::memory_order_relaxed);
  slot.strange_is_new.store(true, std::memory_order_relaxed);
}

void Fleet::AgeLately() {
  for (std::size_t i = 0; i < size(); ++i) {
    if (!slots_[i].strange_is_new.exchange(false, std::memory_order_relaxed))
      slots_[i].strange.store(0, std::memory_order_relaxed);
    slots_[i].placed.Turn();
    slots_[i].failed.Turn();
  }
}

void Fleet::AgeFresh() {
  for (std::size_t i = 0; i < size(); ++i) slots_[i].fresh.Turn();
}

void Fleet::SetPeerLoad(PeerIndex peer, WorkerIndex worker, std::uint32_t in_flight, bool unreached) {
  MutexLock lock(mutex_);
  std::vector<std::uint32_t>& loads = peer_loads_[peer.value];
  if (loads.empty()) telling_.fetch_add(1, std::memory_order_relaxed);
  if (loads.size() <= worker.value) loads.resize(worker.value + std::size_t{1}, 0);
  if (in_flight < loads[worker.value] && !unreached)
    slots_[worker.value].served_peer.store(true, std::memory_order_relaxed);
  slots_[worker.value].peers.fetch_add(in_flight - loads[worker.value], std::memory_order_relaxed);
  loads[worker.value] = in_flight;
}

void Fleet::ForgetPeerLoads(PeerIndex peer) {
  MutexLock lock(mutex_);
  for (std::size_t worker = 0; worker < peer_loads_[peer.value].size(); ++worker)
    slots_[worker].peers.fetch_sub(peer_loads_[peer.value][worker], std::memory_order_relaxed);
  if (!peer_loads_[peer.value].empty()) telling_.fetch_sub(1, std::memory_order_relaxed);
  peer_loads_[peer.value].clear();
}

}  // namespace prefixmesh
