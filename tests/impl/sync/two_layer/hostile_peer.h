// hostile_peer.h — one router under test, and peers that are made of frames only: sealed as their name allows, and
// saying whatever the test wants.
//
// Threads: one. Ownership: values. Time: `now`, moved by the test.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "impl/sync/two_layer/frame_writer.h"
#include "impl/sync/two_layer/two_layer.h"

namespace prefixmesh::two_layer::test {

class Victim final : public StrategyView {
 public:
  explicit Victim(std::vector<std::string> peers = {"h", "b"}, std::vector<WorkerLoad> workers = {},
                  Options options = {})
      : loads(std::move(workers)), peers_(std::move(peers)) {
    options.router = "a";
    options.incarnation = Incarnation{7};
    options.text_block_bytes = 256;
    strategy_ = std::make_unique<TwoLayer>(options, *this);
    for (std::size_t i = 0; i < peers_.size(); ++i) lives_.push_back(Incarnation{100 + i});
  }
  std::span<const WorkerLoad> Workers() const override { return loads; }
  std::uint64_t WorkersVersion() const override { return version; }
  std::size_t PeerCount() const override { return peers_.size(); }
  std::string_view PeerName(PeerIndex peer) const override { return peers_[peer.value]; }
  Incarnation NewIncarnation() const override { return Incarnation{next_incarnation++}; }

  TwoLayer& strategy() { return *strategy_; }
  const Replica& replica() const { return strategy_->replica(); }
  OriginKey KeyOf(std::uint16_t peer) const { return {peers_[peer], lives_[peer]}; }
  std::uint64_t Seal(std::uint16_t peer) const { return SealKey(lives_[peer], replica().own().key.incarnation); }
  std::uint64_t SealTo(std::uint16_t peer) const { return SealKey(replica().own().key.incarnation, lives_[peer]); }
  std::uint64_t Rejects(const std::string& reason) const {
    const StrategyReport report = strategy_->Report();
    for (std::size_t i = 0; i < report.reject_count; ++i)
      if (report.rejects[i].reason == reason) return report.rejects[i].count;
    return 0;
  }

  // The stream comes up and the peer says hello.
  void Connect(std::uint16_t peer) {
    Actions actions;
    strategy_->OnPeerUp(now, PeerIndex{peer}, StreamRole::kServer, actions);
    Execute(actions);
    Hello hello;
    hello.text_block_bytes = 256;
    hello.tokens_block_tokens = 16;
    hello.sender = KeyOf(peer);
    Hand(peer, EncodeHello(hello));
    SayVector(peer, {});
  }
  void Disconnect(std::uint16_t peer) {
    Actions actions;
    strategy_->OnPeerDown(now, PeerIndex{peer}, actions);
    Execute(actions);
  }
  void Hand(std::uint16_t peer, const std::string& frame) {
    Actions actions;
    strategy_->OnFrame(now, PeerIndex{peer}, AsBytes(frame), actions);
    Execute(actions);
  }
  void Say(std::uint16_t peer, const prefixmesh::two_layer::Round& round) {
    Hand(peer, EncodeRound(round, SlotBitsFor(kNamesMax, kNamesMax), Seal(peer)));
  }
  void SayVector(std::uint16_t peer, std::vector<Position> positions, bool reply_wanted = false) {
    Hand(peer, EncodeVector({reply_wanted, std::move(positions)}, Seal(peer)));
  }
  void SayRegisters(std::uint16_t peer, const std::vector<WorkerName>& registers) {
    Hand(peer, EncodeRegisters(registers, Seal(peer)));
  }
  void SetLife(std::uint16_t peer, std::uint64_t incarnation) {
    Disconnect(peer);
    lives_[peer] = Incarnation{incarnation};
  }
  // Records of this log, or the peer's own, from `first` on, one leaf each, about this life of this worker.
  void SayRecords(std::uint16_t peer, std::uint32_t first, std::size_t count, const WorkerName& worker,
                  const OriginKey& log = {}) {
    prefixmesh::two_layer::Round round;
    round.scopes.push_back({0, {"m", Kind::kText}});
    round.workers.push_back({0, worker});
    Range range;
    range.key = log;
    range.first_seq = first;
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < count; ++i) {
      Record record;
      record.seq = first + static_cast<std::uint32_t>(i);
      record.ids = {NodeId{record.seq * 1000ull + 1}};
      sum += EntryHash(record, round.scopes[0].name.Hash(), worker.Hash());
      range.records.push_back(std::move(record));
    }
    range.checksum = static_cast<std::uint32_t>(sum);
    round.ranges.push_back(std::move(range));
    Hand(peer, EncodeRound(round, SlotBitsFor(1, 1), Seal(peer)));
  }
  void Place(const std::string& worker, std::uint64_t incarnation, std::uint64_t id) {
    Offer offer;
    offer.model = "m";
    offer.worker_name = worker;
    offer.worker_incarnation = Incarnation{incarnation};
    offer.ids = {NodeId{id}};
    Actions actions;
    strategy_->OnPlacement(now, std::move(offer), actions);
    Execute(actions);
  }
  void Round() {
    now += std::chrono::milliseconds(50);
    Actions actions;
    strategy_->OnRound(now, actions);
    Execute(actions);
  }
  // This router hears from a worker itself.
  void Hear(std::size_t worker, std::uint64_t incarnation) {
    loads[worker].incarnation = Incarnation{incarnation};
    ++version;
  }

  // What is held of this log ends here; 0: nothing is.
  std::uint32_t HeadOf(const OriginKey& key) const {
    for (const auto& log : replica().logs())
      if (log->key == key) return log->window.head();
    return 0;
  }
  std::uint64_t RegisterOf(const std::string& worker) const {
    for (const WorkerName& entry : replica().RegistersSince(0))
      if (entry.name == worker) return entry.incarnation.value;
    return 0;
  }

  Time now{0};
  std::vector<WorkerLoad> loads;
  std::uint64_t version = 1;
  SendOutcome outcome = SendOutcome::kQueued;  // of every send
  std::vector<SendFrame> sent;                 // also what was refused
  std::uint64_t sent_bytes = 0;
  std::vector<ApplyIds> applied;
  std::vector<ApplyRegister> asked;
  std::map<std::string, std::uint32_t> peer_loads;
  std::vector<std::string> closed;
  mutable std::uint64_t next_incarnation = 1000;

 private:
  void Execute(Actions& actions) {
    for (std::size_t i = 0; i < actions.size(); ++i) {
      const Action action = std::move(actions[i]);
      if (const auto* send = std::get_if<SendFrame>(&action)) {
        sent.push_back(*send);
        sent_bytes += send->frame.size();
        if (send->token != 0) strategy_->OnSendResult(now, send->peer, send->token, outcome, actions);
      } else if (const auto* apply = std::get_if<ApplyIds>(&action)) {
        if (apply->origin != 0) applied.push_back(*apply);
      } else if (const auto* raise = std::get_if<ApplyRegister>(&action)) {
        asked.push_back(*raise);
      } else if (const auto* load = std::get_if<ApplyLoad>(&action)) {
        peer_loads[load->worker_name] = load->in_flight;
      } else if (std::get_if<ForgetLoads>(&action) != nullptr) {
        peer_loads.clear();
      } else if (const auto* close = std::get_if<CloseStream>(&action)) {
        closed.push_back(close->reason);
      }
    }
  }

  std::vector<std::string> peers_;
  std::vector<Incarnation> lives_;
  std::unique_ptr<TwoLayer> strategy_;
};

}  // namespace prefixmesh::two_layer::test
