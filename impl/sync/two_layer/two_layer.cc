#include "impl/sync/two_layer/two_layer.h"

#include <algorithm>

#include "impl/base/check.h"

namespace prefixmesh::two_layer {
namespace {

// Depths at which a record names an id, strictly between branch and leaf: 1, 2, 4, … up to the spacing, then every one.
void AppendAnchors(std::span<const NodeId> blocks, std::uint32_t branch, std::uint32_t leaf, std::uint32_t spacing,
                   std::vector<NodeId>& ids) {
  if (spacing == 0) return;
  for (std::uint32_t depth = 1; depth < leaf; depth = depth < spacing ? std::min(depth * 2, spacing) : depth + spacing)
    if (depth > branch) ids.push_back(blocks[depth - 1]);
}

}  // namespace

struct TwoLayer::Peer {
  struct InFlight {
    std::uint32_t end;  // acknowledged when the peer has this
    std::uint64_t bytes;
  };

  // What becomes true when the transport has taken the frame.
  struct Commit {
    std::uint32_t end = 1;
    std::uint64_t bytes = 0;
    std::size_t workers = 0, scopes = 0;
    std::uint64_t records = 0;
    bool acks = false;
    std::uint64_t workers_version = 0;
    std::vector<Load> loads;
  };

  bool up = false;
  bool greeted = false;  // its hello is in and fits
  Incarnation incarnation;

  // Our log at the peer.
  std::uint32_t sent = 1;  // next seq to send; goes back to what is acknowledged when a stream breaks
  std::uint32_t acked = 1;
  std::deque<InFlight> in_flight;
  std::uint64_t unacked_bytes = 0;
  std::size_t scopes_defined = 0;
  std::size_t workers_defined = 0;
  std::vector<std::uint32_t> loads_sent;  // by our worker slot
  std::uint64_t workers_version = 0;      // of the view, when loads_sent was true

  // The peer's log here.
  std::vector<ScopeName> scopes;
  std::vector<WorkerName> workers;
  bool ack_due = false;
  bool hole = false;

  Commit commit;
};

TwoLayer::TwoLayer(Options options, const StrategyView& view) : options_(std::move(options)), view_(view) {
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
  // A refresh says everything again: what said it first is about to leave the window, anchors included.
  const std::uint32_t branch = placement.refresh ? 0 : placement.branch_depth;
  offer.has_branch = branch > 0 && branch < placement.leaf_depth;
  if (offer.has_branch) offer.ids.push_back(placement.blocks[branch - 1]);
  // A prompt so long that it has more anchors than a record may name gets them wider apart.
  const std::size_t before = offer.ids.size();
  for (std::uint32_t spacing = options_.anchors;; spacing *= 2) {
    AppendAnchors(placement.blocks, branch, placement.leaf_depth, spacing, offer.ids);
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
void TwoLayer::Collect(Actions& actions) {
  if (pending_.empty()) return;
  std::stable_sort(pending_.begin(), pending_.end(),
                   [](const Offer& a, const Offer& b) { return a.ids.back() < b.ids.back(); });
  for (Offer& offer : pending_) {
    const auto scope = scopes_.Intern({offer.model, offer.kind});
    const auto worker = workers_.Intern({offer.worker_name, offer.worker_incarnation});
    if (!scope || !worker) {
      ++records_.unresolved;
      continue;
    }
    scratch_.scope = *scope;
    scratch_.worker = *worker;
    scratch_.has_branch = offer.has_branch;
    scratch_.ids = offer.ids;
    Register({offer.worker_name, offer.worker_incarnation}, actions);
    const std::uint32_t seq = own_.head();
    own_.Append(scratch_);
    // Tells the index the seq of this router's own announcement.
    actions.push_back(
        ApplyIds{offer.model, offer.kind, offer.worker_name, offer.worker_incarnation, 0, seq, {offer.ids.back()}});
  }
  pending_.clear();
  pending_bytes_ = 0;
  while (own_.bytes() > options_.window_bytes) own_.DropOldest();
  actions.push_back(MoveRefreshMark{0, own_.middle()});
}

// ---- sending --------------------------------------------------------------------------------------------------------

void TwoLayer::OnRound(Time now, Actions& actions) {
  (void)now;
  Collect(actions);
  for (std::uint16_t i = 0; i < peers_.size(); ++i)
    if (peers_[i]->up && peers_[i]->greeted) SendRound(PeerIndex{i}, actions);
}

void TwoLayer::SendRound(PeerIndex index, Actions& actions) {
  Peer& peer = *peers_[index.value];
  Round round;
  if (peer.ack_due) {
    const Origin& origin = OriginOf(std::string(view_.PeerName(index)), peer.incarnation, actions);
    round.has_ack = true;
    round.ack = {peer.incarnation, origin.window.head(), peer.hole};
  }
  // Loads first: interning a worker may add definitions. Untouched while nothing changed, so that idle costs nothing.
  const std::uint64_t workers_version = view_.WorkersVersion();
  const bool loads_moved = workers_version != peer.workers_version;
  for (const WorkerLoad& load : loads_moved ? view_.Workers() : std::span<const WorkerLoad>()) {
    const auto slot = workers_.Intern({std::string(load.name), load.incarnation});
    if (!slot) continue;
    if (peer.loads_sent.size() <= *slot) peer.loads_sent.resize(*slot + std::size_t{1}, 0);
    if (peer.loads_sent[*slot] == load.in_flight) continue;
    round.loads.push_back({*slot, load.in_flight});
  }
  std::sort(round.loads.begin(), round.loads.end(), [](const Load& a, const Load& b) { return a.worker < b.worker; });

  peer.sent = std::max(peer.sent, own_.floor());
  std::uint64_t bytes = 0;
  round.floor = own_.floor();
  round.first_seq = peer.sent;
  std::uint32_t end = peer.sent;
  while (end < own_.head() && bytes < options_.peer_round_bytes &&
         peer.unacked_bytes + bytes < options_.peer_unacked_bytes) {
    round.records.emplace_back();
    own_.Read(end, round.records.back());
    bytes += round.records.back().ids.size() * sizeof(NodeId) + 12;
    ++end;
  }
  round.has_range = !round.records.empty();
  if (!round.has_ack && round.loads.empty() && !round.has_range) {  // nothing new: silence
    peer.workers_version = workers_version;
    return;
  }

  if (round.has_range || !round.loads.empty()) {
    round.first_scope = static_cast<std::uint16_t>(peer.scopes_defined);
    for (std::size_t i = peer.scopes_defined; i < scopes_.size(); ++i)
      round.scopes.push_back(scopes_[static_cast<std::uint16_t>(i)]);
    round.first_worker = static_cast<std::uint16_t>(peer.workers_defined);
    for (std::size_t i = peer.workers_defined; i < workers_.size(); ++i)
      round.workers.push_back(workers_[static_cast<std::uint16_t>(i)]);
  }
  const std::size_t workers = peer.workers_defined + round.workers.size();
  const std::size_t scopes = peer.scopes_defined + round.scopes.size();
  std::size_t record_bytes = 0;
  SendFrame send;
  send.peer = index;
  send.token = 1;
  send.frame = EncodeRound(round, workers, scopes, &record_bytes);
  send.control_bytes = send.frame.size() - record_bytes;
  actions.push_back(std::move(send));
  peer.commit = {
      end, bytes, workers, scopes, round.records.size(), round.has_ack, workers_version, std::move(round.loads)};
}

// The stream keeps order, so what is queued is as good as said; of a frame that was not queued nothing was said.
void TwoLayer::OnSendResult(Time now, PeerIndex index, std::uint64_t token, SendOutcome outcome, Actions& actions) {
  (void)now;
  (void)token;
  (void)actions;
  if (outcome != SendOutcome::kQueued) return;
  Peer& peer = *peers_[index.value];
  const Peer::Commit commit = std::move(peer.commit);
  if (commit.records > 0) {
    peer.sent = commit.end;
    peer.in_flight.push_back({commit.end, commit.bytes});
    peer.unacked_bytes += commit.bytes;
    records_.sent += commit.records;
  }
  peer.workers_defined = commit.workers;
  peer.scopes_defined = commit.scopes;
  peer.workers_version = commit.workers_version;
  for (const Load& load : commit.loads) peer.loads_sent[load.worker] = load.in_flight;
  if (commit.acks) {
    peer.ack_due = false;
    peer.hole = false;
  }
}

void TwoLayer::ApplyAck(Peer& peer, const Ack& ack) {
  if (ack.incarnation != options_.incarnation || ack.have > own_.head()) return;  // of another life: says nothing
  peer.acked = std::max(peer.acked, ack.have);
  while (!peer.in_flight.empty() && peer.in_flight.front().end <= peer.acked) {
    peer.unacked_bytes -= peer.in_flight.front().bytes;
    peer.in_flight.pop_front();
  }
  if (ack.hole) {
    peer.sent = ack.have;
    peer.in_flight.clear();
    peer.unacked_bytes = 0;
  }
}

// ---- streams --------------------------------------------------------------------------------------------------------

void TwoLayer::OnPeerTick(Time now, PeerIndex peer, Actions& actions) {
  (void)now;
  (void)peer;
  (void)actions;
}

void TwoLayer::OnPeerUp(Time now, PeerIndex index, StreamRole role, Actions& actions) {
  (void)now;
  (void)role;  // both ends do the same
  Peer& peer = *peers_[index.value];
  peer = Peer{};
  peer.up = true;
  Hello hello;
  hello.hash_key_id = options_.hash_key_id;
  hello.incarnation = options_.incarnation;
  for (const auto& origin : origins_)
    hello.positions.push_back({origin->name, origin->incarnation, origin->window.floor(), origin->window.head()});
  for (const auto& [name, incarnation] : registers_) hello.registers.push_back({name, incarnation});
  SendFrame send;
  send.peer = index;
  send.layer = Layer::kControl;
  send.frame = EncodeHello(hello);
  actions.push_back(std::move(send));
}

void TwoLayer::OnPeerDown(Time now, PeerIndex index, Actions& actions) {
  (void)now;
  *peers_[index.value] = Peer{};
  actions.push_back(ForgetLoads{index});
}

void TwoLayer::OnFrame(Time now, PeerIndex index, Bytes frame, Actions& actions) {
  (void)now;
  const Result<FrameKind> kind = PeekKind(frame);
  if (!kind.ok()) return CountDecodeError(index, actions);
  switch (*kind) {
    case FrameKind::kHello:
      return OnHello(index, frame, actions);
    case FrameKind::kRound:
      return OnRoundFrame(index, frame, actions);
    case FrameKind::kRefuse: {
      const Result<RefuseReason> reason = DecodeRefuse(frame);
      if (!reason.ok()) return CountDecodeError(index, actions);
      actions.push_back(CloseStream{index, std::string("refused_") + RefuseReasonName(*reason)});
      return;
    }
  }
}

void TwoLayer::OnHello(PeerIndex index, Bytes frame, Actions& actions) {
  const Result<Hello> hello = DecodeHello(frame);
  if (!hello.ok()) return CountDecodeError(index, actions);
  if (hello->version_min > kProtocolVersion || hello->version_max < kProtocolVersion)
    return Refuse(index, RefuseReason::kVersion, actions);
  if (hello->hash_key_id != options_.hash_key_id) return Refuse(index, RefuseReason::kHashKey, actions);
  Peer& peer = *peers_[index.value];
  peer.greeted = true;
  peer.incarnation = hello->incarnation;
  // The vector is the truth: an origin it does not name counts as nothing held.
  peer.acked = peer.sent = own_.floor();
  for (const Position& position : hello->positions) {
    if (position.origin != options_.router || position.incarnation != options_.incarnation) continue;
    if (position.have <= own_.head()) peer.acked = peer.sent = std::max(own_.floor(), position.have);
  }
  for (const WorkerName& worker : hello->registers) Register(worker, actions);
}

// A damaged frame changes nothing. What it carried is asked for again by ending the stream: the next hello says where
// this router stands.
void TwoLayer::CountDecodeError(PeerIndex index, Actions& actions) {
  ++decode_errors_;
  Refuse(index, RefuseReason::kCorrupt, actions);
}

void TwoLayer::Refuse(PeerIndex index, RefuseReason reason, Actions& actions) {
  SendFrame send;
  send.peer = index;
  send.layer = Layer::kControl;
  send.frame = EncodeRefuse(reason);
  actions.push_back(std::move(send));
  actions.push_back(CloseStream{index, RefuseReasonName(reason)});
}

// ---- receiving ------------------------------------------------------------------------------------------------------

void TwoLayer::OnRoundFrame(PeerIndex index, Bytes frame, Actions& actions) {
  Peer& peer = *peers_[index.value];
  if (!peer.greeted) return CountDecodeError(index, actions);
  Result<Round> round = DecodeRound(frame, peer.workers.size(), peer.scopes.size());
  if (!round.ok()) return CountDecodeError(index, actions);
  if (round->has_ack) ApplyAck(peer, round->ack);
  for (ScopeName& scope : round->scopes) peer.scopes.push_back(std::move(scope));
  for (WorkerName& worker : round->workers) {
    Register(worker, actions);
    peer.workers.push_back(std::move(worker));
  }
  for (const Load& load : round->loads)
    actions.push_back(ApplyLoad{index, peer.workers[load.worker].name, load.in_flight});
  if (!round->has_range) return;
  peer.ack_due = true;
  Origin& origin = OriginOf(std::string(view_.PeerName(index)), peer.incarnation, actions);
  while (origin.window.floor() < round->floor && !origin.window.empty()) DropRecord(origin, actions);
  if (origin.window.empty() && origin.window.floor() < round->floor) origin.window.Restart(round->floor);
  if (round->first_seq > origin.window.head()) {
    peer.hole = true;  // answered with where this router stands
    return;
  }
  for (const Record& record : round->records) {
    ++records_.received;
    if (record.seq < origin.window.head()) {
      ++records_.stale;  // a duplicate
      continue;
    }
    const WorkerName& worker = peer.workers[record.worker];
    const ScopeName& scope = peer.scopes[record.scope];
    const auto own_scope = scopes_.Intern(scope);
    const auto own_worker = workers_.Intern(worker);
    if (!own_scope || !own_worker) return CountDecodeError(index, actions);  // more names than a mesh may have
    scratch_.scope = *own_scope;
    scratch_.worker = *own_worker;
    scratch_.has_branch = record.has_branch;
    scratch_.ids = record.ids;
    origin.window.Append(scratch_);
    if (!Register(worker, actions)) {
      ++records_.stale;  // kept, so that positions stay true, but about a life of the worker that is over
      continue;
    }
    ++records_.applied;
    actions.push_back(
        ApplyIds{scope.model, scope.kind, worker.name, worker.incarnation, origin.slot, record.seq, record.ids});
  }
  while (origin.window.bytes() > options_.window_bytes) DropRecord(origin, actions);
  actions.push_back(MoveRefreshMark{origin.slot, origin.window.middle()});
}

TwoLayer::Origin& TwoLayer::OriginOf(const std::string& name, Incarnation incarnation, Actions& actions) {
  ++uses_;
  for (const auto& origin : origins_) {
    if (origin->name != name || origin->incarnation != incarnation) continue;
    origin->touched = uses_;
    return *origin;
  }
  if (origins_.size() >= kOriginsMax) {
    const auto oldest = std::min_element(origins_.begin(), origins_.end(),
                                         [](const auto& a, const auto& b) { return a->touched < b->touched; });
    while (!(*oldest)->window.empty()) DropRecord(**oldest, actions);
    origins_.erase(oldest);
  }
  auto origin = std::make_unique<Origin>();
  origin->name = name;
  origin->incarnation = incarnation;
  origin->slot = next_slot_;
  origin->touched = uses_;
  next_slot_ = static_cast<std::uint16_t>(next_slot_ % 4095 + 1);
  origins_.push_back(std::move(origin));
  return *origins_.back();
}

void TwoLayer::DropRecord(Origin& origin, Actions& actions) {
  origin.window.Read(origin.window.floor(), scratch_);
  const ScopeName& scope = scopes_[scratch_.scope];
  actions.push_back(
      RetractIds{scope.model, scope.kind, workers_[scratch_.worker].name, origin.slot, scratch_.seq, scratch_.ids});
  origin.window.DropOldest();
}

bool TwoLayer::Register(const WorkerName& worker, Actions& actions) {
  Incarnation& registered = registers_[worker.name];
  if (worker.incarnation < registered) return false;
  if (worker.incarnation > registered) {
    registered = worker.incarnation;
    actions.push_back(ApplyRegister{worker.name, worker.incarnation});
  }
  return true;
}

// ---- reading --------------------------------------------------------------------------------------------------------

bool TwoLayer::Holds(std::string_view model, Kind kind, NodeId leaf, std::string_view worker) const {
  Record record;
  const auto holds = [&](const Window& window) {
    for (std::uint32_t seq = window.floor(); seq < window.head(); ++seq) {
      window.Read(seq, record);
      if (record.leaf() == leaf && workers_[record.worker].name == worker && scopes_[record.scope].model == model &&
          scopes_[record.scope].kind == kind)
        return true;
    }
    return false;
  };
  if (holds(own_)) return true;
  return std::any_of(origins_.begin(), origins_.end(), [&](const auto& origin) { return holds(origin->window); });
}

StrategyReport TwoLayer::Report() const {
  StrategyReport report;
  report.records = records_;
  report.decode_errors = decode_errors_;
  report.Add("own_window", own_.bytes(), own_.count());
  std::uint64_t bytes = 0, count = 0;
  for (const auto& origin : origins_) {
    bytes += origin->window.bytes();
    count += origin->window.count();
  }
  report.Add("peer_windows", bytes, count);
  report.Add("pending", pending_bytes_, pending_.size());
  return report;
}

}  // namespace prefixmesh::two_layer
