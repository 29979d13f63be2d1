// Goal: the mesh drives any strategy in step, counts its bytes truly, and bounds what it holds.
// Method: scripted_mesh.h.
#include <catch2/catch.hpp>

#include "impl/wire/gzip_frame.h"
#include "tests/impl/mesh/scripted_mesh.h"
#include "tests/support/allocations.h"
#include "tests/support/log_lines.h"

namespace prefixmesh::test {
namespace {

using std::chrono::milliseconds;

TEST_CASE("Mesh: rounds keep their beat, and each stream ticks in a phase of its own while it is up") {
  World world(Beats(milliseconds(50), milliseconds(1000)));
  world.executor.AdvanceTo(milliseconds(300));
  REQUIRE(world.strategy.rounds.size() == 6);
  world.mesh->OnStreamUp(PeerIndex{1}, StreamRole::kDialer);
  world.executor.AdvanceTo(milliseconds(2500));
  REQUIRE(world.strategy.ticks == std::vector<std::pair<Time, PeerIndex>>{{milliseconds(1300), PeerIndex{1}},
                                                                          {milliseconds(2300), PeerIndex{1}}});
  world.mesh->OnStreamDown(PeerIndex{1});
  world.mesh->OnStreamUp(PeerIndex{1}, StreamRole::kDialer);  // a new life: the old ticks stop
  world.executor.AdvanceTo(milliseconds(3600));
  REQUIRE(world.strategy.ticks.size() == 3);
  REQUIRE(world.strategy.ticks.back().first == milliseconds(3500));
  REQUIRE(world.strategy.downs == 1);
}

TEST_CASE("Mesh: built, refused, queued and layers add up, and a round is what one beat built") {
  World world(Beats(milliseconds(50), Time{0}));
  world.mesh->OnStreamUp(PeerIndex{0}, StreamRole::kServer);
  world.strategy.to_send = {Frame(100, 10, 1), Frame(30, 30, 2)};
  world.executor.AdvanceBy(milliseconds(50));
  world.transport.outcome = SendOutcome::kFull;
  world.strategy.to_send = {Frame(7, 0, 3)};
  world.executor.AdvanceBy(milliseconds(50));
  world.transport.outcome = SendOutcome::kQueued;
  world.strategy.refuse_bytes = 5000;
  world.executor.AdvanceBy(milliseconds(500));
  const MeshStats stats = world.mesh->Stats();
  REQUIRE(stats.built_bytes == 100 + 30 + 7 + 5000);
  REQUIRE(stats.queued_bytes == 130);
  REQUIRE(stats.refused_bytes == 7 + 5000);
  REQUIRE(stats.oversize == std::array<std::uint64_t, kOversizeCount>{1, 0, 0, 0});
  REQUIRE(stats.by_layer[static_cast<std::size_t>(Layer::kPlacements)].oversize == 1);
  REQUIRE(stats.streams_ended_by_size == 0);
  REQUIRE(stats.messages == 2);
  REQUIRE(stats.rounds == 3);
  REQUIRE(stats.bytes_per_round.max() == 5000);
  REQUIRE(stats.by_layer[static_cast<std::size_t>(Layer::kControl)].bytes == 40);
  REQUIRE(stats.by_layer[static_cast<std::size_t>(Layer::kPlacements)].bytes == 90 + 7 + 5000);
  REQUIRE(world.strategy.results == std::vector<std::pair<std::uint64_t, SendOutcome>>{
                                        {1, SendOutcome::kQueued}, {2, SendOutcome::kQueued}, {3, SendOutcome::kFull}});
}

TEST_CASE("Mesh: a frame that the transport does not take is an oversize, told to the strategy; some lose the stream") {
  for (const bool ends : {false, true}) {
    StrategyTraits traits = Beats(milliseconds(50), Time{0});
    traits.oversize_ends_stream = ends;
    World world(traits);
    world.mesh->OnStreamUp(PeerIndex{0}, StreamRole::kServer);
    world.transport.outcome = SendOutcome::kTooBig;
    world.strategy.to_send = {Frame(100, 0, 1)};
    world.strategy.to_send[0].layer = Layer::kRepair;
    world.executor.AdvanceBy(milliseconds(50));
    const MeshStats stats = world.mesh->Stats();
    REQUIRE(stats.oversize == std::array<std::uint64_t, kOversizeCount>{0, 0, 0, 1});
    for (std::size_t layer = 0; layer < kLayerCount; ++layer)
      REQUIRE(stats.by_layer[layer].oversize == (layer == static_cast<std::size_t>(Layer::kRepair) ? 1 : 0));
    REQUIRE(stats.streams_ended_by_size == (ends ? 1 : 0));
    REQUIRE(stats.built_bytes == 100);
    REQUIRE(stats.refused_bytes == 100);
    REQUIRE(stats.sends_by_outcome == std::map<std::string, std::uint64_t>{{"too_big", 1}});
    REQUIRE(world.strategy.results == std::vector<std::pair<std::uint64_t, SendOutcome>>{{1, SendOutcome::kTooBig}});
    REQUIRE(stats.closed_by_reason.count("oversize") == (ends ? 1 : 0));
  }
}

TEST_CASE("Mesh: what is trimmed is logged, with how often and how much, one line per kind and ten seconds") {
  const test::LogLines log;
  World world(Beats(milliseconds(50), Time{0}));
  const auto lines = [&] { return log.Starting("sync trim: "); };
  world.executor.AdvanceBy(milliseconds(100));
  REQUIRE(lines().empty());
  world.strategy.report.trims.Add(Trim::kForce, 200);
  world.strategy.report.trims.Add(Trim::kListCap, 1024);
  world.executor.AdvanceBy(milliseconds(50));
  for (int i = 0; i < 2; ++i) {
    world.strategy.report.trims.Add(Trim::kForce, 150);
    world.executor.AdvanceBy(milliseconds(1000));
  }
  REQUIRE(lines() ==
          std::vector<std::string>{"sync trim: kind=force times=1 entries=200 times_total=1 entries_total=200",
                                   "sync trim: kind=list_cap times=1 entries=1024 times_total=1 entries_total=1024"});
  world.executor.AdvanceBy(milliseconds(10'000));
  REQUIRE(lines().size() == 3);
  REQUIRE(lines()[2] == "sync trim: kind=force times=2 entries=300 times_total=3 entries_total=500");
  REQUIRE(world.mesh->Stats().strategy.trims.Of(Trim::kForce).entries == 500);
}

TEST_CASE("Mesh: every frame is handed on once and then the next may be read; frames of a dead stream are dropped") {
  World world(Beats(milliseconds(50), Time{0}));
  world.mesh->OnStreamUp(PeerIndex{0}, StreamRole::kServer);
  world.mesh->OnFrame(PeerIndex{0}, "one");
  world.executor.AdvanceBy(Time{0});
  REQUIRE(world.strategy.received == std::vector<std::string>{"one"});
  REQUIRE(world.mesh->Stats().received_by_peer[0] == 3);
  world.mesh->OnStreamDown(PeerIndex{0});
  world.mesh->OnFrame(PeerIndex{0}, "late");
  world.executor.AdvanceBy(Time{0});
  REQUIRE(world.strategy.received.size() == 1);
  REQUIRE(world.transport.handled == 2);
}

// Notes what it is told, and how much of it has not been told yet when a frame is sent.
class NotingSink final : public MeshSink {
 public:
  void Apply(const ForgetTenant& action) override { names.push_back(action.worker_name); }
  using MeshSink::Apply;
  std::vector<std::string> names;
};

TEST_CASE("Actions: changes are made as they come, until something has to wait; then all wait, in order") {
  std::vector<std::string> made;
  Actions actions([&](Action action) { made.push_back(std::get<ForgetTenant>(action).worker_name); });
  actions.push_back(ForgetTenant{"m", "1"});
  actions.push_back(ForgetTenant{"m", "2"});
  REQUIRE(made == std::vector<std::string>{"1", "2"});
  REQUIRE(actions.empty());
  actions.push_back(CloseStream{PeerIndex{0}, "reason"});
  actions.push_back(ForgetTenant{"m", "3"});
  REQUIRE(made.size() == 2);
  REQUIRE(actions.size() == 2);
  REQUIRE(std::get<ForgetTenant>(actions.back()).worker_name == "3");
  actions.clear();
  actions.push_back(ForgetTenant{"m", "4"});
  REQUIRE(made.back() == "4");
}

TEST_CASE("Mesh: changes and sends of one event reach sink and transport in the order in which they were made") {
  class Changes final : public SyncStrategy {
   public:
    const StrategyTraits& traits() const override { return traits_; }
    std::optional<Offer> Capture(const PlacementView&) const override { return std::nullopt; }
    void OnPlacement(Time, Offer, Actions&) override {}
    void OnRound(Time, Actions&) override {}
    void OnPeerTick(Time, PeerIndex, Actions&) override {}
    void OnPeerUp(Time, PeerIndex, StreamRole, Actions&) override {}
    void OnPeerDown(Time, PeerIndex, Actions&) override {}
    void OnFrame(Time, PeerIndex peer, Bytes, Actions& actions) override {
      actions.push_back(ForgetTenant{"m", "before"});
      told_before_send = sink->names.size();
      actions.push_back(SendFrame{.peer = peer, .frame = "f", .token = 1});
      actions.push_back(ForgetTenant{"m", "after"});
      told_in_event = sink->names.size();
    }
    void OnSendResult(Time, PeerIndex, std::uint64_t, SendOutcome, Actions& actions) override {
      told_at_result = sink->names.size();
      actions.push_back(ForgetTenant{"m", "result"});
    }
    bool Holds(std::string_view, Kind, NodeId, std::string_view) const override { return false; }
    StrategyReport Report() const override { return {}; }
    StrategyTraits traits_;
    NotingSink* sink = nullptr;
    std::size_t told_before_send = 0, told_in_event = 0, told_at_result = 0;
  };
  test::ManualClock clock;
  test::ManualExecutor executor{clock};
  test::RecordingTransport transport;
  Changes strategy;
  NotingSink sink;
  strategy.sink = &sink;
  Mesh mesh(clock, executor, strategy, sink, {"b"});
  mesh.Start(transport);
  mesh.OnStreamUp(PeerIndex{0}, StreamRole::kDialer);
  mesh.OnFrame(PeerIndex{0}, "any");
  executor.AdvanceTo(milliseconds(1));
  REQUIRE(strategy.told_before_send == 1);
  REQUIRE(strategy.told_in_event == 1);
  REQUIRE(strategy.told_at_result == 1);
  REQUIRE(sink.names == std::vector<std::string>{"before", "after", "result"});
}

TEST_CASE("Mesh: frames of strategies that gzip are gzipped and inflated; figures are those of the plain frames") {
  StrategyTraits traits = Beats(milliseconds(10), Time{0});
  traits.gzip = true;
  traits.inflated_bytes = 100'000;
  World world(traits);
  world.mesh->Start(world.transport, FrameForm::kGzipped);
  world.mesh->OnStreamUp(PeerIndex{0}, StreamRole::kDialer);
  world.strategy.to_send = {Frame(50'000, 0, 0)};
  world.executor.AdvanceTo(milliseconds(10));
  REQUIRE(world.transport.sent.size() == 1);
  const std::string sent = world.transport.sent[0].second;
  REQUIRE(sent.size() < 1000);
  REQUIRE(world.mesh->Stats().built_bytes == 50'000);
  REQUIRE(world.mesh->Stats().queued_bytes == 50'000);

  world.mesh->OnFrame(PeerIndex{0}, sent);
  world.mesh->OnFrame(PeerIndex{0}, "plain");
  world.executor.AdvanceTo(milliseconds(11));
  REQUIRE(world.strategy.received == std::vector<std::string>{std::string(50'000, 'f'), "plain"});
  REQUIRE(world.mesh->Stats().received_bytes == 50'005);

  // A byte above the limit, a size that is a lie, and no end: the stream ends, and nothing is handed on.
  const std::string bomb = GzipFrame(std::string(100'001, 'f'));
  std::string lie = GzipFrame(std::string(100'000, 'f'));
  lie[lie.size() - 4] = static_cast<char>(lie[lie.size() - 4] ^ 1);
  for (const std::string& bad : {bomb, lie, sent.substr(0, sent.size() / 2), sent + "x"}) {
    const std::uint64_t peak = test::PeakOf([&] {
      world.mesh->OnFrame(PeerIndex{0}, bad);
      world.executor.AdvanceTo(milliseconds(12));
    });
    if (test::kCountsAllocations) REQUIRE(peak <= 100'000 + 65'536);
    if (bad == bomb) REQUIRE(world.mesh->Stats().streams_ended_by_size == 1);
  }
  REQUIRE(world.strategy.received.size() == 2);
  REQUIRE(world.mesh->Stats().closed_by_reason.at("bad_gzip") == 4);
  // One that is damaged and says a size that is allowed ends it, too, but not by size.
  const std::uint64_t by_size = world.mesh->Stats().streams_ended_by_size;
  std::string damaged = sent;
  damaged[sent.size() - 8] = static_cast<char>(damaged[sent.size() - 8] ^ 1);  // of the checksum
  world.mesh->OnFrame(PeerIndex{0}, damaged);
  world.executor.AdvanceTo(milliseconds(13));
  REQUIRE(world.mesh->Stats().closed_by_reason.at("bad_gzip") == 5);
  REQUIRE(world.mesh->Stats().streams_ended_by_size == by_size);
}

TEST_CASE("Mesh: what came gzipped is gone when it is handled: one frame is in memory, not two") {
  if (!test::kCountsAllocations) return;
  StrategyTraits traits = Beats(milliseconds(10), Time{0});
  traits.gzip = true;
  World world(traits);
  world.mesh->OnStreamUp(PeerIndex{0}, StreamRole::kDialer);
  world.executor.AdvanceTo(milliseconds(10));
  std::string frame;  // seven bits of a byte are noise
  for (std::uint64_t noise = 1; frame.size() < 1'000'000; noise = noise * 6364136223846793005u + 1)
    frame += static_cast<char>(noise >> 57);
  const std::string gzipped = GzipFrame(frame);
  REQUIRE(gzipped.size() < frame.size());
  REQUIRE(gzipped.size() > frame.size() / 2);
  const std::uint64_t before = test::ResetPeak();
  world.mesh->OnFrame(PeerIndex{0}, gzipped);
  world.executor.AdvanceTo(milliseconds(11));
  REQUIRE(world.strategy.received.back() == frame);
  REQUIRE(world.strategy.out_bytes - before <= frame.size() + 65'536);
}

TEST_CASE("Mesh: an idle beat allocates nothing beyond its own timer, and builds nothing") {
  World world(Beats(milliseconds(50), Time{0}));
  world.executor.AdvanceBy(milliseconds(500));
  const test::AllocationCount before = test::Allocations();
  world.executor.AdvanceBy(milliseconds(5000));
  // The executor's task node and its function: what a timer costs. Reporting itself allocates nothing.
  REQUIRE(test::Allocations().count - before.count <= 100 * 2);
  REQUIRE(world.mesh->Stats().rounds == 0);
}

TEST_CASE("Mesh: what a peer sent and was not taken is said with kind, peer and model, and does not flood the log") {
  World world(Beats(milliseconds(50), Time{0}));
  world.strategy.rejects = true;
  const test::LogLines log;
  world.mesh->OnStreamUp(PeerIndex{0}, StreamRole::kDialer);
  world.mesh->OnStreamUp(PeerIndex{1}, StreamRole::kDialer);
  for (int i = 0; i < 100; ++i) world.mesh->OnFrame(PeerIndex{0}, "m\nforged");
  world.mesh->OnFrame(PeerIndex{1}, "");
  world.executor.AdvanceTo(milliseconds(100));
  const std::string begin = "sync frame not taken: kind=entry peer=";
  REQUIRE(log.Starting("sync frame") == std::vector<std::string>{begin + "b model=m?forged", begin + "c model=-"});
  world.executor.AdvanceTo(milliseconds(11000));
  world.mesh->OnFrame(PeerIndex{0}, "m");
  world.executor.AdvanceTo(milliseconds(11100));
  REQUIRE(log.Starting(begin).back() == begin + "b model=m (and 99 more like it since the last such line)");
}

}  // namespace
}  // namespace prefixmesh::test
