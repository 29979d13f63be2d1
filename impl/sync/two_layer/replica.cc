#include "impl/sync/two_layer/replica.h"

#include <algorithm>

#include "impl/base/check.h"
#include "impl/base/prng.h"
#include "impl/base/seeded_bug.h"

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

Replica::Replica(ReplicaOptions options) : options_(std::move(options)) {
  logs_.push_back(std::make_unique<Log>());
  own_ = logs_.front().get();
  own_->key = options_.self;
  own_->key_hash = KeyHash(own_->key);
}

// ---- own log --------------------------------------------------------------------------------------------------------

bool Replica::Append(const Offer& offer, Actions& actions) {
  const WorkerName worker{offer.worker_name, offer.worker_incarnation};
  const auto scope_slot = scopes_.Acquire({offer.model, offer.kind});
  const auto worker_slot = workers_.Acquire(worker);
  const bool fits = scope_slot && worker_slot && own_->window.head() < kSeqMax;
  if (fits) {
    if (Seeded(Bug::kW15_seqs_restart) && own_->window.head() % 64 == 0) own_->window = Window();
    scratch_.seq = own_->window.head();
    scratch_.scope = *scope_slot;
    scratch_.worker = *worker_slot;
    scratch_.has_branch = offer.has_branch;
    scratch_.ids = offer.ids;
    AppendRecord(*own_, scratch_, actions, nullptr);
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
void Replica::AppendRecord(Log& log, const Record& record, Actions& actions, RecordCounts* counts) {
  const WorkerName& worker = workers_[record.worker];
  const ScopeName& scope = scopes_[record.scope];
  scopes_.Acquire(record.scope);
  workers_.Acquire(record.worker);
  log.window.Append(record);
  log.window.sum += EntryHash(record, scopes_.hash(record.scope), workers_.hash(record.worker));
  const bool current = Register(worker, actions);
  if (&log == own_) {
    // Tells the index the seq of this router's own announcement.
    const std::uint32_t seq = record.seq + (Seeded(Bug::kstamp_off_by_one) ? 1 : 0);
    actions.push_back(ApplyIds{scope.model, scope.kind, worker.name, worker.incarnation, 0, seq, record.ids});
    return;
  }
  if (!current) {
    ++counts->stale;  // kept, so that positions stay true, but about a life of the worker that is over
    return;
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

Replica::Log* Replica::FindOrMake(Time now, const OriginKey& key, Actions& actions) {
  if (Log* log = Find(key)) return log;
  if (poisoned(key) || logs_.size() >= kPositionsMax) return nullptr;
  auto log = std::make_unique<Log>();
  log->key = key;
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

Accepted Replica::Accept(Time now, const Range& range, const OriginKey& key, bool direct, RecordCounts& counts,
                         Actions& actions) {
  if (poisoned(key)) return Accepted::kPoisoned;
  Log* log = direct ? FindOrMake(now, key, actions) : Find(key);
  if (log == nullptr) return Accepted::kUnknown;
  if (direct) log->evidence_at = log->direct_at = now;
  const std::uint32_t end = range.first_seq + static_cast<std::uint32_t>(range.records.size());
  // Only this router writes its own log: who has more of it, or later, has it from another writer.
  const bool foreign = log == own_ && (end > log->window.head() || range.floor > log->window.floor());
  if (log != own_ && !Seeded(Bug::kX7_floor_ignored)) RaiseFloor(*log, range.floor, actions);
  log->head_heard = std::max(log->head_heard, end);
  bool fork = foreign;
  for (const Record& record : range.records) {
    if (fork || record.seq >= log->window.head()) break;
    if (record.seq < log->window.floor()) continue;
    log->window.Read(record.seq, scratch_);
    fork = EntryHash(scratch_, scopes_.hash(scratch_.scope), workers_.hash(scratch_.worker)) !=
           EntryHash(record, scopes_.hash(record.scope), workers_.hash(record.worker));
  }
  if (fork) {
    if (log != own_) Poison(now, key, actions);
    return Accepted::kFork;
  }
  if (log == own_) return Accepted::kYes;
  if (range.first_seq > log->window.head()) return Accepted::kHole;
  if (Seeded(Bug::khave_off_by_one) && range.first_seq == log->window.head() && range.first_seq > 9)
    return Accepted::kHole;
  for (const Record& record : range.records) {
    ++counts.received;
    if (record.seq < log->window.head() || (Seeded(Bug::kW17_one_counter) && record.seq < own_->window.head())) {
      ++counts.stale;  // a duplicate, or below the floor
      continue;
    }
    if (log->window.bytes() + record.bytes() > options_.copy_bytes) return Accepted::kTooBig;
    AppendRecord(*log, record, actions, &counts);
    log->progress_at = now;
  }
  MoveMark(*log, actions);
  return Accepted::kYes;
}

bool Replica::Merge(Time now, const Position& position, Actions& actions) {
  if (position.key == own_->key)
    return position.have <= own_->window.head() && position.floor <= own_->window.floor() &&
           (position.floor != own_->window.floor() || position.have != own_->window.head() ||
            position.sum == own_->window.sum);
  if (poisoned(position.key)) return false;
  Log* log = Find(position.key);
  const Time age = std::min<std::uint64_t>(position.age_ms, UINT32_MAX) * std::chrono::milliseconds(1);
  if (log == nullptr) {
    if (age > options_.dead_after * 3 / 4) return true;
    log = FindOrMake(now, position.key, actions);
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

bool Replica::Register(const WorkerName& worker, Actions& actions) {
  const auto at = registers_.find(worker.name);
  if (at != registers_.end() && worker.incarnation <= at->second.incarnation &&
      !(Seeded(Bug::kX12_register_not_max) && worker.incarnation < at->second.incarnation))
    return worker.incarnation == at->second.incarnation && !Seeded(Bug::kequal_register_stale);
  if (at == registers_.end() && registers_.size() >= kRegistersMax) return false;
  const auto slot = workers_.Acquire(worker);
  if (!slot) return false;
  if (at != registers_.end()) {
    workers_.Release(at->second.slot);
    register_hash_ -= RegisterEntryHash(worker.name, at->second.incarnation);
  }
  register_hash_ += RegisterEntryHash(worker.name, worker.incarnation);
  registers_[worker.name] = {worker.incarnation, *slot, ++registers_version_};
  if (!Seeded(Bug::kregister_not_applied)) actions.push_back(ApplyRegister{worker.name, worker.incarnation});
  return true;
}

std::vector<WorkerName> Replica::RegistersSince(std::uint64_t version) const {
  std::vector<WorkerName> changed;
  for (const auto& [name, entry] : registers_)
    if (entry.changed_at > version) changed.push_back({name, entry.incarnation});
  return changed;
}

const Slot* Replica::SlotOf(std::string_view worker) const {
  const auto at = registers_.find(worker);
  return at != registers_.end() ? &at->second.slot : nullptr;
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
    out += "register " + name + " " + std::to_string(entry.incarnation.value) + "\n";
  return out;
}

}  // namespace prefixmesh::two_layer
