#include "impl/sync/two_layer/two_layer.h"

#include <algorithm>
#include <tuple>

#include "impl/base/check.h"
#include "impl/base/seeded_bug.h"
#include "impl/sync/two_layer/peer.h"

namespace prefixmesh::two_layer {
namespace {

ReplicaOptions ReplicaOptionsOf(const Options& options) {
  return {{options.router, options.incarnation}, options.window_bytes, 4 * options.window_bytes, options.dead_after};
}

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
      replica_(ReplicaOptionsOf(options_)) {
  traits_.name = "two-layer";
  traits_.runs_on_block = true;
  traits_.round_period = options_.round_period;
  traits_.queue_frames = 1024;
  traits_.queue_bytes = 8u << 20;
  traits_.frame_bytes = 4u << 20;
  traits_.keeps_records = true;
  for (std::size_t i = 0; i < view_.PeerCount(); ++i) peers_.push_back(std::make_unique<Peer>());
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

// What this router learned of its workers' lives by itself.
void TwoLayer::NoteWorkers(Actions& actions) {
  const std::uint64_t version = view_.WorkersVersion();
  if (version == view_version_) return;
  view_version_ = version;
  for (const WorkerLoad& load : view_.Workers())
    if (load.incarnation.value != 0) replica_.Register({std::string(load.name), load.incarnation}, actions);
}

void TwoLayer::OnRound(Time now, Actions& actions) {
  NoteWorkers(actions);
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
    if (!peer.greeted) {
      if (now - peer.hello_at >= kHeartbeat) SendHello(now, index, actions);
      continue;
    }
    if (now - peer.heard_at > silent_ && !peer.void_loads) {
      peer.void_loads = true;
      peer.loads_heard.Clear();
      actions.push_back(ForgetLoads{index});
    }
    if (peer.registers_known != replica_.registers_version()) SendRegisters(index, peer.registers_known, actions);
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
  Peer& peer = *peers_[index.value];
  if (!peer.flush) return;
  peer.flush = false;
  SendRound(now, index, actions);
}

void TwoLayer::Dispatch(Time now, PeerIndex index, Bytes frame, Actions& actions) {
  Peer& peer = *peers_[index.value];
  const Result<FrameKind> kind = PeekKind(frame);
  if (!kind.ok()) {
    if (kind.error().code != ErrorCode::kNotFound) return Reject(now, index, RefuseReason::kCorrupt, {}, actions);
    ++unknown_frames_;  // of a later release: skipped
    if (Seeded(Bug::kW21_unknown_kind_closes)) actions.push_back(CloseStream{index, "unknown"});
    return;
  }
  if (*kind == FrameKind::kHello) return OnHello(now, index, frame, actions);
  if (*kind == FrameKind::kRefuse) return OnRefusal(now, index, frame, actions);
  if (!peer.up) return;  // this router has ended the stream
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
      Result<Round> round = DecodeRound(frame, seal);
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
      for (const WorkerName& worker : *registers) replica_.Register(worker, actions);
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
    if (replica_.Merge(now, position, actions)) continue;
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
  if (vector.reply_wanted && now - peer.vector_at >= options_.round_period) SendVector(now, index, false, actions);
  Repair(now, actions);
}

void TwoLayer::OnDigest(Time now, PeerIndex index, const Digest& digest, Actions& actions) {
  Peer& peer = *peers_[index.value];
  const OriginKey key = KeyOf(view_.PeerName(index), peer.incarnation);
  if (digest.head > 1) {
    if (Replica::Log* log = replica_.FindOrMake(now, key, actions)) replica_.Heard(now, *log, digest, actions);
  }
  if (digest.load_hash != peer.loads_heard.hash() && !Seeded(Bug::kload_hash_ignored)) peer.resync_due = true;
  const Digest own = OwnDigest();
  if (digest.register_hash != own.register_hash &&
      (peer.registers_at < Time{0} || now - peer.registers_at >= kHeartbeat)) {
    peer.registers_at = now;
    SendRegisters(index, 0, actions);
  }
  const bool at_rest = peer.own_hash_then == own.vector_hash && peer.digest.vector_hash == digest.vector_hash;
  peer.own_hash_then = own.vector_hash;
  peer.digest = digest;
  if (digest.vector_hash == own.vector_hash) {  // the peer has all that is here
    for (auto& [log_key, sending] : peer.sending)
      if (const Replica::Log* log = replica_.Find(log_key)) {
        ForgetInFlight(peer, sending);
        sending.next = sending.acked = log->window.head();
      }
    return;
  }
  if (now - peer.vector_at < kHeartbeat) return;
  // While records are on their way digests differ without meaning anything: then one peer at a time is asked, in turn.
  // Unless some owner is out of reach, and this peer may know more.
  const bool out_of_reach = std::any_of(replica_.logs().begin(), replica_.logs().end(), [&](const auto& log) {
    return log.get() != &replica_.own() && !log->aged && !Reaches(now, *log);
  });
  const bool turn = index.value == vector_turn_ && now - vector_turn_at_ >= 5 * kHeartbeat;
  if (!at_rest && !out_of_reach && !turn) return;
  if (turn) {
    vector_turn_ = static_cast<std::uint16_t>((vector_turn_ + 1u) % peers_.size());
    vector_turn_at_ = now;
  }
  SendVector(now, index, true, actions);
}

void TwoLayer::OnPull(Time now, PeerIndex index, const Pull& pull, Actions& actions) {
  Peer& peer = *peers_[index.value];
  const Replica::Log* log = replica_.Find(pull.key);
  if (log == nullptr)
    return Reject(now, index, replica_.poisoned(pull.key) ? RefuseReason::kFork : RefuseReason::kUnknownOrigin,
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
  if (log->window.head() <= pull.from) return SendVector(now, index, false, actions);
  peer.flush = true;
}

// ---- rounds ---------------------------------------------------------------------------------------------------------

void TwoLayer::OnRoundFrame(Time now, PeerIndex index, Round& round, Actions& actions) {
  Peer& peer = *peers_[index.value];
  if (round.resync && !Seeded(Bug::kresync_ignored)) {
    peer.scopes_known = peer.workers_known = 0;
    peer.loads_unknown = true;
  }
  // What shows that this router's name has two writers ends all streams, and with them the meaning of what is left.
  for (const Ack& ack : round.acks) {
    OnAck(now, index, ack, actions);
    if (!peer.greeted) return;
  }
  if (!Define(peer, round, actions)) return RefuseAndClose(now, index, RefuseReason::kNames, actions);
  for (const Load& load : round.loads) {
    if (load.worker >= peer.workers.size() || !peer.workers[load.worker]) {
      peer.resync_due = true;
      continue;
    }
    const std::string& worker = replica_.workers()[*peer.workers[load.worker]].name;
    peer.loads_heard.Set(worker, load.in_flight);
    actions.push_back(ApplyLoad{index, worker, load.in_flight});
  }
  for (Range& range : round.ranges) {
    OnRange(now, index, range, actions);
    if (!peer.greeted) return;
  }
  if (round.has_digest) OnDigest(now, index, round.digest, actions);
}

bool TwoLayer::Define(Peer& peer, const Round& round, Actions& actions) {
  const auto define = [](auto& names, auto& slots, const auto& definition) {
    const auto slot = names.Acquire(definition.name);
    if (!slot) return false;
    if (slots.size() <= definition.slot) slots.resize(definition.slot + std::size_t{1});
    if (slots[definition.slot]) names.Release(*slots[definition.slot]);
    slots[definition.slot] = *slot;
    return true;
  };
  for (const auto& scope : round.scopes)
    if (!define(replica_.scopes(), peer.scopes, scope)) return false;
  for (const auto& worker : round.workers) {
    if (!define(replica_.workers(), peer.workers, worker)) return false;
    replica_.Register(worker.name, actions);
  }
  return true;
}

void TwoLayer::OnRange(Time now, PeerIndex index, Range& range, Actions& actions) {
  Peer& peer = *peers_[index.value];
  const OriginKey sender = KeyOf(view_.PeerName(index), peer.incarnation);
  const OriginKey key = range.key.router.empty() ? sender : range.key;
  if (peer.acks_due.empty()) peer.acks_since = now;
  bool& hole = peer.acks_due[key];  // every range is answered
  // The sender's slots become this router's; the checksum tells if one means another name here.
  std::uint64_t sum = 0;
  for (Record& record : range.records) {
    const bool known = record.scope < peer.scopes.size() && peer.scopes[record.scope] &&
                       record.worker < peer.workers.size() && peer.workers[record.worker];
    if (!known && Seeded(Bug::kW9_unknown_dropped)) {
      record.scope = record.worker = 0;
      continue;
    }
    if (!known) {
      peer.resync_due = hole = true;
      return;
    }
    record.scope = *peer.scopes[record.scope];
    record.worker = *peer.workers[record.worker];
    sum += EntryHash(record, replica_.scopes().hash(record.scope), replica_.workers().hash(record.worker));
  }
  if (static_cast<std::uint32_t>(sum) != range.checksum && !Seeded(Bug::kW9_unknown_dropped)) {
    peer.resync_due = hole = true;
    return;
  }
  const Accepted accepted = replica_.Accept(now, range, key, key == sender, records_, actions);
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

void TwoLayer::OnAck(Time now, PeerIndex index, const Ack& ack, Actions& actions) {
  Peer& peer = *peers_[index.value];
  const OriginKey& key = ack.key.router.empty() || Seeded(Bug::kack_of_any_log) ? replica_.own().key : ack.key;
  const Replica::Log* log = replica_.Find(key);
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
      positions.push_back(
          {log->key.router, log->key.incarnation, log->window.floor(), log->window.head(), log->window.sum});
  std::sort(positions.begin(), positions.end(), [](const LogPosition& a, const LogPosition& b) {
    return std::tie(a.router, a.incarnation) < std::tie(b.router, b.incarnation);
  });
  return positions;
}

}  // namespace prefixmesh::two_layer
