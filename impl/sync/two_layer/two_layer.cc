#include "impl/sync/two_layer/two_layer.h"

#include <algorithm>
#include <tuple>

#include "impl/base/check.h"
#include "impl/base/seeded_bug.h"
#include "impl/sync/two_layer/frame_reader.h"
#include "impl/sync/two_layer/peer.h"

namespace prefixmesh::two_layer {
namespace {

ReplicaOptions ReplicaOptionsOf(const Options& options, const StrategyView& view) {
  ReplicaOptions replica{
      {options.router, options.incarnation}, options.window_bytes, 4 * options.window_bytes, options.dead_after, {}};
  for (std::uint16_t i = 0; i < view.PeerCount(); ++i) replica.peers.emplace_back(view.PeerName(PeerIndex{i}));
  return replica;
}

Introducer IntroducerOf(PeerIndex peer) { return static_cast<Introducer>(peer.value + 1); }

// Anchors are the ids at 1, 2, 4, … blocks up to `spacing`, then at every `spacing`. Adds those between `from` and the
// leaf, but for one that lies less than half a gap below the branch: the branch names the worker as well.
void AppendAnchors(std::span<const NodeId> blocks, std::uint32_t from, const PlacementView& placement,
                   std::uint32_t spacing, std::vector<NodeId>& ids) {
  if (spacing == 0) return;
  for (std::uint32_t depth = 1, gap = 1; depth < placement.leaf_depth; depth += gap) {
    const std::uint32_t branch = placement.branch_depth;
    const bool at_branch = branch > 0 && depth >= branch && 2 * (depth - branch) < gap;
    if (depth > from && !at_branch) ids.push_back(blocks[depth - 1]);
    gap = depth < spacing ? std::min(depth, spacing - depth) : spacing;
  }
}

}  // namespace

TwoLayer::TwoLayer(Options options, const StrategyView& view)
    : options_(std::move(options)),
      view_(view),
      silent_(3 * (kHeartbeat + options_.round_period)),
      replica_(ReplicaOptionsOf(options_, view_)) {
  traits_.name = "two-layer";
  traits_.runs_on_block = true;
  traits_.round_period = options_.round_period;
  traits_.queue_frames = 1024;
  traits_.queue_bytes = 8u << 20;
  traits_.frame_bytes = kFrameBytesMax;
  traits_.keeps_records = true;
  for (std::size_t i = 0; i < view_.PeerCount(); ++i) peers_.push_back(std::make_unique<Peer>());
  NoteWorkers();  // before any peer speaks: of own workers only their word counts
}

TwoLayer::~TwoLayer() = default;

// ---- local placements -----------------------------------------------------------------------------------------------

std::optional<Offer> TwoLayer::Capture(const PlacementView& placement) const {
  if (placement.leaf_depth == 0 || (placement.repeat && !placement.refresh)) return std::nullopt;
  Offer offer;
  offer.model = placement.model;
  offer.kind = placement.kind;
  offer.worker = placement.worker;
  offer.worker_name = placement.worker_name;
  offer.worker_incarnation = placement.worker_incarnation;
  offer.leaf_depth = placement.leaf_depth;
  // What was announced long ago is about to leave the window: then everything is said again, anchors included.
  const bool old_branch = placement.branch == Announcement::kOld;
  const std::uint32_t from = placement.refresh || old_branch ? 0 : placement.branch_depth;
  offer.has_branch = placement.branch_depth > 0 && placement.branch_depth < placement.leaf_depth &&
                     placement.branch != Announcement::kFresh;
  if (offer.has_branch) offer.ids.push_back(placement.blocks[placement.branch_depth - 1]);
  // A prompt so long that it has more anchors than a record may name gets them wider apart.
  const std::size_t before = offer.ids.size();
  for (std::uint32_t spacing = options_.anchors;; spacing *= 2) {
    AppendAnchors(placement.blocks, from, placement, spacing, offer.ids);
    if (offer.ids.size() < kRecordIdsMax) break;
    offer.ids.resize(before);
  }
  offer.ids.push_back(placement.blocks[placement.leaf_depth - 1]);
  return offer;
}

void TwoLayer::OnPlacement(Time now, Offer offer, Actions& actions) {
  (void)now;
  (void)actions;
  ++records_.local;
  pending_bytes_ += offer.bytes();
  pending_.push_back(std::move(offer));
}

// Stamps what is new, in the order of the leaves, so that the order costs nothing on the wire.
void TwoLayer::Collect(Time now, Actions& actions) {
  if (Seeded(Bug::kW16_round_forgotten) && replica_.own().beat % 30 == 29) pending_.clear();
  if (pending_.empty()) return;
  if (replica_.own().window.head() + pending_.size() >= kSeqMax) GoOnAnew(now, actions);
  std::stable_sort(pending_.begin(), pending_.end(),
                   [](const Offer& a, const Offer& b) { return a.ids.back() < b.ids.back(); });
  for (const Offer& offer : pending_)
    if (!replica_.Append(offer, actions)) ++records_.unresolved;
  pending_.clear();
  pending_bytes_ = 0;
  replica_.TrimOwn(actions);
}

// What this router's workers said of their lives themselves.
void TwoLayer::NoteWorkers() {
  const std::uint64_t version = view_.WorkersVersion();
  if (version == view_version_) return;
  view_version_ = version;
  for (const WorkerLoad& load : view_.Workers()) replica_.RegisterOwn(load.name, load.incarnation);
}

// What was heard of own workers and is not what they said: they are asked (BlockActions), once per frame at most.
void TwoLayer::AskWorkers(Actions& actions) {
  if (!replica_.registers().has_doubts()) return;
  NoteWorkers();  // they may have said it meanwhile
  for (WorkerName& worker : replica_.registers().TakeDoubts())
    if (!Seeded(Bug::kregister_not_applied))
      actions.push_back(ApplyRegister{std::move(worker.name), worker.incarnation});
}

void TwoLayer::OnRound(Time now, Actions& actions) {
  NoteWorkers();
  replica_.Replay(records_, actions);
  Collect(now, actions);
  if (beat_at_ < Time{0} || now - beat_at_ >= kHeartbeat) {
    ++replica_.own().beat;
    beat_at_ = now;
  }
  replica_.Expire(now, actions);
  Repair(now, actions);
  const bool ask_around = std::any_of(replica_.logs().begin(), replica_.logs().end(), [&](const auto& log) {
    return replica_.age(now, *log) > options_.dead_after / 2;
  });
  for (std::uint16_t i = 0; i < peers_.size(); ++i) {
    const PeerIndex index{i};
    Peer& peer = *peers_[i];
    if (!peer.up) continue;
    peer.flushed_bytes = 0;
    SendRefusals(now, index, actions);
    if (!peer.greeted) {
      if (now - peer.hello_at >= kHeartbeat) SendHello(now, index, actions);
      continue;
    }
    if (now - peer.heard_at > silent_ && !peer.void_loads) {
      peer.void_loads = true;
      peer.loads_heard.Clear();
      actions.push_back(ForgetLoads{index});
    }
    Restate(now, peer);
    if (peer.registers_known != replica_.registers().version()) SendRegisters(now, index, peer.registers_known, actions);
    // A log is about to be dropped here: does anyone know better? And a peer whose vector was lost is asked again.
    const Time ask_every = peer.positioned ? options_.dead_after / 8 : Time(kHeartbeat);
    if ((ask_around || !peer.positioned) && now - peer.vector_at >= ask_every) SendVector(now, index, true, actions);
    SendRound(now, index, actions);
  }
}

void TwoLayer::OnPeerTick(Time now, PeerIndex peer, Actions& actions) {
  (void)now;
  (void)peer;
  (void)actions;
}

// ---- frames ---------------------------------------------------------------------------------------------------------

// The one place where frames of both ends of a stream come in.
void TwoLayer::OnFrame(Time now, PeerIndex index, Bytes frame, Actions& actions) {
  Dispatch(now, index, frame, actions);
  AskWorkers(actions);
  SendRefusals(now, index, actions);
  Flush(now, index, actions);
}

void TwoLayer::Dispatch(Time now, PeerIndex index, Bytes frame, Actions& actions) {
  Peer& peer = *peers_[index.value];
  if (!peer.up) return;  // this router has ended the stream
  const Result<FrameKind> kind = PeekKind(frame);
  if (!kind.ok()) {
    if (kind.error().code != ErrorCode::kNotFound) return Reject(now, index, RefuseReason::kCorrupt, {}, actions);
    ++unknown_frames_;  // of a later release: skipped
    if (Seeded(Bug::kW21_unknown_kind_closes)) actions.push_back(CloseStream{index, "unknown"});
    return;
  }
  if (*kind == FrameKind::kHello) return OnHello(now, index, frame, actions);
  if (*kind == FrameKind::kRefuse) return OnRefusal(now, index, frame, actions);
  if (!peer.greeted) return Reject(now, index, RefuseReason::kCorrupt, {}, actions);  // nothing goes before a hello
  const std::uint64_t seal = SealKey(peer.incarnation, replica_.own().key.incarnation);
  const auto heard = [&] {
    peer.heard_at = now;
    peer.corrupt_in_a_row = 0;
    peer.void_loads = false;
  };
  const auto corrupt = [&] { Reject(now, index, RefuseReason::kCorrupt, {}, actions); };
  switch (*kind) {
    case FrameKind::kRound: {
      const Result<Round> round = DecodeRound(frame, seal);
      if (!round.ok()) return corrupt();
      heard();
      return OnRoundFrame(now, index, *round, actions);
    }
    case FrameKind::kVector: {
      const Result<Vector> vector = DecodeVector(frame, seal);
      if (!vector.ok()) return corrupt();
      heard();
      return OnVector(now, index, *vector, actions);
    }
    case FrameKind::kRegisters: {
      const Result<std::vector<WorkerName>> registers = DecodeRegisters(frame, seal);
      if (!registers.ok()) return corrupt();
      heard();
      for (const WorkerName& worker : *registers) replica_.registers().Receive(worker, IntroducerOf(index), true, actions);
      return;
    }
    case FrameKind::kPull: {
      const Result<Pull> pull = DecodePull(frame, seal);
      if (!pull.ok()) return corrupt();
      heard();
      return OnPull(now, index, *pull, actions);
    }
    case FrameKind::kHello:
    case FrameKind::kRefuse:
      break;
  }
}

// ---- where things stand ---------------------------------------------------------------------------------------------

void TwoLayer::OnVector(Time now, PeerIndex index, const Vector& vector, Actions& actions) {
  Peer& peer = *peers_[index.value];
  peer.vector = vector.positions;
  // It replaces what was believed: a log that is not named is not there.
  std::uint32_t own_have = 1;
  for (const Position& position : vector.positions) {
    const bool own = position.key == replica_.own().key;
    if (own) own_have = position.have;
    if (replica_.Merge(now, position, IntroducerOf(index), actions)) continue;
    if (own) return GoOnAnew(now, actions);
    Reject(now, index, RefuseReason::kFork, position.key, actions);
  }
  Sending& sending = peer.sending[replica_.own().key];
  if (!peer.positioned || own_have < sending.acked) {
    ForgetInFlight(peer, sending);
    sending.next = sending.acked = Seeded(Bug::kW8_no_history) ? replica_.own().window.head() : own_have;
  } else {
    OnAck(now, index, {{}, own_have, false}, actions);
    if (!peer.greeted) return;
  }
  peer.positioned = true;
  if (Seeded(Bug::kH6_echo))
    for (const auto& log : replica_.logs()) peer.sending[log->key].lease_until = now + 1000 * kLease;
  if (vector.reply_wanted && now - peer.vector_at >= kHeartbeat) SendVector(now, index, false, actions);
  Repair(now, actions);
}

void TwoLayer::OnDigest(Time now, PeerIndex index, const Digest& digest, Actions& actions) {
  Peer& peer = *peers_[index.value];
  const OriginKey key = KeyOf(view_.PeerName(index), peer.incarnation);
  if (digest.head > 1) replica_.MergeDirect(now, key, digest, IntroducerOf(index), actions);
  if (digest.load_hash != peer.loads_heard.hash() && !Seeded(Bug::kload_hash_ignored)) peer.resync_due = true;
  const Digest own = OwnDigest();
  if (digest.register_hash != own.register_hash) {
    if (digest.register_hash != peer.digest.register_hash || own.register_hash != peer.own_registers_then)
      peer.registers_wait = kHeartbeat;
    if (peer.registers_at < Time{0} || now - peer.registers_at >= peer.registers_wait) {
      peer.registers_at = now;
      peer.registers_wait = std::min<Time>(2 * peer.registers_wait, kDisagreeMax);
      SendRegisters(now, index, 0, actions);
    }
  }
  peer.own_registers_then = own.register_hash;
  const bool at_rest = peer.own_hash_then == own.vector_hash && peer.digest.vector_hash == digest.vector_hash;
  peer.own_hash_then = own.vector_hash;
  peer.digest = digest;
  if (digest.vector_hash == own.vector_hash) {  // the peer has all that is here
    for (auto& [log_key, sending] : peer.sending)
      if (const Log* log = replica_.table().Find(log_key)) {
        ForgetInFlight(peer, sending);
        sending.next = sending.acked = log->window.head();
      }
    return;
  }
  if (!at_rest) peer.vector_wait = kHeartbeat;
  if (now - peer.vector_at < peer.vector_wait) return;
  // While records are on their way digests differ without meaning anything: then one peer at a time is asked, in turn.
  // Unless some owner is out of reach, and this peer may know more.
  const bool out_of_reach = std::any_of(replica_.logs().begin(), replica_.logs().end(), [&](const auto& log) {
    return !log->own() && !log->aged && !Reaches(now, *log);
  });
  const bool turn = index.value == vector_turn_ && now - vector_turn_at_ >= 5 * kHeartbeat;
  if (!at_rest && !out_of_reach && !turn) return;
  if (turn) {
    vector_turn_ = static_cast<std::uint16_t>((vector_turn_ + 1u) % peers_.size());
    vector_turn_at_ = now;
  }
  if (at_rest) peer.vector_wait = std::min<Time>(2 * peer.vector_wait, kDisagreeMax);
  SendVector(now, index, true, actions);
}

void TwoLayer::OnPull(Time now, PeerIndex index, const Pull& pull, Actions& actions) {
  Peer& peer = *peers_[index.value];
  const Log* log = replica_.table().Find(pull.key);
  if (log == nullptr)
    return Reject(now, index, replica_.table().poisoned(pull.key) ? RefuseReason::kFork : RefuseReason::kUnknownOrigin,
                  pull.key, actions);
  const bool renewed = peer.sending.count(pull.key) > 0;
  Sending& sending = peer.sending[pull.key];
  if (Seeded(Bug::kW8_no_history)) return;
  sending.lease_until = now + kLease;
  // A renewal says where the puller stands; what is under way to it is not sent twice.
  if (!renewed || pull.from > sending.next || now - sending.moved_at >= kPullAfter) {
    ForgetInFlight(peer, sending);
    sending.next = sending.acked = pull.from;
  }
  if (log->window.head() <= pull.from) {
    if (now - peer.vector_at >= kHeartbeat) SendVector(now, index, false, actions);
    return;
  }
  peer.flush = true;
}

// ---- rounds ---------------------------------------------------------------------------------------------------------

void TwoLayer::OnRoundFrame(Time now, PeerIndex index, const Round& round, Actions& actions) {
  Peer& peer = *peers_[index.value];
  if (round.resync && !Seeded(Bug::kresync_ignored)) peer.resync_asked = true;
  // What shows that this router's name has two writers ends all streams, and with them the meaning of what is left.
  for (const Ack& ack : round.acks) {
    OnAck(now, index, ack, actions);
    if (!peer.greeted) return;
  }
  if (!Define(peer, round)) return RefuseAndClose(now, index, RefuseReason::kNames, actions);
  const auto worker_of = [&peer](const Load& load) -> const std::string* {
    const bool known = load.worker < peer.workers.size() && peer.workers[load.worker];
    return known ? &peer.workers[load.worker]->name.name : nullptr;
  };
  for (const Load& load : round.loads) {
    const std::string* worker = worker_of(load);
    if (worker == nullptr) peer.resync_due = true;
    if (worker != nullptr) peer.loads_heard.Set(*worker, load.in_flight);
  }
  for (const Load& load : round.loads) {
    const std::string* worker = worker_of(load);
    if (worker == nullptr) continue;
    const std::uint32_t counted = peer.loads_heard.Counted(*worker);
    loads_clamped_ += counted < load.in_flight;
    actions.push_back(ApplyLoad{index, *worker, counted});
  }
  for (const RangeView& range : round.views) {
    OnRange(now, index, range, actions);
    if (!peer.greeted) return;
  }
  if (round.has_digest) OnDigest(now, index, round.digest, actions);
}

// False: more bytes of names than a stream may have.
bool TwoLayer::Define(Peer& peer, const Round& round) {
  const auto define = [&peer](auto& names, auto& slots, const auto& definition, std::size_t bytes_before,
                              std::size_t bytes) {
    if (slots.size() <= definition.slot) slots.resize(definition.slot + std::size_t{1});
    auto& defined = slots[definition.slot];
    if (defined && defined->slot) names.Release(*defined->slot);
    peer.names_bytes += bytes - bytes_before;
    defined = {definition.name, definition.name.Hash(), std::nullopt};
  };
  for (const auto& scope : round.scopes) {
    const bool again = scope.slot < peer.scopes.size() && peer.scopes[scope.slot];
    define(replica_.names().scopes, peer.scopes, scope, again ? peer.scopes[scope.slot]->name.model.size() : 0,
           scope.name.model.size());
  }
  for (const auto& worker : round.workers) {
    const bool again = worker.slot < peer.workers.size() && peer.workers[worker.slot];
    define(replica_.names().workers, peer.workers, worker, again ? peer.workers[worker.slot]->name.name.size() : 0,
           worker.name.name.size());
  }
  return peer.names_bytes <= kStreamNameBytesMax;
}

// Gives this router's slots to the names that `slots_` marks. False: they do not fit.
bool TwoLayer::Resolve(PeerIndex index, const OriginKey& key, bool relayed, Actions& actions) {
  Peer& peer = *peers_[index.value];
  const Introducer by = IntroducerOf(index);
  const auto resolve = [&](auto& names, auto& defined, std::vector<Slot>& slots) {
    for (std::size_t slot = 0; slot < std::min(slots.size(), defined.size()); ++slot) {
      if (slots[slot] == SlotMap::kNoSlot || !defined[slot]) continue;
      if (!defined[slot]->slot) defined[slot]->slot = names.Acquire(defined[slot]->name, by, relayed);
      if (!defined[slot]->slot) return false;
      slots[slot] = *defined[slot]->slot;
    }
    return true;
  };
  const auto all = [&] {
    return resolve(replica_.names().scopes, peer.scopes, slots_.scopes) &&
           resolve(replica_.names().workers, peer.workers, slots_.workers);
  };
  if (all()) return true;
  if (relayed) return false;
  replica_.table().EvictOthersOf(by, key, actions);  // former lives of this router, and what it told of others
  return all();
}

void TwoLayer::OnRange(Time now, PeerIndex index, const RangeView& range, Actions& actions) {
  Peer& peer = *peers_[index.value];
  const OriginKey sender = KeyOf(view_.PeerName(index), peer.incarnation);
  const OriginKey key = range.key.router.empty() ? sender : range.key;
  // Every range is answered: what is not kept here with a refusal, all else with an ack.
  if (replica_.table().poisoned(key)) return Reject(now, index, RefuseReason::kFork, key, actions);
  if (key != sender && replica_.table().Find(key) == nullptr)
    return Reject(now, index, RefuseReason::kUnknownOrigin, key, actions);
  if (peer.acks_due.empty()) peer.acks_since = now;
  MakeRoomForAck(peer, key, sender);
  bool& hole = peer.acks_due[key];
  // The checksum tells if one of the sender's slots means another name here.
  std::uint64_t sum = 0;
  slots_.scopes.assign(peer.scopes.size(), SlotMap::kNoSlot);
  slots_.workers.assign(peer.workers.size(), SlotMap::kNoSlot);
  for (RecordCursor cursor(range); cursor.Next(record_);) {
    const bool known = record_.scope < peer.scopes.size() && peer.scopes[record_.scope] &&
                       record_.worker < peer.workers.size() && peer.workers[record_.worker];
    if (!known && Seeded(Bug::kW9_unknown_dropped)) {
      slots_.scopes.resize(kNamesMax, 0);
      slots_.workers.resize(kNamesMax, 0);
      slots_.scopes[record_.scope] = slots_.workers[record_.worker] = 0;
      continue;
    }
    if (!known) {
      peer.resync_due = hole = true;
      return;
    }
    slots_.scopes[record_.scope] = slots_.workers[record_.worker] = 0;  // to be resolved
    sum += EntryHash(record_, peer.scopes[record_.scope]->hash, peer.workers[record_.worker]->hash);
  }
  if (static_cast<std::uint32_t>(sum) != range.checksum && !Seeded(Bug::kW9_unknown_dropped)) {
    peer.resync_due = hole = true;
    return;
  }
  if (!Resolve(index, key, key != sender, actions)) {
    if (key == sender) return RefuseAndClose(now, index, RefuseReason::kNames, actions);
    ++rejects_[static_cast<std::size_t>(RefuseReason::kNames)];
    peer.acks_due.erase(key);
    std::erase_if(peer.vector, [&](const Position& position) { return position.key == key; });
    return Reject(now, index, RefuseReason::kUnknownOrigin, key, actions);
  }
  const Accepted accepted =
      replica_.Accept(now, range, slots_, key, IntroducerOf(index), key == sender, records_, actions);
  switch (accepted) {
    case Accepted::kYes:
      hole = false;  // also one that an earlier range left
      break;
    case Accepted::kHole:
      hole = true;
      break;
    case Accepted::kFork:
      peer.acks_due.erase(key);
      if (key == replica_.own().key) return GoOnAnew(now, actions);
      return Reject(now, index, RefuseReason::kFork, key, actions);
    case Accepted::kPoisoned:
      peer.acks_due.erase(key);
      return Reject(now, index, RefuseReason::kFork, key, actions);
    case Accepted::kUnknown:
      peer.acks_due.erase(key);
      return Reject(now, index, RefuseReason::kUnknownOrigin, key, actions);
    case Accepted::kTooBig:
      return RefuseAndClose(now, index, RefuseReason::kTooBig, actions);
  }
  if (range.more) peer.flush = peer.ack_at_once = true;  // a page: the next one waits for this ack
}

// At most kPositionsMax acks are due to a peer, as many as a frame may hold: then one of a log that is gone goes, else
// the last that is not of the peer's own log.
void TwoLayer::MakeRoomForAck(Peer& peer, const OriginKey& key, const OriginKey& sender) {
  if (peer.acks_due.size() < kPositionsMax || peer.acks_due.count(key) > 0) return;
  auto victim = peer.acks_due.end();
  for (auto at = peer.acks_due.begin(); at != peer.acks_due.end(); ++at) {
    if (at->first == sender) continue;
    victim = at;
    if (replica_.table().Find(at->first) == nullptr) break;
  }
  peer.acks_due.erase(victim);
  ++acks_dropped_;
}

void TwoLayer::OnAck(Time now, PeerIndex index, const Ack& ack, Actions& actions) {
  Peer& peer = *peers_[index.value];
  const OriginKey& key = ack.key.router.empty() || Seeded(Bug::kack_of_any_log) ? replica_.own().key : ack.key;
  const Log* log = replica_.table().Find(key);
  const auto at = peer.sending.find(key);
  if (log == nullptr || at == peer.sending.end()) return;
  if (ack.have > log->window.head()) {
    if (log == &replica_.own()) GoOnAnew(now, actions);  // more of this router's log than it wrote
    return;
  }
  Sending& sending = at->second;
  if (ack.have > sending.acked) {
    sending.acked = ack.have;
    sending.moved_at = now;
    sending.unanswered = 0;
  }
  while (!sending.in_flight.empty() && sending.in_flight.front().end <= ack.have) {
    peer.unacked_bytes -= sending.in_flight.front().bytes;
    sending.in_flight.pop_front();
  }
  if (ack.hole) {
    ForgetInFlight(peer, sending);
    sending.next = ack.have;
  }
  // The next page of a long transfer goes out when this one arrived.
  if (sending.in_flight.empty() && sending.next < log->window.head()) peer.flush = true;
}

// ---- reading --------------------------------------------------------------------------------------------------------

bool TwoLayer::Holds(std::string_view model, Kind kind, NodeId leaf, std::string_view worker) const {
  return replica_.Holds(model, kind, leaf, worker);
}

StrategyReport TwoLayer::Report() const {
  StrategyReport report;
  report.records = records_;
  report.decode_errors = decode_errors_;
  report.unknown_frames = unknown_frames_;
  for (std::size_t reason = 1; reason < std::size(rejects_); ++reason)
    report.rejects[report.reject_count++] = {RefuseReasonName(static_cast<RefuseReason>(reason)), rejects_[reason]};
  for (const auto& [reason, count] :
       {std::pair("acks_dropped", acks_dropped_), std::pair("refusals_dropped", refusals_dropped_),
        std::pair("loads_clamped", loads_clamped_), std::pair("logs_refused", replica_.table().refused()),
        std::pair("logs_evicted", replica_.table().evicted()),
        std::pair("registers_refused", replica_.registers().refused())})
    report.rejects[report.reject_count++] = {reason, count};
  report.Add("own_window", replica_.own().window.bytes(), replica_.own().window.count());
  report.Add("peer_windows", replica_.copies_bytes(), replica_.copies_count());
  report.Add("pending", pending_bytes_, pending_.size());
  std::uint64_t unacked_bytes = 0, unacked_peers = 0;
  for (const auto& peer : peers_) {
    unacked_bytes += peer->unacked_bytes;
    unacked_peers += peer->unacked_bytes > 0;
  }
  report.Add("unacked", unacked_bytes, unacked_peers);
  return report;
}

std::vector<LogPosition> TwoLayer::Positions() const {
  std::vector<LogPosition> positions;
  for (const auto& log : replica_.logs())
    if (log->window.head() > 1)
      positions.push_back({log->key.router, log->key.incarnation, log->window.floor(), log->window.head(),
                           log->window.sum, log->serial, log.get() == &replica_.own()});
  std::sort(positions.begin(), positions.end(), [](const LogPosition& a, const LogPosition& b) {
    return std::tie(a.router, a.incarnation) < std::tie(b.router, b.incarnation);
  });
  return positions;
}

}  // namespace prefixmesh::two_layer
