#include "impl/sync/two_layer/registers.h"

#include <algorithm>
#include <numeric>

#include "impl/base/prng.h"
#include "impl/base/seeded_bug.h"

namespace prefixmesh::two_layer {
namespace {

std::uint64_t RegisterHash(std::string_view name, Incarnation incarnation) {
  return Mix64(HashText(name) ^ Mix64(incarnation.value));
}

}  // namespace

Registers::Registers(Names<WorkerName>& names, std::size_t peers)
    : names_(names),
      share_(std::max(kRegistersMax / std::max<std::size_t>(peers, 1), kRegistersShareMin)),
      by_(peers + 1, 0) {}

Registers::Standing Registers::StandingOf(const WorkerName& worker) const {
  const auto at = entries_.find(worker.name);
  if (at == entries_.end()) return Standing::kOlder;  // there was no room for it
  if (worker.incarnation == at->second.incarnation)
    return Seeded(Bug::kequal_register_stale) ? Standing::kOlder : Standing::kPresent;
  return worker.incarnation > at->second.incarnation && at->second.own ? Standing::kAhead : Standing::kOlder;
}

// `slot` is that of (worker, incarnation), with a reference for the entry.
void Registers::Set(std::string_view worker, Entry& entry, Incarnation incarnation, Slot slot) {
  if (entry.incarnation.value != 0) {
    names_.Release(entry.slot);
    hash_ -= RegisterHash(worker, entry.incarnation);
  }
  hash_ += RegisterHash(worker, incarnation);
  entry.incarnation = incarnation;
  entry.slot = slot;
  entry.changed_at = ++version_;
}

bool Registers::RaiseOwn(std::string_view worker, Incarnation incarnation) {
  auto at = entries_.find(worker);
  if (at == entries_.end()) at = entries_.try_emplace(std::string(worker)).first;
  Entry& entry = at->second;
  if (!entry.own && entry.by != kSelf) --by_[entry.by];
  entry.own = true;
  entry.by = kSelf;
  if (incarnation <= entry.incarnation) return false;
  const auto slot = names_.Acquire({at->first, incarnation}, kSelf);
  if (!slot) return false;
  Set(worker, entry, incarnation, *slot);
  return true;
}

bool Registers::HasRoom(Introducer by) const {
  const std::size_t others = std::accumulate(by_.begin() + 1, by_.end(), std::size_t{0});
  return by_[by] < share_ && others < kRegistersMax;
}

void Registers::Receive(const WorkerName& worker, Introducer by, bool complete, Actions& actions) {
  const auto at = entries_.find(worker.name);
  if (at != entries_.end() && at->second.own && !Seeded(Bug::khearsay_counts)) {
    if (worker.incarnation > at->second.incarnation || (complete && worker.incarnation != at->second.incarnation))
      Doubt(at->second, worker);
    return;
  }
  if (at != entries_.end() && worker.incarnation <= at->second.incarnation &&
      !(Seeded(Bug::kX12_register_not_max) && worker.incarnation < at->second.incarnation))
    return;
  if (at == entries_.end() && !HasRoom(by)) {
    ++refused_;
    return;
  }
  const auto slot = names_.Acquire(worker, by);
  if (!slot) {
    ++refused_;
    return;
  }
  const auto [place, made] = entries_.try_emplace(worker.name);
  Entry& entry = place->second;
  if (made) {
    entry.by = by;
    ++by_[by];
  }
  Set(worker.name, entry, worker.incarnation, *slot);
  actions.push_back(ApplyRegister{worker.name, worker.incarnation});
}

void Registers::Doubt(Entry& entry, const WorkerName& worker) {
  if (worker.incarnation.value == 0) return;
  if (entry.doubt.value == 0) doubts_.push_back(worker.name);
  entry.doubt = std::max(entry.doubt, worker.incarnation);
}

std::vector<WorkerName> Registers::TakeDoubts() {
  std::vector<WorkerName> doubts;
  for (std::string& name : doubts_) {
    Entry& entry = entries_.find(name)->second;
    if (entry.doubt != entry.incarnation) doubts.push_back({std::move(name), entry.doubt});
    entry.doubt = {};
  }
  doubts_.clear();
  return doubts;
}

std::vector<WorkerName> Registers::Since(std::uint64_t version) const {
  std::vector<WorkerName> changed;
  for (const auto& [name, entry] : entries_)
    if (entry.changed_at > version && entry.incarnation.value != 0) changed.push_back({name, entry.incarnation});
  return changed;
}

const Slot* Registers::SlotOf(std::string_view worker) const {
  const auto at = entries_.find(worker);
  return at != entries_.end() && at->second.incarnation.value != 0 ? &at->second.slot : nullptr;
}

}  // namespace prefixmesh::two_layer
