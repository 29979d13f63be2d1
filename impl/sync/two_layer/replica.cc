#include "impl/sync/two_layer/replica.h"

#include <algorithm>
#include <numeric>

#include "impl/base/check.h"
#include "impl/base/prng.h"
#include "impl/base/seeded_bug.h"
#include "impl/sync/two_layer/frame_reader.h"

namespace prefixmesh::two_layer {
namespace {

// So many index slots there are for logs (BlockIndex::kOriginsMax); 0 is the own log's.
constexpr std::uint16_t kIndexSlots = 4095;
// Above it, records leave the index in one sweep instead of one by one.
constexpr std::uint32_t kSweepRecords = 4096;

std::uint64_t KeyHash(const OriginKey& key) { return Mix64(HashText(key.router) ^ Mix64(key.incarnation.value)); }

std::uint64_t RegisterEntryHash(std::string_view name, Incarnation incarnation) {
  return Mix64(HashText(name) ^ Mix64(incarnation.value));
}

}  // namespace

Replica::Replica(ReplicaOptions options)
    : options_(std::move(options)),
      scopes_(options_.peers.size()),
      workers_(options_.peers.size()),
      logs_by_(options_.peers.size() + 1, 0),
      registers_by_(options_.peers.size() + 1, 0) {
  logs_.push_back(std::make_unique<Log>());
  own_ = logs_.front().get();
  own_->key = options_.self;
  own_->key_hash = KeyHash(own_->key);
  ++logs_by_[kSelf];
}

// ---- own log --------------------------------------------------------------------------------------------------------

bool Replica::Append(const Offer& offer, Actions& actions) {
  const WorkerName worker{offer.worker_name, offer.worker_incarnation};
  const auto scope_slot = scopes_.Acquire({offer.model, offer.kind}, kSelf);
  const auto worker_slot = workers_.Acquire(worker, kSelf);
  const bool fits = scope_slot && worker_slot && own_->window.head() < kSeqMax;
  if (fits) {
    RegisterOwn(worker.name, worker.incarnation);  // a router places on its own workers only
    if (Seeded(Bug::kW15_seqs_restart) && own_->window.head() % 64 == 0) own_->window = Window();
    scratch_.seq = own_->window.head();
    scratch_.scope = *scope_slot;
    scratch_.worker = *worker_slot;
    scratch_.has_branch = offer.has_branch;
    scratch_.ids = offer.ids;
    AppendRecord(*own_, scratch_, kSelf, actions, nullptr);
  }
  if (scope_slot) scopes_.Release(*scope_slot);
  if (worker_slot) workers_.Release(*worker_slot);
  return fits;
}

void Replica::TrimOwn(Actions& actions) {
  while (own_->window.bytes() > options_.window_bytes && !Seeded(Bug::kX2_log_unbounded)) DropOldest(*own_);
  MoveMark(*own_, actions);
}

void Replica::Reincarnate(Time now, Incarnation incarnation, Actions& actions) {
  if (Seeded(Bug::kfork_kept)) return;
  const OriginKey old = own_->key;
  own_->key.incarnation = incarnation;
  own_->key_hash = KeyHash(own_->key);
  Poison(now, old, actions);
  if (own_->window.head() < kSeqMax) return;
  while (!own_->window.empty()) DropOldest(*own_);
  own_->window = Window();
  actions.push_back(RetractBelow{0, kSeqMax});  // nothing counts as announced
}

// ---- records --------------------------------------------------------------------------------------------------------

// The only place where a record enters a window.
void Replica::AppendRecord(Log& log, const Record& record, Introducer by, Actions& actions, RecordCounts* counts) {
  const WorkerName& worker = workers_[record.worker];
  const ScopeName& scope = scopes_[record.scope];
  const std::uint32_t seq = log.window.head();
  scopes_.Acquire(record.scope);
  workers_.Acquire(record.worker);
  log.window.Append(record);
  log.window.sum += EntryHash(record, scopes_.hash(record.scope), workers_.hash(record.worker));
  if (&log == own_) {
    // Tells the index the seq of this router's own announcement.
    const std::uint32_t stamp = seq + (Seeded(Bug::kstamp_off_by_one) ? 1 : 0);
    actions.push_back(ApplyIds{scope.model, scope.kind, worker.name, worker.incarnation, 0, stamp, record.ids});
    return;
  }
  RegisterHeard(worker, by, false, actions);
  switch (WordOf(worker)) {
    case Word::kOlder:
      ++counts->stale;  // kept, so that positions stay true, but about a life of the worker that is over
      return;
    case Word::kAhead:  // kept, and applied when the worker says so itself
      KeepAhead(log, seq);
      return;
    case Word::kPresent:
      break;
  }
  ++counts->applied;
  actions.push_back(
      ApplyIds{scope.model, scope.kind, worker.name, worker.incarnation, log.index_slot, record.seq, record.ids});
}

// The only place where a record leaves a window. The index is told by the caller. Leaves the record in scratch_.
void Replica::DropOldest(Log& log) {
  log.window.Read(log.window.floor(), scratch_);
  if (!Seeded(Bug::ksum_not_subtracted))
    log.window.sum -= EntryHash(scratch_, scopes_.hash(scratch_.scope), workers_.hash(scratch_.worker));
  log.window.DropOldest();
  scopes_.Release(scratch_.scope);
  workers_.Release(scratch_.worker);
}

void Replica::RaiseFloor(Log& log, std::uint32_t floor, Actions& actions) {
  if (floor <= log.window.floor()) return;
  if (Seeded(Bug::kfloor_off_by_one) && floor < log.window.head()) ++floor;
  const bool sweep = std::min(floor, log.window.head()) - log.window.floor() > kSweepRecords;
  while (!log.window.empty() && log.window.floor() < floor) {
    log.window.Read(log.window.floor(), scratch_);
    if (!sweep && !Seeded(Bug::kX6_floor_leaves_index)) {
      const ScopeName& scope = scopes_[scratch_.scope];
      actions.push_back(RetractIds{scope.model, scope.kind, workers_[scratch_.worker].name, log.index_slot,
                                   scratch_.seq, scratch_.ids});
    }
    DropOldest(log);
  }
  if (sweep) actions.push_back(RetractBelow{log.index_slot, floor});
  if (log.window.empty() && log.window.floor() < floor) log.window.Restart(floor);
  log.head_heard = std::max(log.head_heard, floor);
}

void Replica::MoveMark(Log& log, Actions& actions) {
  actions.push_back(MoveRefreshMark{log.index_slot, log.aged ? log.window.head() : log.window.middle()});
}

// ---- others' logs ---------------------------------------------------------------------------------------------------

Replica::Log* Replica::Find(const OriginKey& key) {
  for (const auto& log : logs_)
    if ((log->key.incarnation == key.incarnation && log->key.router == key.router) ||
        (Seeded(Bug::klives_mixed) && log->key.router == key.router))
      return log.get();
  return nullptr;
}

bool Replica::configured(const OriginKey& key) const {
  return key.router == options_.self.router ||
         std::find(options_.peers.begin(), options_.peers.end(), key.router) != options_.peers.end();
}

// Logs that one peer may introduce, its own among them: with all shares used there is room for the own log.
std::size_t Replica::LogsShare() const { return (kPositionsMax - 1) / options_.peers.size(); }

// Room for one more log of this introducer. A log that goes is learned again from whoever else has it.
bool Replica::MakeRoom(const OriginKey& key, Introducer by, bool direct, Actions& actions) {
  if (logs_by_[by] < LogsShare()) return true;
  const bool known = configured(key);
  const Log* victim = nullptr;
  for (const auto& log : logs_) {
    if (log->by != by || log->key == key || log.get() == own_) continue;
    const bool lower = !configured(log->key) && known;
    if (!direct && !lower) continue;
    const auto rank = [&](const Log& each) { return std::pair(configured(each.key), each.evidence_at); };
    if (victim == nullptr || rank(*log) < rank(*victim)) victim = log.get();
  }
  if (victim == nullptr) {
    ++logs_refused_;
    return false;
  }
  ++logs_evicted_;
  Erase(OriginKey(victim->key), actions);
  return true;
}

Replica::Log* Replica::FindOrMake(Time now, const OriginKey& key, Introducer by, bool direct, Actions& actions) {
  if (Log* log = Find(key)) {
    if (direct && log->by != by && log != own_ && MakeRoom(key, by, true, actions)) {
      --logs_by_[log->by];
      ++logs_by_[by];
      log->by = by;
    }
    return log;
  }
  if (poisoned(key) || !MakeRoom(key, by, direct, actions)) return nullptr;
  auto log = std::make_unique<Log>();
  log->key = key;
  log->by = by;
  ++logs_by_[by];
  log->key_hash = KeyHash(key);
  log->serial = ++logs_made_;
  log->evidence_at = log->progress_at = now;
  std::vector<bool> taken(logs_.size() + 2, false);
  for (const auto& other : logs_)
    if (other->index_slot < taken.size()) taken[other->index_slot] = true;
  while (taken[log->index_slot] && !(Seeded(Bug::kindex_slot_shared) && log->index_slot == 1)) ++log->index_slot;
  PREFIXMESH_CHECK(log->index_slot <= kIndexSlots);
  MoveMark(*log, actions);
  const auto at = std::lower_bound(logs_.begin() + 1, logs_.end(), key,
                                   [](const auto& other, const OriginKey& wanted) { return other->key < wanted; });
  return logs_.insert(at, std::move(log))->get();
}

void Replica::EvictOthersOf(Introducer by, const OriginKey& key, Actions& actions) {
  std::vector<OriginKey> victims;
  for (const auto& log : logs_)
    if (log->by == by && log->key != key && log.get() != own_) victims.push_back(log->key);
  logs_evicted_ += victims.size();
  for (const OriginKey& victim : victims) Erase(victim, actions);
}

Accepted Replica::Accept(Time now, const RangeView& range, const SlotMap& slots, const OriginKey& key, Introducer by,
                         bool direct, RecordCounts& counts, Actions& actions) {
  if (poisoned(key)) return Accepted::kPoisoned;
  Log* log = direct ? FindOrMake(now, key, by, true, actions) : Find(key);
  if (log == nullptr) return Accepted::kUnknown;
  if (direct) log->evidence_at = log->direct_at = now;
  const std::uint32_t end = range.end();
  // Only this router writes its own log: who has more of it, or later, has it from another writer.
  const bool foreign = log == own_ && (end > log->window.head() || range.floor > log->window.floor());
  if (log != own_ && !Seeded(Bug::kX7_floor_ignored)) RaiseFloor(*log, range.floor, actions);
  log->head_heard = std::max(log->head_heard, end);
  bool fork = foreign;
  for (RecordCursor cursor(range); cursor.seq() < log->window.head() && !fork && cursor.Next(incoming_);) {
    if (incoming_.seq < log->window.floor()) continue;
    log->window.Read(incoming_.seq, scratch_);
    fork = EntryHash(scratch_, scopes_.hash(scratch_.scope), workers_.hash(scratch_.worker)) !=
           EntryHash(incoming_, scopes_.hash(slots.scopes[incoming_.scope]),
                     workers_.hash(slots.workers[incoming_.worker]));
  }
  if (fork) {
    if (log != own_) Poison(now, key, actions);
    return Accepted::kFork;
  }
  if (log == own_) return Accepted::kYes;
  if (range.first_seq > log->window.head()) return Accepted::kHole;
  if (Seeded(Bug::khave_off_by_one) && range.first_seq == log->window.head() && range.first_seq > 9)
    return Accepted::kHole;
  for (RecordCursor cursor(range); cursor.Next(incoming_);) {
    Record& record = incoming_;
    record.scope = slots.scopes[record.scope];
    record.worker = slots.workers[record.worker];
    ++counts.received;
    if (record.seq < log->window.head() || (Seeded(Bug::kW17_one_counter) && record.seq < own_->window.head())) {
      ++counts.stale;  // a duplicate, or below the floor
      continue;
    }
    if (log->window.bytes() + record.bytes() > options_.copy_bytes) return Accepted::kTooBig;
    AppendRecord(*log, record, by, actions, &counts);
    log->progress_at = now;
  }
  MoveMark(*log, actions);
  return Accepted::kYes;
}

bool Replica::Merge(Time now, const Position& position, Introducer by, Actions& actions) {
  if (position.key == own_->key)
    return position.have <= own_->window.head() && position.floor <= own_->window.floor() &&
           (position.floor != own_->window.floor() || position.have != own_->window.head() ||
            position.sum == own_->window.sum);
  if (poisoned(position.key)) return false;
  Log* log = Find(position.key);
  const Time age = std::min<std::uint64_t>(position.age_ms, UINT32_MAX) * std::chrono::milliseconds(1);
  if (log == nullptr) {
    if (age > options_.dead_after * 3 / 4) return true;
    log = FindOrMake(now, position.key, by, false, actions);
    if (log == nullptr) return true;
    log->evidence_at = now - age;
    log->beat = position.beat;
  }
  // Only the owner raises the beat, so evidence that goes in circles, younger by every hop's delay, says nothing new.
  if (position.beat > log->beat || Seeded(Bug::ktaught_is_alive)) {
    log->beat = position.beat;
    log->evidence_at = std::max(log->evidence_at, Seeded(Bug::ktaught_is_alive) ? now : now - age);
  }
  log->head_heard = std::max(log->head_heard, position.have);
  RaiseFloor(*log, position.floor, actions);
  if (position.floor == log->window.floor() && position.have == log->window.head() && position.sum != log->window.sum) {
    Poison(now, position.key, actions);
    return false;
  }
  return true;
}

void Replica::Heard(Time now, Log& log, const Digest& digest, Actions& actions) {
  log.evidence_at = log.direct_at = now;
  log.beat = std::max(log.beat, digest.beat);
  log.head_heard = std::max(log.window.head(), digest.head);  // the owner knows best, also how little there is
  if (log.aged) {
    log.aged = false;
    MoveMark(log, actions);
  }
  RaiseFloor(log, digest.floor, actions);
}

void Replica::Expire(Time now, Actions& actions) {
  for (auto at = poisoned_.begin(); at != poisoned_.end();) at = at->second <= now ? poisoned_.erase(at) : ++at;
  own_->evidence_at = now;
  std::vector<OriginKey> dead;
  for (const auto& log : logs_) {
    if (age(now, *log) > options_.dead_after && !Seeded(Bug::kdead_stay)) dead.push_back(log->key);
    if (!log->aged && age(now, *log) > options_.dead_after / 4) {
      log->aged = true;
      MoveMark(*log, actions);
    }
  }
  for (const OriginKey& key : dead) Erase(key, actions);
}

void Replica::Erase(const OriginKey& key, Actions& actions) {
  const auto at = std::find_if(logs_.begin(), logs_.end(), [&](const auto& log) { return log->key == key; });
  if (at == logs_.end() || at->get() == own_) return;
  if (!Seeded(Bug::kerased_stays_in_index)) RaiseFloor(**at, (*at)->window.head(), actions);
  --logs_by_[(*at)->by];
  logs_.erase(at);
}

void Replica::Poison(Time now, const OriginKey& key, Actions& actions) {
  Erase(key, actions);
  if (poisoned_.size() >= kPoisonedMax && poisoned_.count(key) == 0)
    poisoned_.erase(std::min_element(poisoned_.begin(), poisoned_.end(),
                                     [](const auto& a, const auto& b) { return a.second < b.second; }));
  poisoned_[key] = now + 2 * options_.dead_after;
}

// ---- registers ------------------------------------------------------------------------------------------------------

Replica::Word Replica::WordOf(const WorkerName& worker) const {
  const auto at = registers_.find(worker.name);
  if (at == registers_.end()) return Word::kOlder;  // there was no room for it
  if (worker.incarnation == at->second.incarnation)
    return Seeded(Bug::kequal_register_stale) ? Word::kOlder : Word::kPresent;
  return worker.incarnation > at->second.incarnation && at->second.own ? Word::kAhead : Word::kOlder;
}

// `slot` is that of (worker, incarnation), with a reference for the entry.
void Replica::SetRegister(std::string_view worker, RegisterEntry& entry, Incarnation incarnation, Slot slot) {
  if (entry.incarnation.value != 0) {
    workers_.Release(entry.slot);
    register_hash_ -= RegisterEntryHash(worker, entry.incarnation);
  }
  register_hash_ += RegisterEntryHash(worker, incarnation);
  entry.incarnation = incarnation;
  entry.slot = slot;
  entry.changed_at = ++registers_version_;
}

void Replica::RegisterOwn(std::string_view worker, Incarnation incarnation) {
  auto at = registers_.find(worker);
  if (at == registers_.end()) at = registers_.try_emplace(std::string(worker)).first;
  RegisterEntry& entry = at->second;
  if (!entry.own && entry.by != kSelf) --registers_by_[entry.by];
  entry.own = true;
  entry.by = kSelf;
  if (incarnation <= entry.incarnation) return;
  const auto slot = workers_.Acquire({at->first, incarnation}, kSelf);
  if (!slot) return;
  SetRegister(worker, entry, incarnation, *slot);
  const bool ahead = std::any_of(logs_.begin(), logs_.end(), [](const auto& log) {
    return log->ahead_first != log->ahead_end || log->replay_at != log->replay_end;
  });
  if (!ahead || Seeded(Bug::kahead_not_replayed)) return;
  entry.replay_pass = replay_pass_ + 1;
  replay_due_ = true;
}

bool Replica::RoomForRegister(Introducer by) const {
  const std::size_t share = std::max(kRegistersMax / options_.peers.size(), kRegistersShareMin);
  const std::size_t others = std::accumulate(registers_by_.begin() + 1, registers_by_.end(), std::size_t{0});
  return registers_by_[by] < share && others < kRegistersMax;
}

void Replica::RegisterHeard(const WorkerName& worker, Introducer by, bool whole, Actions& actions) {
  const auto at = registers_.find(worker.name);
  if (at != registers_.end() && at->second.own && !Seeded(Bug::khearsay_counts)) {
    if (worker.incarnation > at->second.incarnation || (whole && worker.incarnation != at->second.incarnation))
      Doubt(at->second, worker);
    return;
  }
  if (at != registers_.end() && worker.incarnation <= at->second.incarnation &&
      !(Seeded(Bug::kX12_register_not_max) && worker.incarnation < at->second.incarnation))
    return;
  if (at == registers_.end() && !RoomForRegister(by)) {
    ++registers_refused_;
    return;
  }
  const auto slot = workers_.Acquire(worker, by);
  if (!slot) {
    ++registers_refused_;
    return;
  }
  const auto [place, made] = registers_.try_emplace(worker.name);
  RegisterEntry& entry = place->second;
  if (made) {
    entry.by = by;
    ++registers_by_[by];
  }
  SetRegister(worker.name, entry, worker.incarnation, *slot);
  actions.push_back(ApplyRegister{worker.name, worker.incarnation});
}

void Replica::KeepAhead(Log& log, std::uint32_t seq) {
  if (log.ahead_first == log.ahead_end) log.ahead_first = log.ahead_end = seq;
  log.ahead_first = std::min(log.ahead_first, seq);
  log.ahead_end = std::max(log.ahead_end, seq + 1);
}

void Replica::Doubt(RegisterEntry& entry, const WorkerName& worker) {
  if (worker.incarnation.value == 0) return;
  if (entry.heard.value == 0) doubts_.push_back(worker.name);
  entry.heard = std::max(entry.heard, worker.incarnation);
}

std::vector<WorkerName> Replica::TakeDoubts() {
  std::vector<WorkerName> doubts;
  for (std::string& name : doubts_) {
    RegisterEntry& entry = registers_[name];
    if (entry.heard != entry.incarnation) doubts.push_back({std::move(name), entry.heard});
    entry.heard = {};
  }
  doubts_.clear();
  return doubts;
}

void Replica::Replay(RecordCounts& counts, Actions& actions) {
  if (!replaying_ && !replay_due_) return;
  if (!replaying_) {
    replaying_ = true;
    replay_due_ = false;
    ++replay_pass_;
    for (const auto& log : logs_) {
      log->replay_at = log->ahead_first;
      log->replay_end = log->ahead_end;
      log->ahead_first = log->ahead_end = 0;
    }
  }
  // By slot, as far as it is known: what is done with records about that life.
  enum class Act : std::uint8_t { kUnknown, kPass, kKeep, kApply };
  std::vector<Act> acts(workers_.size(), Act::kUnknown);
  const auto act_on = [&](Slot slot) {
    if (acts[slot] != Act::kUnknown) return acts[slot];
    const Word word = WordOf(workers_[slot]);
    const auto at = registers_.find(workers_[slot].name);
    const bool now = word == Word::kPresent && at != registers_.end() && at->second.replay_pass == replay_pass_;
    return acts[slot] = now ? Act::kApply : word == Word::kAhead ? Act::kKeep : Act::kPass;
  };
  std::size_t read = 0, applied = 0;
  for (const auto& log : logs_) {
    log->replay_at = std::max(log->replay_at, std::min(log->window.floor(), log->replay_end));
    for (; log->replay_at < log->replay_end; ++log->replay_at) {
      if (++read > kReplayReadMax || applied >= kReplayAppliedMax) return;
      const std::uint32_t seq = log->replay_at;
      const Act act = act_on(log->window.WorkerOf(seq));
      if (act == Act::kKeep) KeepAhead(*log, seq);
      if (act != Act::kApply) continue;
      log->window.Read(seq, scratch_);
      const ScopeName& scope = scopes_[scratch_.scope];
      const WorkerName& worker = workers_[scratch_.worker];
      ++counts.applied;
      ++applied;
      actions.push_back(
          ApplyIds{scope.model, scope.kind, worker.name, worker.incarnation, log->index_slot, seq, scratch_.ids});
    }
  }
  replaying_ = false;
}

std::vector<WorkerName> Replica::RegistersSince(std::uint64_t version) const {
  std::vector<WorkerName> changed;
  for (const auto& [name, entry] : registers_)
    if (entry.changed_at > version && entry.incarnation.value != 0) changed.push_back({name, entry.incarnation});
  return changed;
}

const Slot* Replica::SlotOf(std::string_view worker) const {
  const auto at = registers_.find(worker);
  return at != registers_.end() && at->second.incarnation.value != 0 ? &at->second.slot : nullptr;
}

// ---- what stands where ----------------------------------------------------------------------------------------------

std::vector<Position> Replica::Positions(Time now) const {
  std::vector<Position> positions;
  for (const auto& log : logs_) {
    if (log->window.head() == 1) continue;  // nothing was ever written
    const auto age_ms = log.get() == own_ || Seeded(Bug::kage_not_relayed)
                            ? 0
                            : std::chrono::duration_cast<std::chrono::milliseconds>(age(now, *log)).count();
    positions.push_back({log->key, log->window.floor(), log->window.head(), log->window.sum,
                         static_cast<std::uint64_t>(std::max<std::int64_t>(age_ms, 0)), log->beat});
  }
  return positions;
}

std::uint64_t Replica::VectorHash() const {
  std::uint64_t hash = 0;  // a sum: the order of the logs does not matter
  for (const auto& log : logs_) {
    if (log->window.head() == 1) continue;
    if (Seeded(Bug::kH4_scalar_vector)) {
      hash += log->window.head() - log->window.floor();
      continue;
    }
    if (Seeded(Bug::kX8_digest_of_live_counter)) hash += log->beat;
    const std::uint64_t entry = Mix64(log->key_hash ^ (std::uint64_t{log->window.floor()} << 32 | log->window.head()));
    hash += Mix64(entry ^ log->window.sum);
  }
  return hash;
}

bool Replica::Holds(std::string_view model, Kind kind, NodeId leaf, std::string_view worker) const {
  Record record;
  for (const auto& log : logs_) {
    for (std::uint32_t seq = log->window.floor(); seq < log->window.head(); ++seq) {
      log->window.Read(seq, record);
      if (record.leaf() == leaf && workers_[record.worker].name == worker && scopes_[record.scope].model == model &&
          scopes_[record.scope].kind == kind)
        return true;
    }
  }
  return false;
}

std::uint64_t Replica::copies_bytes() const {
  std::uint64_t bytes = 0;
  for (const auto& log : logs_) bytes += log.get() != own_ ? log->window.bytes() : 0;
  return bytes;
}

std::uint64_t Replica::copies_count() const {
  std::uint64_t count = 0;
  for (const auto& log : logs_) count += log.get() != own_ ? log->window.count() : 0;
  return count;
}

std::string Replica::Dump() const {
  std::vector<const Log*> sorted;
  for (const auto& log : logs_)
    if (log->window.head() > 1) sorted.push_back(log.get());
  std::sort(sorted.begin(), sorted.end(), [](const Log* a, const Log* b) { return a->key < b->key; });
  std::string out;
  Record record;
  for (const Log* log : sorted) {
    out += "log " + log->key.router + "/" + std::to_string(log->key.incarnation.value) + " [" +
           std::to_string(log->window.floor()) + ", " + std::to_string(log->window.head()) + ")\n";
    for (std::uint32_t seq = log->window.floor(); seq < log->window.head(); ++seq) {
      log->window.Read(seq, record);
      out += std::to_string(seq) + " " + scopes_[record.scope].model + "/" + KindName(scopes_[record.scope].kind) +
             " " + workers_[record.worker].name + "/" + std::to_string(workers_[record.worker].incarnation.value) +
             (record.has_branch ? " b" : " -");
      for (const NodeId id : record.ids) out += " " + std::to_string(id.value);
      out += "\n";
    }
  }
  for (const auto& [name, entry] : registers_)
    if (entry.incarnation.value != 0) out += "register " + name + " " + std::to_string(entry.incarnation.value) + "\n";
  return out;
}

}  // namespace prefixmesh::two_layer
