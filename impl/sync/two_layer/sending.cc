// What goes out: the frames of TwoLayer, and when each is due.
#include <algorithm>

#include "impl/base/check.h"
#include "impl/base/seeded_bug.h"
#include "impl/sync/two_layer/frame_writer.h"
#include "impl/sync/two_layer/peer.h"

namespace prefixmesh::two_layer {

std::uint64_t TwoLayer::SealTo(const Peer& peer) const {
  return SealKey(replica_.own().key.incarnation, peer.incarnation);
}

void TwoLayer::Send(PeerIndex index, std::string frame, Layer layer, Token token, Actions& actions) {
  SendFrame send;
  send.peer = index;
  send.frame = std::move(frame);
  send.layer = layer;
  send.token = token;
  actions.push_back(std::move(send));
}

// A peer that does not read fills the transport's queue. What was refused is not built again at every beat.
bool TwoLayer::Blocked(Time now, const Peer& peer) const { return now < peer.retry_at; }

void TwoLayer::SendHello(Time now, PeerIndex index, Actions& actions) {
  Peer& peer = *peers_[index.value];
  Hello hello;
  hello.version_min = kVersionMin;
  hello.version_max = options_.version_max;
  hello.hash_key_id = options_.hash_key_id;
  hello.text_block_bytes = options_.text_block_bytes;
  hello.tokens_block_tokens = options_.tokens_block_tokens;
  hello.anchors = options_.anchors;
  hello.sender = replica_.own().key;
  hello.heard = peer.greeted ? peer.incarnation : Incarnation{};
  peer.hello_at = now;
  Send(index, EncodeHello(hello), Layer::kControl, kOtherToken, actions);
}

void TwoLayer::SendVector(Time now, PeerIndex index, bool reply_wanted, Actions& actions) {
  Peer& peer = *peers_[index.value];
  if (Blocked(now, peer)) return;
  peer.vector_at = now;
  if (Seeded(Bug::kW26_roles_differ) && options_.router > view_.PeerName(index)) return;
  Send(index, EncodeVector({reply_wanted, replica_.Positions(now)}, SealTo(peer)), Layer::kDigest, kOtherToken,
       actions);
}

void TwoLayer::SendRegisters(Time now, PeerIndex index, std::uint64_t since, Actions& actions) {
  Peer& peer = *peers_[index.value];
  if (Blocked(now, peer)) return;
  peer.registers_known = replica_.registers().version();
  const std::vector<WorkerName> changed = replica_.registers().Since(since);
  if (!changed.empty()) Send(index, EncodeRegisters(changed, SealTo(peer)), Layer::kControl, kRegistersToken, actions);
}

void TwoLayer::SendRefusals(Time now, PeerIndex index, Actions& actions) {
  Peer& peer = *peers_[index.value];
  if (peer.refusals_due.empty() || Blocked(now, peer)) return;
  if (peer.refused_at >= Time{0} && now - peer.refused_at < options_.round_period) return;
  peer.refused_at = now;
  for (const Refusal& refusal : peer.refusals_due)
    Send(index, EncodeRefusal(refusal), Layer::kControl, kOtherToken, actions);
  peer.refusals_due.clear();
}

// Says again what a peer lost: once a second at most, however often it asks.
void TwoLayer::Restate(Time now, Peer& peer) {
  if (!peer.resync_asked && !peer.loss_told) return;
  if (peer.restated_at >= Time{0} && now - peer.restated_at < kHeartbeat) return;
  peer.restated_at = now;
  peer.scopes_known = peer.workers_known = 0;
  peer.loads_unknown = true;
  if (peer.loss_told) {
    peer.registers_known = 0;
    for (auto& [key, sending] : peer.sending) {
      ForgetInFlight(peer, sending);
      sending.next = sending.acked;
    }
  }
  peer.resync_asked = peer.loss_told = false;
}

// What an ack or a pull asked for goes out before the next beat.
void TwoLayer::Flush(Time now, PeerIndex index, Actions& actions) {
  Peer& peer = *peers_[index.value];
  if (!peer.flush) return;
  peer.flush = false;
  if (peer.flushed_bytes < kFlushBytesMax) SendRound(now, index, actions);
}

Digest TwoLayer::OwnDigest() const {
  const Log& own = replica_.own();
  return {own.window.floor(), own.window.head(), own.beat, replica_.VectorHash(),
          static_cast<std::uint32_t>(replica_.RegisterHash())};
}

// In-flight counts that changed since the peer was told.
void TwoLayer::AddLoads(Peer& peer, Round& round) {
  peer.commit.view_version = view_.WorkersVersion();
  peer.commit.load_hash = peer.loads_told.hash();
  if (peer.commit.view_version == peer.view_version && !peer.loads_unknown)
    return;  // untouched while nothing changed: idle costs nothing
  peer.commit.loads_read = true;
  for (const WorkerLoad& load : view_.Workers()) {
    const std::uint32_t told = peer.loads_told.Get(load.name);
    if (!peer.loads_unknown && told == load.in_flight) continue;
    if (Seeded(Bug::kloads_only_rise) && load.in_flight < told) continue;
    const Slot* slot = replica_.registers().SlotOf(load.name);
    if (slot == nullptr) continue;
    round.loads.push_back({*slot, load.in_flight});
    peer.commit.loads.emplace_back(load.name, load.in_flight);
    peer.commit.load_hash += LoadTable::EntryHash(load.name, load.in_flight) - LoadTable::EntryHash(load.name, told);
  }
  std::sort(round.loads.begin(), round.loads.end(), [](const Load& a, const Load& b) { return a.worker < b.worker; });
}

// The same bytes for every peer that stands at the same place.
const std::string& TwoLayer::EncodedRange(const Log& log, std::uint32_t first, std::uint32_t end) {
  const std::uint64_t names = replica_.scopes().version() + replica_.workers().version();
  const bool own = &log == &replica_.own();
  if (encoded_.key == log.key && encoded_.first == first && encoded_.end == end &&
      encoded_.floor == log.window.floor() && encoded_.head == log.window.head() && encoded_.names == names)
    return encoded_.bytes;
  Range range;
  if (!own) range.key = log.key;
  range.floor = log.window.floor();
  range.first_seq = first;
  range.more = end < log.window.head();
  std::uint64_t sum = 0;
  for (std::uint32_t seq = first; seq < end; ++seq) {
    Record& record = range.records.emplace_back();
    log.window.Read(seq, record);
    sum += EntryHash(record, replica_.scopes().hash(record.scope), replica_.workers().hash(record.worker));
  }
  range.checksum = static_cast<std::uint32_t>(sum);
  encoded_ = {log.key,
              first,
              end,
              log.window.floor(),
              log.window.head(),
              names,
              EncodeRange(range, SlotBitsFor(replica_.workers().size(), replica_.scopes().size()))};
  return encoded_.bytes;
}

void TwoLayer::ForgetInFlight(Peer& peer, Sending& sending) {
  for (const Sending::InFlight& part : sending.in_flight) peer.unacked_bytes -= part.bytes;
  sending.in_flight.clear();
  sending.unanswered = 0;
}

// What was sent and never acknowledged is sent again, once. Streams keep order, so it only happens to peers that were
// slow for a long time, when a frame was damaged, or when a peer that is heard does not hear.
void TwoLayer::StopAndRepeat(Time now, Peer& peer) {
  for (auto& [key, sending] : peer.sending) {
    if (sending.in_flight.empty() || now - sending.moved_at < silent_ || now - peer.heard_at > kHeartbeat) continue;
    const int unanswered = std::min(sending.unanswered + 1, kUnansweredMax);
    if (unanswered < kUnansweredMax) {
      ForgetInFlight(peer, sending);
      sending.next = sending.acked;
    }
    sending.unanswered = unanswered;
    sending.moved_at = now;
  }
}

void TwoLayer::SendRound(Time now, PeerIndex index, Actions& actions) {
  Peer& peer = *peers_[index.value];
  if (!peer.greeted || Blocked(now, peer)) return;
  Restate(now, peer);
  peer.commit = {};
  peer.commit.at = now;
  Round round;
  for (const auto& [key, hole] : peer.acks_due) {
    const bool theirs = key.incarnation == peer.incarnation && key.router == view_.PeerName(index);
    const Log* log = replica_.table().Find(key);
    if (log == nullptr && !theirs) continue;  // dropped meanwhile
    round.acks.push_back({theirs ? OriginKey{} : key, log != nullptr ? log->window.head() : 1, hole});
  }
  round.resync = peer.resync_due;
  AddLoads(peer, round);
  if (peer.digest_at < Time{0} || now - peer.digest_at >= kHeartbeat) {
    round.has_digest = peer.commit.digest = true;
    round.digest = OwnDigest();
    round.digest.load_hash = peer.commit.load_hash;
  }

  // Ranges, the own log first. A peer that does not answer gets heartbeats only.
  StopAndRepeat(now, peer);
  const bool answers = now - peer.heard_at < silent_ / 2;
  std::uint64_t bytes = 0, records_bytes = 0, relayed_bytes = 0;
  std::vector<std::string> encoded;
  for (auto at = peer.sending.begin(); at != peer.sending.end();) {
    const bool own = at->first == replica_.own().key;
    const Log* log = replica_.table().Find(at->first);
    Sending& sending = at->second;
    if (log == nullptr || (!own && sending.lease_until < now && !Seeded(Bug::klease_for_ever))) {
      ForgetInFlight(peer, sending);
      at = peer.sending.erase(at);
      continue;
    }
    ++at;
    if (!peer.positioned || (!answers && peer.unacked_bytes > 0)) continue;
    if (sending.unanswered >= kUnansweredMax) continue;
    sending.next = std::clamp(sending.next, log->window.floor(), log->window.head());
    if (Seeded(Bug::kX10_only_the_newest) && log->window.head() > 64)
      sending.next = std::max(sending.next, log->window.head() - 64);
    std::uint32_t end = sending.next;
    std::uint64_t part = 0;
    while (end < log->window.head() && bytes + part < options_.page_bytes &&
           peer.unacked_bytes + bytes + part < options_.peer_unacked_bytes &&
           !(Seeded(Bug::kW6_big_record_never_fits) &&
             12 + sizeof(NodeId) * log->window.IdCount(end) > options_.page_bytes))
      part += 12 + sizeof(NodeId) * log->window.IdCount(end++);
    if (end == sending.next) continue;
    bytes += part;
    encoded.push_back(EncodedRange(*log, sending.next, end));
    (own ? records_bytes : relayed_bytes) += encoded.back().size();
    peer.commit.parts.push_back({log->key, end, part, end - sending.next});
  }

  // An ack that has nothing to ride on waits a little, unless it says that something is missing.
  const bool hole = std::any_of(round.acks.begin(), round.acks.end(), [](const Ack& ack) { return ack.hole; });
  const bool ack_ripe = !round.acks.empty() && (hole || peer.ack_at_once || now - peer.acks_since >= kAckDelay);
  const bool news = ack_ripe || round.resync || !round.loads.empty() || round.has_digest || !encoded.empty();
  if (!news) {  // silence
    peer.view_version = peer.commit.view_version;
    return;
  }
  peer.commit.scopes = peer.scopes_known;
  peer.commit.workers = peer.workers_known;
  if (!encoded.empty() || !round.loads.empty()) {
    const auto define = [](const auto& names, std::uint64_t& known, auto& definitions) {
      if (names.version() == known) return;
      for (std::size_t slot = 0; slot < names.size(); ++slot)
        if (names.News(static_cast<Slot>(slot), known))
          definitions.push_back({static_cast<Slot>(slot), names[static_cast<Slot>(slot)]});
      known = names.version();
    };
    define(replica_.names().scopes, peer.commit.scopes, round.scopes);
    define(replica_.names().workers, peer.commit.workers, round.workers);
  }
  std::vector<const std::string*> ranges;
  for (const std::string& range : encoded) ranges.push_back(&range);
  SendFrame send;
  send.peer = index;
  send.token = kRoundToken;
  send.frame =
      EncodeRound(round, SlotBitsFor(replica_.workers().size(), replica_.scopes().size()), ranges, SealTo(peer));
  const bool only_digest = round.has_digest && round.acks.empty() && !round.resync && round.loads.empty();
  send.layer = records_bytes > 0 ? Layer::kPlacements : relayed_bytes > 0 ? Layer::kRepair : Layer::kDigest;
  send.control_bytes = only_digest && encoded.empty() ? 0 : send.frame.size() - records_bytes - relayed_bytes;
  peer.flushed_bytes += send.frame.size();
  actions.push_back(std::move(send));
}

// The stream keeps order, so what is queued is as good as said; of a frame that was not queued nothing was said.
void TwoLayer::OnSendResult(Time now, PeerIndex index, std::uint64_t token, SendOutcome outcome, Actions& actions) {
  (void)actions;
  Peer& peer = *peers_[index.value];
  if (outcome != SendOutcome::kQueued && !Seeded(Bug::kqueue_full_is_sent)) {
    if (token == kRegistersToken) peer.registers_known = 0;
    if (Blocked(now, peer)) return;  // one of several that went out together
    // The next beat tries again; then every other one, and so on, until once a heartbeat.
    const Time wait = options_.round_period * (1 << std::min(peer.refusals_in_a_row++, 10)) - options_.round_period / 2;
    peer.retry_at = now + std::min<Time>(wait, kHeartbeat);
    return;
  }
  if (token != kRoundToken) return;
  peer.refusals_in_a_row = 0;
  const Peer::Commit commit = std::move(peer.commit);
  peer.commit = {};
  for (const Peer::Commit::Part& part : commit.parts) {
    const auto at = peer.sending.find(part.key);
    if (at == peer.sending.end()) continue;
    Sending& sending = at->second;
    if (sending.in_flight.empty()) sending.moved_at = commit.at;
    sending.next = part.end;
    if (Seeded(Bug::kX1_one_drain))
      for (const auto& other : peers_)
        if (const auto theirs = other->sending.find(part.key); theirs != other->sending.end())
          theirs->second.next = part.end;
    sending.in_flight.push_back({part.end, part.bytes});
    peer.unacked_bytes += part.bytes;
    records_.sent += part.records;
  }
  peer.scopes_known = commit.scopes;
  peer.workers_known = commit.workers;
  peer.view_version = commit.view_version;
  for (const auto& [name, in_flight] : commit.loads) peer.loads_told.Set(name, in_flight);
  if (commit.loads_read) peer.loads_unknown = false;
  if (commit.digest) peer.digest_at = commit.at;
  peer.acks_due.clear();
  peer.ack_at_once = false;
  peer.resync_due = false;
}

// True while the log's owner talks to this router itself: from its hello on, before it said anything of its log.
bool TwoLayer::Reaches(Time now, const Log& log) const {
  if (log.direct_at >= Time{0} && now - log.direct_at < silent_ / 2) return true;
  for (std::uint16_t i = 0; i < peers_.size(); ++i)
    if (peers_[i]->greeted && peers_[i]->incarnation == log.key.incarnation &&
        view_.PeerName(PeerIndex{i}) == log.key.router)
      return now - peers_[i]->heard_at < silent_ / 2;
  return false;
}

// Pulls what is known to exist and does not come, and keeps leases alive that are needed.
void TwoLayer::Repair(Time now, Actions& actions) {
  const Time patience = std::max<Time>(kPullAfter, 3 * options_.round_period);
  for (const auto& log : replica_.logs()) {
    if (log->own()) continue;
    const std::uint32_t have = log->window.head();
    const auto asked = asked_.find(log->key);
    if (have >= log->head_heard) {
      log->lacks_since = Time{-1};
      if (asked == asked_.end()) continue;
    } else if (log->lacks_since < Time{0}) {
      log->lacks_since = now;
    }
    const bool reached = Reaches(now, *log);
    // Who can serve it: the owner, or the one whose vector shows most.
    std::optional<PeerIndex> best;
    std::uint32_t most = have;
    for (std::uint16_t i = 0; i < peers_.size(); ++i) {
      const Peer& peer = *peers_[i];
      if (!peer.greeted || now - peer.heard_at > silent_) continue;
      if (reached && peer.incarnation == log->key.incarnation && view_.PeerName(PeerIndex{i}) == log->key.router) {
        if (log->head_heard > have) best = PeerIndex{i}, most = UINT32_MAX;
        continue;
      }
      const auto at = std::find_if(peer.vector.begin(), peer.vector.end(),
                                   [&](const Position& position) { return position.key == log->key; });
      if (at != peer.vector.end() && at->have > most) best = PeerIndex{i}, most = at->have;
    }
    const bool leased = asked != asked_.end() && now - asked->second.at < kLease;
    const bool moved = asked != asked_.end() && have > asked->second.have;
    if (!best) {
      // A lease that brings something is renewed while its owner is out of reach.
      if (asked == asked_.end()) continue;
      if (reached || !leased || !peers_[asked->second.peer.value]->greeted) {
        asked_.erase(asked);
        continue;
      }
      if (!moved || now - asked->second.at < kLease / 2) continue;
      best = asked->second.peer;
    } else if (asked != asked_.end()) {
      const Time wait = moved ? patience : asked->second.patience;
      if (now - std::max(asked->second.at, log->progress_at) < wait) continue;
    } else if (now - std::max(log->progress_at, log->lacks_since) < patience) {
      continue;  // the owner pushes, or is about to: who comes back greets one router after the other
    }
    Asked next{*best, now, patience, have};
    if (asked != asked_.end() && !moved) next.patience = std::min<Time>(asked->second.patience * 2, kLease);
    asked_[log->key] = next;
    Send(*best, EncodePull({log->key, have}, SealTo(*peers_[best->value])), Layer::kRepair, kOtherToken, actions);
  }
  for (auto at = asked_.begin(); at != asked_.end();) at = replica_.table().Find(at->first) ? std::next(at) : asked_.erase(at);
}

}  // namespace prefixmesh::two_layer
