#include "impl/sync/two_layer/log_table.h"

#include <algorithm>
#include <utility>

#include "impl/base/check.h"
#include "impl/base/prng.h"
#include "impl/base/seeded_bug.h"

namespace prefixmesh::two_layer {
namespace {

// Number of index slots for logs (BlockIndex::kOriginsMax); 0 is the own log's.
constexpr std::uint16_t kIndexSlots = 4095;

std::uint64_t KeyHash(const OriginKey& key) { return Mix64(HashText(key.router) ^ Mix64(key.incarnation.value)); }

}  // namespace

LogTable::LogTable(const OriginKey& self, std::vector<std::string> peers, Time poisoned_for, Applier& applier)
    : self_(self.router),
      peers_(std::move(peers)),
      poisoned_for_(poisoned_for),
      applier_(applier),
      by_(peers_.size() + 1, 0) {
  logs_.push_back(std::make_unique<Log>());
  RenameOwn(self);
  ++by_[kSelf];
}

void LogTable::RenameOwn(const OriginKey& key) {
  own().key = key;
  own().key_hash = KeyHash(key);
}

Log* LogTable::Find(const OriginKey& key) const {
  for (const auto& log : logs_)
    if ((log->key.incarnation == key.incarnation && log->key.router == key.router) ||
        (Seeded(Bug::klives_mixed) && log->key.router == key.router))
      return log.get();
  return nullptr;
}

bool LogTable::configured(const OriginKey& key) const {
  return key.router == self_ || std::find(peers_.begin(), peers_.end(), key.router) != peers_.end();
}

bool LogTable::MakeRoom(const OriginKey& key, Introducer by, bool direct, Actions& actions) {
  // The share of one peer, its own log among them: with all shares used there is room for the own log of this router.
  if (by_[by] < (kPositionsMax - 1) / peers_.size()) return true;
  const bool known = configured(key);
  const Log* victim = nullptr;
  for (const auto& log : logs_) {
    if (log->by != by || log->key == key || log->own()) continue;
    const bool lower = !configured(log->key) && known;
    if (!direct && !lower) continue;
    const auto rank = [&](const Log& each) { return std::pair(configured(each.key), each.evidence_at); };
    if (victim == nullptr || rank(*log) < rank(*victim)) victim = log.get();
  }
  if (victim == nullptr) {
    ++refused_;
    return false;
  }
  ++evicted_;
  Erase(OriginKey(victim->key), actions);
  return true;
}

std::uint16_t LogTable::FreeIndexSlot() const {
  std::vector<bool> taken(logs_.size() + 2, false);
  for (const auto& log : logs_)
    if (log->index_slot < taken.size()) taken[log->index_slot] = true;
  std::uint16_t slot = 0;
  while (taken[slot] && !(Seeded(Bug::kindex_slot_shared) && slot == 1)) ++slot;
  PREFIXMESH_CHECK(slot <= kIndexSlots);
  return slot;
}

Log* LogTable::FindOrMake(Time now, const OriginKey& key, Introducer by, bool direct, Actions& actions) {
  if (Log* log = Find(key)) {
    if (direct && log->by != by && !log->own() && MakeRoom(key, by, true, actions)) {
      --by_[log->by];
      ++by_[by];
      log->by = by;
    }
    return log;
  }
  if (poisoned(key) || !MakeRoom(key, by, direct, actions)) return nullptr;
  auto log = std::make_unique<Log>();
  log->key = key;
  log->by = by;
  ++by_[by];
  log->key_hash = KeyHash(key);
  log->serial = ++made_;
  log->evidence_at = log->progress_at = now;
  log->index_slot = FreeIndexSlot();
  Applier::MoveMark(*log, actions);
  const auto at = std::lower_bound(logs_.begin() + 1, logs_.end(), key,
                                   [](const auto& other, const OriginKey& wanted) { return other->key < wanted; });
  return logs_.insert(at, std::move(log))->get();
}

void LogTable::Erase(const OriginKey& key, Actions& actions) {
  const auto at = std::find_if(logs_.begin(), logs_.end(), [&](const auto& log) { return log->key == key; });
  if (at == logs_.end() || (*at)->own()) return;
  if (!Seeded(Bug::kerased_stays_in_index)) applier_.RaiseFloor(**at, (*at)->window.head(), actions);
  --by_[(*at)->by];
  logs_.erase(at);
}

void LogTable::EvictOthersOf(Introducer by, const OriginKey& key, Actions& actions) {
  std::vector<OriginKey> victims;
  for (const auto& log : logs_)
    if (log->by == by && log->key != key && !log->own()) victims.push_back(log->key);
  evicted_ += victims.size();
  for (const OriginKey& victim : victims) Erase(victim, actions);
}

void LogTable::Poison(Time now, const OriginKey& key, Actions& actions) {
  Erase(key, actions);
  if (poisoned_.size() >= kPoisonedMax && poisoned_.count(key) == 0)
    poisoned_.erase(std::min_element(poisoned_.begin(), poisoned_.end(),
                                     [](const auto& a, const auto& b) { return a.second < b.second; }));
  poisoned_[key] = now + poisoned_for_;
}

void LogTable::ExpirePoison(Time now) {
  for (auto at = poisoned_.begin(); at != poisoned_.end();) at = at->second <= now ? poisoned_.erase(at) : ++at;
}

}  // namespace prefixmesh::two_layer
