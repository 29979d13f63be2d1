// What goes out to a peer in a round, and what becomes true of it once the transport has taken the frame.
#include <algorithm>
#include <span>
#include <utility>

#include "impl/base/seeded_bug.h"
#include "impl/sync/two_layer/frame_writer.h"
#include "impl/sync/two_layer/stream.h"

namespace prefixmesh::two_layer {
namespace {

struct Page {
  std::uint32_t end;
  std::uint64_t bytes = 0;  // as kept
};

std::uint64_t Left(std::uint64_t budget, std::uint64_t used) { return budget - std::min(budget, used); }

// The records from `first` on that fit; the last one may go beyond the budget, so that any record gets out.
Page CutPage(const Window& window, std::uint32_t first, std::uint64_t budget_bytes, std::uint64_t page_bytes) {
  Page page{first};
  while (page.end < window.head() && page.bytes < budget_bytes &&
         !(Seeded(Bug::kW6_big_record_never_fits) && window.BytesOf(page.end) > page_bytes))
    page.bytes += window.BytesOf(page.end++);
  return page;
}

template <typename Name>
void AppendNews(const Names<Name>& names, std::uint64_t known, std::vector<Definition<Name>>& definitions) {
  if (names.version() == known) return;
  for (std::size_t slot = 0; slot < names.size(); ++slot)
    if (names.News(static_cast<Slot>(slot), known))
      definitions.push_back({static_cast<Slot>(slot), names[static_cast<Slot>(slot)]});
}

}  // namespace

// This stream's part of a round of the router.
void Stream::OnRound(Time now, bool ask_around, Actions& actions) {
  flushed_bytes_ = 0;
  SendRefusals(now, actions);
  if (!greeted()) {
    if (now - hello_at_ >= kHeartbeat) SendHello(now, actions);
    return;
  }
  if (now - received_at_ > host_.peer_timeout && !std::exchange(timed_out_, true)) {
    loads_received_.Clear();
    actions.push_back(ForgetLoads{index_});
  }
  Restate(now);
  if (announced_.registers != host_.replica.registers().version()) SendRegisters(now, announced_.registers, actions);
  // A log is about to be dropped here: does anyone know better? And a peer whose vector was lost is asked again.
  const bool positioned = phase_ == Phase::kPositioned;
  const Time ask_every = positioned ? host_.options.dead_after / 8 : Time(kHeartbeat);
  if ((ask_around || !positioned) && now - vector_at_ >= ask_every) SendVector(now, true, actions);
  SendRound(now, actions);
}

// Says again what the peer lost: once a second at most, however often it asks.
void Stream::Restate(Time now) {
  if (!resync_asked_ && !loss_reported_) return;
  if (restated_at_ >= Time{0} && now - restated_at_ < kHeartbeat) return;
  restated_at_ = now;
  announced_.scopes = announced_.workers = 0;
  announced_.loads_unknown = true;
  if (loss_reported_) {
    announced_.registers = 0;
    for (auto& [key, window] : windows_) window.Rewind();
  }
  resync_asked_ = loss_reported_ = false;
}

// ---- parts of a round -----------------------------------------------------------------------------------------------

void Stream::AddAcks(Round& round) const {
  for (const auto& [key, hole] : acks_due_) {
    const bool theirs = IsOwnerOf(key);
    const Log* log = host_.replica.table().Find(key);
    if (log == nullptr && !theirs) continue;  // dropped meanwhile
    round.acks.push_back({theirs ? OriginKey{} : key, log != nullptr ? log->window.head() : 1, hole});
  }
}

// In-flight counts, and what is not reached, where they changed since they were sent.
void Stream::AddLoads(Round& round) {
  staged_.view_version = host_.view.WorkersVersion();
  staged_.load_hash = announced_.load_hash;
  if (staged_.view_version == announced_.view_version && !announced_.loads_unknown)
    return;  // untouched while nothing changed: idle costs nothing
  staged_.loads_read = true;
  const std::span<const WorkerLoad> workers = host_.view.Workers();
  announced_.loads.resize(workers.size(), 0);
  for (std::size_t i = 0; i < workers.size(); ++i) {
    const WorkerLoad& load = workers[i];
    const std::uint32_t sent = announced_.loads[i];
    const std::uint32_t told = std::min(load.in_flight, kUnreached - 1) | (load.unreached ? kUnreached : 0);
    if (!announced_.loads_unknown && sent == told) continue;
    if (Seeded(Bug::kloads_only_rise) && told < sent) continue;
    const Slot* slot = host_.replica.registers().SlotOf(load.name);
    if (slot == nullptr) continue;
    round.loads.push_back({*slot, told});
    staged_.loads.emplace_back(i, told);
    staged_.load_hash += LoadTable::EntryHash(load.name, told) - LoadTable::EntryHash(load.name, sent);
  }
  std::sort(round.loads.begin(), round.loads.end(), [](const Load& a, const Load& b) { return a.worker < b.worker; });
}

void Stream::AddDigest(Time now, Round& round) {
  if (digest_at_ >= Time{0} && now - digest_at_ < kHeartbeat) return;
  round.has_digest = staged_.digest = true;
  round.digest = OwnDigest();
  round.digest.load_hash = staged_.load_hash;
}

// What the peer lacks of each log, as much as may go out now. A peer that does not answer gets heartbeats only.
Stream::Ranges Stream::TakeRanges(Time now) {
  if (now - received_at_ <= kHeartbeat)
    for (auto& [key, window] : windows_) window.RetransmitOnce(now, host_.peer_timeout);
  const bool answers = now - received_at_ < host_.peer_timeout / 2;
  Ranges ranges;
  std::uint64_t bytes = 0, unacked = UnackedBytes();
  for (auto at = windows_.begin(); at != windows_.end();) {
    const Log* log = host_.replica.table().Find(at->first);
    const bool own = at->first == own_key();
    SendWindow& window = at->second;
    if (log == nullptr || (!own && !window.leased(now) && !Seeded(Bug::klease_for_ever))) {
      unacked -= window.unacked_bytes();
      at = windows_.erase(at);
      continue;
    }
    ++at;
    if (phase_ != Phase::kPositioned || window.stalled() || (!answers && unacked > 0)) continue;
    window.SkipTo(std::clamp(window.next(), log->window.floor(), log->window.head()));
    if (Seeded(Bug::kX10_only_the_newest) && log->window.head() > 64)
      window.SkipTo(std::max(window.next(), log->window.head() - 64));
    const std::uint64_t room =
        std::min(Left(host_.options.page_bytes, bytes), Left(host_.options.peer_unacked_bytes, unacked + bytes));
    const Page page = CutPage(log->window, window.next(), room, host_.options.page_bytes);
    if (page.end == window.next()) continue;
    bytes += page.bytes;
    ranges.encoded.push_back(host_.ranges.Encode(*log, host_.replica.names(), window.next(), page.end));
    (own ? ranges.own_bytes : ranges.relayed_bytes) += ranges.encoded.back().size();
    staged_.parts.push_back({log->key, page.end, page.bytes, page.end - window.next()});
  }
  return ranges;
}

// An ack that has nothing to ride on waits a little, unless it says that something is missing.
bool Stream::HasNews(Time now, const Round& round, const Ranges& ranges) const {
  const bool hole = std::any_of(round.acks.begin(), round.acks.end(), [](const Ack& ack) { return ack.hole; });
  const bool ack_ripe = !round.acks.empty() && (hole || ack_at_once_ || now - acks_since_ >= kAckDelay);
  return ack_ripe || round.resync || !round.loads.empty() || round.has_digest || !ranges.encoded.empty();
}

// Names that the round uses, and every other that the peer does not know.
void Stream::AddDefinitions(Round& round) {
  const Names<ScopeName>& scopes = host_.replica.scopes();
  const Names<WorkerName>& workers = host_.replica.workers();
  AppendNews(scopes, announced_.scopes, round.scopes);
  AppendNews(workers, announced_.workers, round.workers);
  staged_.scopes = scopes.version();
  staged_.workers = workers.version();
}

// ---- the round ------------------------------------------------------------------------------------------------------

void Stream::SendRound(Time now, Actions& actions) {
  if (!greeted() || send_backoff_.Blocked(now)) return;
  Restate(now);
  staged_ = {};
  staged_.at = now;
  staged_.scopes = announced_.scopes;
  staged_.workers = announced_.workers;
  Round round;
  AddAcks(round);
  round.resync = resync_due_;
  AddLoads(round);
  AddDigest(now, round);
  const Ranges ranges = TakeRanges(now);
  if (!HasNews(now, round, ranges)) {  // silence
    announced_.view_version = staged_.view_version;
    return;
  }
  if (!ranges.encoded.empty() || !round.loads.empty()) AddDefinitions(round);
  std::vector<const std::string*> encoded;
  for (const std::string& range : ranges.encoded) encoded.push_back(&range);
  SendFrame send;
  send.peer = index_;
  send.token = kRoundToken;
  send.frame =
      EncodeRound(round, SlotBitsFor(host_.replica.workers().size(), host_.replica.scopes().size()), encoded, SealTo());
  const bool only_digest = round.has_digest && round.acks.empty() && !round.resync && round.loads.empty();
  send.layer = ranges.own_bytes > 0 ? Layer::kPlacements : ranges.relayed_bytes > 0 ? Layer::kRepair : Layer::kDigest;
  send.control_bytes = only_digest && encoded.empty() ? 0 : send.frame.size() - ranges.own_bytes - ranges.relayed_bytes;
  flushed_bytes_ += send.frame.size();
  actions.push_back(std::move(send));
}

// The stream keeps order, so what is queued is as good as said; of a frame that was not queued nothing was said.
void Stream::OnSendResult(Time now, std::uint64_t token, SendOutcome outcome) {
  if (outcome != SendOutcome::kQueued && !Seeded(Bug::kqueue_full_is_sent)) {
    if (token == kRegistersToken) announced_.registers = 0;
    if (send_backoff_.Blocked(now)) return;  // one of several that went out together
    send_backoff_.OnRefused(now, host_.options.round_period);
    return;
  }
  if (token != kRoundToken) return;
  send_backoff_.OnAccepted();
  const Staged staged = std::exchange(staged_, {});
  for (const Staged::Part& part : staged.parts) {
    const auto at = windows_.find(part.key);
    if (at == windows_.end()) continue;
    at->second.Send(staged.at, part.end, part.bytes);
    host_.records.sent += part.records;
    if (Seeded(Bug::kX1_one_drain))
      for (const auto& other : host_.streams)
        if (other)
          if (const auto theirs = other->windows_.find(part.key); theirs != other->windows_.end())
            theirs->second.SkipTo(part.end);
  }
  announced_.scopes = staged.scopes;
  announced_.workers = staged.workers;
  announced_.view_version = staged.view_version;
  for (const auto& [place, in_flight] : staged.loads) announced_.loads[place] = in_flight;
  if (staged.loads_read) announced_.load_hash = staged.load_hash;
  if (staged.loads_read) announced_.loads_unknown = false;
  if (staged.digest) digest_at_ = staged.at;
  acks_due_.clear();
  ack_at_once_ = false;
  resync_due_ = false;
}

}  // namespace prefixmesh::two_layer
