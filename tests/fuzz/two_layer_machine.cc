// Fuzzes the state machine of the two-layer sync: two peers, frames of any bytes with a seal that opens, and a real
// index behind it. The input is a list of steps: u8 what, then
//
//   what & 1    which peer
//   what >> 1   0 … 4 a frame of this kind (round, refusal, vector, registers, pull): u16 length and its bytes
//               5 the stream comes up and says hello · 6 it goes · 7 … a beat; the transport is full when bit 7 is set
//
// It must not crash; its tables stay within their bounds; and what it sends, its own decoders take.
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "impl/base/check.h"
#include "impl/router/block_actions.h"
#include "impl/sync/two_layer/frame_reader.h"
#include "impl/sync/two_layer/frame_writer.h"
#include "impl/sync/two_layer/two_layer.h"
#include "impl/tree/block_index.h"

using namespace prefixmesh;             // NOLINT
using namespace prefixmesh::two_layer;  // NOLINT

namespace {

constexpr Incarnation kPeerLives[] = {{100}, {101}};

class Machine final : public StrategyView {
 public:
  Machine()
      : actions_(fleet_, *trees_.block_index(), registers_, {[](WorkerIndex) {}, [](WorkerIndex) {}}),
        strategy_(OptionsOf(), *this) {
    fleet_.InternOwn("w0");
    fleet_.InternOwn("w1");
  }
  std::span<const WorkerLoad> Workers() const override { return loads_; }
  std::uint64_t WorkersVersion() const override { return version_; }
  std::size_t PeerCount() const override { return 2; }
  std::string_view PeerName(PeerIndex peer) const override { return peer.value == 0 ? "h" : "b"; }
  Incarnation NewIncarnation() const override { return Incarnation{next_incarnation_++}; }

  void Up(PeerIndex peer) {
    Actions actions;
    strategy_.OnPeerUp(now_, peer, StreamRole::kServer, actions);
    Execute(actions);
    Hello hello;
    hello.text_block_bytes = 256;
    hello.tokens_block_tokens = 16;
    hello.sender = {std::string(PeerName(peer)), kPeerLives[peer.value]};
    Frame(peer, EncodeHello(hello));
  }
  void Down(PeerIndex peer) {
    Actions actions;
    strategy_.OnPeerDown(now_, peer, actions);
    Execute(actions);
  }
  void Frame(PeerIndex peer, const std::string& frame) {
    Actions actions;
    strategy_.OnFrame(now_, peer, AsBytes(frame), actions);
    Execute(actions);
  }
  std::uint64_t SealOf(PeerIndex peer) const {
    return SealKey(kPeerLives[peer.value], strategy_.replica().own().key.incarnation);
  }
  void Tick(bool full) {
    full_ = full;
    now_ += std::chrono::milliseconds(250);
    Offer offer;
    offer.model = "m";
    offer.worker_name = "w0";
    offer.worker_incarnation = Incarnation{1};
    offer.ids = {NodeId{++placed_ * 0x9e3779b97f4a7c15u | 1}};
    Actions actions;
    strategy_.OnPlacement(now_, std::move(offer), actions);
    ++version_;
    strategy_.OnRound(now_, actions);
    Execute(actions);
    const Replica& replica = strategy_.replica();
    PREFIXMESH_CHECK(replica.logs().size() <= kPositionsMax);
    PREFIXMESH_CHECK(replica.own().window.head() > 1);
    PREFIXMESH_CHECK(replica.registers().size() <= Registers::kRegistersMax + 2);
    for (const WorkerName& worker : replica.RegistersSince(0))
      PREFIXMESH_CHECK(!worker.name.starts_with("w") || worker.name.size() != 2 || worker.incarnation.value == 1 ||
                       (worker.name != "w0" && worker.name != "w1"));
    (void)strategy_.Report();
  }

 private:
  static Options OptionsOf() {
    Options options;
    options.round_period = std::chrono::milliseconds(250);
    options.window_bytes = 4096;
    options.page_bytes = 512;
    options.dead_after = std::chrono::seconds(20);
    options.router = "a";
    options.incarnation = Incarnation{7};
    return options;
  }
  void Execute(Actions& actions) {
    // What was built before this router took a new incarnation opens no more.
    const bool same_life = next_incarnation_ == checked_incarnation_;
    checked_incarnation_ = next_incarnation_;
    for (std::size_t i = 0; i < actions.size(); ++i) {
      Action action = std::move(actions[i]);
      if (const auto* send = std::get_if<SendFrame>(&action)) {
        if (same_life) Check(*send);
        if (send->token != 0)
          strategy_.OnSendResult(now_, send->peer, send->token, full_ ? SendOutcome::kFull : SendOutcome::kQueued,
                                 actions);
        continue;
      }
      std::visit(
          [this](auto& each) {
            if constexpr (requires { actions_.Apply(each); }) actions_.Apply(each);
          },
          action);
    }
  }
  void Check(const SendFrame& send) {
    const Bytes frame = AsBytes(send.frame);
    const std::uint64_t seal = SealKey(strategy_.replica().own().key.incarnation, kPeerLives[send.peer.value]);
    const auto kind = PeekKind(frame);
    PREFIXMESH_CHECK(kind.ok());
    switch (*kind) {
      case FrameKind::kHello:
        PREFIXMESH_CHECK(DecodeHello(frame).ok());
        break;
      case FrameKind::kRefuse:
        PREFIXMESH_CHECK(DecodeRefusal(frame).ok());
        break;
      case FrameKind::kRound:
        PREFIXMESH_CHECK(DecodeRound(frame, seal).ok());
        break;
      case FrameKind::kVector:
        PREFIXMESH_CHECK(DecodeVector(frame, seal).ok());
        break;
      case FrameKind::kRegisters:
        PREFIXMESH_CHECK(DecodeRegisters(frame, seal).ok());
        break;
      case FrameKind::kPull:
        PREFIXMESH_CHECK(DecodePull(frame, seal).ok());
        break;
    }
  }

  Fleet fleet_{2};
  TreeSet trees_{TreeSetOptions{.budget_bytes = 256 << 10, .hash = {}}};
  WorkerRegisters registers_{fleet_, trees_};
  BlockActions actions_;
  std::vector<WorkerLoad> loads_{{"w0", Incarnation{1}, 1}, {"w1", Incarnation{1}, 0}};
  std::uint64_t version_ = 1;
  mutable std::uint64_t next_incarnation_ = 1000;
  std::uint64_t checked_incarnation_ = 1000;
  std::uint64_t placed_ = 0;
  bool full_ = false;
  Time now_{0};
  TwoLayer strategy_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr FrameKind kKinds[] = {FrameKind::kRound, FrameKind::kRefuse, FrameKind::kVector, FrameKind::kRegisters,
                                  FrameKind::kPull};
  Machine machine;
  machine.Up(PeerIndex{0});
  machine.Up(PeerIndex{1});
  for (std::size_t at = 0; at < size;) {
    const std::uint8_t what = data[at++];
    const PeerIndex peer{static_cast<std::uint16_t>(what & 1)};
    const unsigned step = (what >> 1) & 7;
    if (step < 5) {
      if (size - at < 2) break;
      const std::size_t length = std::min<std::size_t>(data[at] | std::size_t{data[at + 1]} << 8, size - at - 2);
      at += 2;
      std::string frame(1, static_cast<char>(kKinds[step]));
      frame.append(reinterpret_cast<const char*>(data) + at, length);
      at += length;
      Seal(frame, kKinds[step] == FrameKind::kRefuse ? 0 : machine.SealOf(peer));
      machine.Frame(peer, frame);
    } else if (step == 5) {
      machine.Up(peer);
    } else if (step == 6) {
      machine.Down(peer);
    } else {
      machine.Tick((what & 0x80) != 0);
    }
  }
  machine.Tick(false);
  return 0;
}
