// Goal: whole routers of every generation, on virtual time, show the signatures of the originals; and any change of
// what a strategy does is noticed. Method: GenerationSim at sizes at which each law holds and a run takes a second;
// a law is named by its row in the specification of the generations, §7.5. Hand-driven routers: tests/impl/sync.
// Long: a law after the other, of seven generations.
#include "bench/sim/generation_sim.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdio>
#include <set>

#include "impl/router/strategies.h"
#include "impl/sync/generations/snapshot_ops/snapshot_ops.h"
#include "tests/support/allocations.h"

namespace prefixmesh::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

GenerationOptions Make(std::string_view assignments) {
  spdlog::set_level(spdlog::level::off);
  GenerationOptions options;
  while (!assignments.empty()) {
    const auto space = assignments.find(' ');
    REQUIRE(options.Set(assignments.substr(0, space)).ok());
    assignments = space == std::string_view::npos ? "" : assignments.substr(space + 1);
  }
  return options;
}

BufferSize Buffer(const SimRouter& router, std::string_view name) {
  const StrategyReport report = router.report();
  for (std::size_t i = 0; i < report.buffer_count; ++i)
    if (report.buffers[i].name == name) return report.buffers[i];
  FAIL("no buffer named " << name);
  return {};
}

double Bytes(const SimRouter& router, std::string_view buffer) {
  return static_cast<double>(Buffer(router, buffer).bytes);
}

LayerTotal LayerOf(const SimRouter& router, Layer layer) {
  return router.stats().by_layer[static_cast<std::size_t>(layer)];
}

// ---- the trace hash -------------------------------------------------------------------------------------------------

struct Golden {
  const char* strategy;
  std::uint64_t hash;
};
// What each strategy does with seed 1. After an intended change: bench_sim_test "[golden]" prints the table anew.
constexpr Golden kGolden[] = {
    {"off", 0x37e9dd714c9959b7},
    {"crdt-ops", 0xd637c5c3e63e3524},
    {"crdt-ops/a", 0x0b2042e8fd4889c6},
    {"crdt-ops/b", 0x9fdefe5c6f710955},
    {"crdt-ops/c", 0xb8035b8d13dfaad9},
    {"raw-ops", 0xb2974b16fac6460b},
    {"snapshot-ops", 0x7bb0a913f3dc087a},
    {"full-snapshot", 0xd1fd913e59ebb7e7},
    {"full-snapshot/b", 0x81d176b45b86c619},
    {"checkpoint", 0xd5bddf0f58d9d28a},
    {"checkpoint/a", 0x4625abf417fccd61},
    {"checkpoint/b", 0xfac7dc5be6663a8d},
    {"checkpoint/c", 0x86d2b5772bba8b37},
    {"checkpoint/d", 0x1bc51e73c9beafed},
    {"capped-ops", 0x2da8aaad32db5c64},
    {"tenant-deltas", 0xd59ab0f69855bf47},
    {"tenant-deltas/d1", 0xf9cb35a9df43d277},
    {"tenant-deltas/d2", 0xa745089878041c6a},
    {"tenant-deltas/d3", 0xfadaaa460063b450},
    {"tenant-deltas/d4", 0xfadaaa460063b450},
    {"tenant-deltas/d5", 0x0c518a4534bfb42f},
    {"tenant-deltas/d6", 0x4a7012602cc8d02b},
    {"tenant-deltas/d7", 0xf646b5bb74fcf690},
    {"tenant-deltas/d8", 0xf646b5bb74fcf690},
};

std::uint64_t GoldenHash(std::string_view strategy, std::uint64_t seed) {
  // The forms of checkpoint need a tree of 8 to 10 MiB to differ in all, the drafts of tenant-deltas 30 rounds with
  // records and an export in silence; the rest is as different as can be for little.
  const bool exports = strategy.starts_with("checkpoint"), is_draft = strategy.starts_with("tenant-deltas/");
  GenerationSim sim(strategy,
                    Make(exports ? "routers=3 writers=2 rate=2 prompt_chars=100000 duplicates=0.3 pool=20"
                                 : "routers=3 writers=2 rate=10 prompt_chars=200 duplicates=0.3 pool=20 models=2 "
                                   "break_rate=0.02"),
                    seed);
  sim.Load(seconds(is_draft ? 75 : 25));
  sim.Idle(seconds(is_draft ? 20 : 10));
  return sim.hash();
}

TEST_CASE("Generations: the golden hashes, to be pasted", "[.][golden]") {
  for (const StrategyDescription& strategy : StrategyDescriptions())
    if (strategy.runs_on_text)
      std::printf("    {\"%s\", 0x%016llx},\n", std::string(strategy.name).c_str(),
                  static_cast<unsigned long long>(GoldenHash(strategy.name, 1)));
}

TEST_CASE("Generations: the same seed is the same run, and that which is on record; no two do the same, but for two") {
  std::set<std::uint64_t> hashes;
  std::size_t strategies = 0;
  std::uint64_t last = 0;
  for (const StrategyDescription& strategy : StrategyDescriptions()) {
    if (!strategy.runs_on_text) continue;
    INFO(strategy.name);
    const std::uint64_t hash = GoldenHash(strategy.name, 1);
    REQUIRE(GoldenHash(strategy.name, 1) == hash);
    // What tells these drafts from the one before them is not in these runs, or no part of the trace: evictions, and
    // copies of prompts.
    const bool does_the_same = strategy.name == "tenant-deltas/d4" || strategy.name == "tenant-deltas/d8";
    REQUIRE(hashes.insert(hash).second == !does_the_same);
    if (does_the_same) REQUIRE(hash == last);
    last = hash;
    const auto golden = std::find_if(std::begin(kGolden), std::end(kGolden),
                                     [&](const Golden& each) { return each.strategy == strategy.name; });
    REQUIRE(golden != std::end(kGolden));
    CHECK(hash == golden->hash);
    ++strategies;
  }
  REQUIRE(strategies == std::size(kGolden));
  REQUIRE(GoldenHash("raw-ops", 2) != GoldenHash("raw-ops", 1));
}

// ---- removals -------------------------------------------------------------------------------------------------------

TEST_CASE("Generations: where workers drop things, the few rules hold of any strategy and any drawn options") {
  spdlog::set_level(spdlog::level::off);
  for (const StrategyDescription& strategy : StrategyDescriptions()) {
    if (!strategy.runs_on_text) continue;
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
      GenerationOptions options = GenerationOptions::Draw(seed);
      options.removal_rate = 2;
      options.clear_rate = 0.2;
      options.prompt_chars = std::min(options.prompt_chars, 200.0);
      INFO("prefixmesh sim --strategy " << strategy.name << " --seed " << seed << " --faults " << options.Print());
      GenerationSim sim(strategy.name, options, seed);
      sim.Load(seconds(20));
      sim.Idle(seconds(5));
      REQUIRE(sim.Broken() == "");
    }
  }
}

TEST_CASE("Generations: after a worker dropped everything a peer of lists believes all of it, with H13 fixed nothing") {
  const auto held = [](std::string_view strategy, int fixed) {
    GenerationSim sim(strategy, Make("workers=1 duplicates=0 clear_rate=2 fixes_removals=" + std::to_string(fixed)), 1);
    sim.Load(seconds(30));
    sim.Idle(seconds(3));
    CHECK(sim.router(0).stats().removals.told > 20);
    CHECK(sim.Broken() == "");
    return sim.Figures().held_share;
  };
  for (const char* strategy : {"crdt-ops/b", "crdt-ops/c", "raw-ops"}) {
    INFO(strategy);
    CHECK(held(strategy, 0) > 0.99);
    CHECK(held(strategy, 1) < 0.2);
  }
}

TEST_CASE("Generations: draft d4 of the seventh does what d3 does, and tells what workers drop") {
  const auto run = [](std::string_view strategy, std::string_view removals) {
    GenerationSim sim(strategy, Make("rate=10 prompt_chars=100 " + std::string(removals)), 1);
    sim.Load(seconds(20));
    sim.Idle(seconds(3));
    return std::pair(sim.hash(), sim.router(0).stats().removals);
  };
  REQUIRE(run("tenant-deltas/d3", "").first == run("tenant-deltas/d4", "").first);
  const auto [d3_hash, d3] = run("tenant-deltas/d3", "removal_rate=1 clear_rate=1");
  const auto [d4_hash, d4] = run("tenant-deltas/d4", "removal_rate=1 clear_rate=1");
  CHECK(d3_hash != d4_hash);
  CHECK(d3.untold > 0);  // prefixes
  CHECK(d4.untold == 0);
  CHECK(d3.told + d3.untold == d4.told);
}

// ---- S1 -------------------------------------------------------------------------------------------------------------

// Bytes of an operation on the wire and in a list.
double OperationBytes(double prompt) { return 24 + prompt + 2; }

TEST_CASE("S1: what is retained is linear in requests, a whole list for each") {
  GenerationSim sim("crdt-ops", Make("rate=200 prompt_chars=6 shared_chars=0 duplicates=0 workers=1"), 1);
  const auto retained = [&] { return Bytes(sim.router(0), "crdt_log"); };
  sim.Load(milliseconds(2048 * 5));  // until the list is as long as it gets; then it swings between 1,024 and 2,048
  for (int i = 0; i < 2; ++i) {
    const double before = retained();
    const auto placed = static_cast<double>(sim.router(0).report().records.local);
    sim.Load(milliseconds(1024 * 5));
    const double requests = static_cast<double>(sim.router(0).report().records.local) - placed;
    REQUIRE(requests == Approx(1024).epsilon(0.05));
    CHECK((retained() - before) / requests == Approx(1536 * OperationBytes(6)).epsilon(0.05));
  }
}

TEST_CASE("S1: at 10,000 entries the log drops to one for each key, before #825 it does not") {
  // As many models as a worker may serve, so that the lists stay short.
  constexpr auto kLoad = "rate=1000 prompt_chars=6 shared_chars=0 duplicates=0 workers=1 models=64";
  GenerationSim compacts("crdt-ops", Make(kLoad), 1), never("crdt-ops/a", Make(kLoad), 1);
  std::uint64_t highest = 0;
  for (int i = 0; i < 22; ++i) {
    for (GenerationSim* sim : {&compacts, &never}) sim->Load(milliseconds(500));
    highest = std::max(highest, Buffer(compacts.router(0), "crdt_log").entries);
  }
  const std::uint64_t placed = never.router(0).report().records.local;
  REQUIRE(placed > 10'500);
  CHECK(Buffer(never.router(0), "crdt_log").entries == placed);
  CHECK(highest > 9'000);
  CHECK(highest <= 10'000);
  CHECK(Buffer(compacts.router(0), "crdt_log").entries < 2'500);
}

TEST_CASE("S1: a list above the transport's 4 MiB breaks the stream, again and again") {
  GenerationSim sim("crdt-ops", Make("rate=5 prompt_chars=200000 duplicates=0"), 1);
  sim.Load(seconds(6));
  const std::uint64_t delivered = sim.router(1).stats().received_bytes;
  const std::uint64_t streams = sim.router(0).stats().streams_opened;
  sim.Idle(seconds(10));
  CHECK(sim.router(1).stats().received_bytes == delivered);
  CHECK(sim.router(0).stats().streams_opened >= streams + 5);  // sent to the end, closed and dialed again: two seconds
  const std::uint64_t refused = sim.router(0).stats().oversize[static_cast<std::size_t>(Oversize::kTransport)];
  CHECK(refused >= 5);
  CHECK(sim.router(0).stats().streams_ended_by_size == refused);
  CHECK(LayerOf(sim.router(0), Layer::kStructure).oversize == refused);
  CHECK(sim.Figures().held_share < 1);
}

TEST_CASE("S1b: at short prompts the wire carries a fortieth of S1's, the log the same") {
  constexpr auto kLoad = "rate=10 prompt_chars=60 duplicates=0";
  GenerationSim whole("crdt-ops", Make(kLoad), 1), deltas("crdt-ops/b", Make(kLoad), 1);
  for (GenerationSim* sim : {&whole, &deltas}) sim->Load(seconds(79));  // (79 + 1) / 2 seconds' worth on average
  const auto wire = [](const GenerationSim& sim) { return static_cast<double>(sim.router(0).stats().built_bytes); };
  CHECK(wire(whole) / wire(deltas) == Approx(40).epsilon(0.2));
  CHECK(Bytes(deltas.router(0), "crdt_log") == Approx(Bytes(whole.router(0), "crdt_log")).epsilon(0.01));
}

TEST_CASE("S1c: flat until the first checkpoint at 60 rounds, then a whole list for each request") {
  GenerationSim sim("crdt-ops/c", Make("rate=20 prompt_chars=200 duplicates=0"), 1);
  const auto growth = [&sim](int length) {
    const double before = Bytes(sim.router(0), "crdt_log");
    sim.Load(seconds(length));
    return (Bytes(sim.router(0), "crdt_log") - before) / length;
  };
  CHECK(growth(59) < 20 * 250);  // envelopes
  growth(1);                     // the checkpoint
  CHECK(growth(3) == Approx(20 * 1'200 * OperationBytes(200)).epsilon(0.1));
}

// ---- S2 -------------------------------------------------------------------------------------------------------------

TEST_CASE("S2: pending is a saw-tooth of 10 rounds; a second's wire is a second's operations") {
  GenerationSim sim("raw-ops", Make("rate=20 prompt_chars=200 duplicates=0"), 1);
  sim.Load(milliseconds(500));  // rounds fall in the middle of what follows
  std::uint64_t highest = 0, last = 0;
  std::vector<int> drops;
  for (int second = 1; second <= 60; ++second) {
    sim.Load(seconds(1));
    const std::uint64_t pending = Buffer(sim.router(0), "pending").entries;
    if (pending < last) drops.push_back(second);
    highest = std::max(highest, pending);
    last = pending;
  }
  CHECK(drops == std::vector<int>{10, 20, 30, 40, 50, 60});
  CHECK(static_cast<double>(highest) == Approx(10 * 20).epsilon(0.1));
  const LayerTotal deltas = LayerOf(sim.router(0), Layer::kPlacements);
  CHECK(static_cast<double>(deltas.bytes) / static_cast<double>(deltas.messages) ==
        Approx(20 * OperationBytes(200)).epsilon(0.1));
}

TEST_CASE("S2: whole lists are rare with one writer, and most of what the slower of two writers sends") {
  const auto share = [](std::string_view options) {
    GenerationSim sim("raw-ops", Make(options), 1);
    sim.Load(seconds(60));
    const auto lists = static_cast<double>(LayerOf(sim.router(0), Layer::kStructure).messages);
    return lists / (lists + static_cast<double>(LayerOf(sim.router(0), Layer::kPlacements).messages));
  };
  CHECK(share("rate=20 prompt_chars=50 duplicates=0") < 0.1);
  CHECK(share("rate=20 prompt_chars=50 duplicates=0 writers=2 skew=10") > 0.6);
}

// ---- S3 -------------------------------------------------------------------------------------------------------------

TEST_CASE("S3: one commit, then none under load; pending grows by rate times operation") {
  GenerationSim sim("snapshot-ops", Make("rate=40 prompt_chars=200 duplicates=0 rebuild_ms=50"), 1);
  const auto& strategy = dynamic_cast<const generations::SnapshotOps&>(*sim.router(0).core().strategy());
  sim.Load(milliseconds(15'500));  // no load begins or ends at a round
  REQUIRE(strategy.commits() == 1);
  const BufferSize before = Buffer(sim.router(0), "pending");
  sim.Load(seconds(40));
  const BufferSize after = Buffer(sim.router(0), "pending");
  CHECK(strategy.attempts() == 5);
  CHECK(strategy.commits() == 1);
  CHECK(static_cast<double>(after.entries - before.entries) == Approx(40 * 40).epsilon(0.05));
  CHECK(static_cast<double>(after.bytes - before.bytes) > 40 * 40 * OperationBytes(200));
  sim.Idle(seconds(10));
  CHECK(strategy.commits() == 2);
  CHECK(Buffer(sim.router(0), "pending").bytes == 0);
}

TEST_CASE("S3: a rebuild that takes less than the distance of two placements is kept mostly") {
  GenerationSim sim("snapshot-ops", Make("rate=40 prompt_chars=200 duplicates=0 rebuild_ms=1"), 1);
  sim.Load(milliseconds(60'500));
  CHECK(dynamic_cast<const generations::SnapshotOps&>(*sim.router(0).core().strategy()).attempts() == 6);
  CHECK(dynamic_cast<const generations::SnapshotOps&>(*sim.router(0).core().strategy()).commits() >= 5);
}

// ---- S4 -------------------------------------------------------------------------------------------------------------

TEST_CASE("S4: below 10 MiB all is there within a round") {
  GenerationSim sim("full-snapshot", Make("rate=10 prompt_chars=10000 duplicates=0"), 1);
  sim.Load(seconds(12));
  sim.Idle(milliseconds(1'200));
  CHECK(sim.Figures().held_share == 1);
  CHECK(sim.Figures().refused_bytes == 0);
}

TEST_CASE("S4: above 10 MiB the tree is built every second for ever, and nothing of it is delivered") {
  GenerationSim sim("full-snapshot", Make("rate=10 prompt_chars=100000 duplicates=0"), 1);
  sim.Load(seconds(12));
  sim.Idle(seconds(1));
  const MeshStats before = sim.router(0).stats();
  const std::uint64_t delivered = sim.router(1).stats().received_bytes;
  sim.Idle(seconds(10));
  const MeshStats after = sim.router(0).stats();
  const auto tree = static_cast<double>(sim.router(0).core().trees().Size().bytes);
  REQUIRE(tree > 10 << 20);
  CHECK(static_cast<double>(after.built_bytes - before.built_bytes) == Approx(10 * tree).epsilon(0.02));
  CHECK(after.refused_bytes - before.refused_bytes == after.built_bytes - before.built_bytes);
  CHECK(sim.router(1).stats().received_bytes == delivered);
}

// ---- S5 -------------------------------------------------------------------------------------------------------------

// The seconds of 40 idle ones in which the router asked for memory, and how much, in trees. Nobody else is there, so
// that all of it is exports.
struct Spike {
  int second;
  double trees;
};
std::vector<Spike> IdleSpikes(std::string_view strategy) {
  GenerationSim sim(strategy, Make("rate=10 prompt_chars=20000 duplicates=0 join_s=86400"), 1);
  sim.Load(milliseconds(10'500));
  std::vector<Spike> spikes;
  for (int second = 0; second < 40; ++second) {
    const std::uint64_t before = test::Allocations().requested_bytes;
    sim.Idle(seconds(1));
    const auto asked = static_cast<double>(test::Allocations().requested_bytes - before);
    const double trees = asked / static_cast<double>(sim.router(0).core().trees().Size().bytes);
    if (trees > 0.1) spikes.push_back({second, trees});
  }
  return spikes;
}

TEST_CASE(
    "S5: an export every 10 rounds takes two to three trees; idle ones never end in a, b and c, and do in d and e") {
  if (!test::kCountsAllocations) return;
  for (const auto strategy : {"checkpoint/a", "checkpoint/b", "checkpoint/c", "checkpoint/d", "checkpoint"}) {
    INFO(strategy);
    const std::vector<Spike> spikes = IdleSpikes(strategy);
    const bool silent = std::string_view(strategy) == "checkpoint/d" || std::string_view(strategy) == "checkpoint";
    REQUIRE(spikes.size() == (silent ? 1 : 4));  // one for what was placed since the last
    for (std::size_t i = 0; i < spikes.size(); ++i) {
      CHECK(spikes[i].second == spikes[0].second + 10 * static_cast<int>(i));
      CHECK(spikes[i].trees > 1.9);
      CHECK(spikes[i].trees < 3.2);
    }
  }
}

TEST_CASE("S5: idle routers send the tree every 10 rounds in a, and nothing in d") {
  const auto idle_trees = [](std::string_view strategy) {
    GenerationSim sim(strategy, Make("rate=10 prompt_chars=20000 duplicates=0"), 1);
    sim.Load(milliseconds(10'500));
    sim.Idle(seconds(20));  // what was placed last, and its echo
    const std::uint64_t before = sim.router(0).stats().built_bytes;
    sim.Idle(seconds(40));
    return static_cast<double>(sim.router(0).stats().built_bytes - before) /
           static_cast<double>(sim.router(0).core().trees().Size().bytes);
  };
  CHECK(idle_trees("checkpoint/a") == Approx(4).epsilon(0.05));
  CHECK(idle_trees("checkpoint/d") == 0);
}

// ---- S6 -------------------------------------------------------------------------------------------------------------

TEST_CASE("S6: the knee: up to 200 operations a second go out, above it 200, and the backlog grows by the rest") {
  for (const double rate : {50.0, 150.0, 250.0, 400.0}) {
    INFO(rate);
    GenerationSim sim("capped-ops", Make("prompt_chars=100 duplicates=0 rate=" + std::to_string(rate)), 1);
    sim.Load(milliseconds(2'500));
    const auto records = [&sim] { return sim.router(0).report().records; };
    const RecordCounts before = records();
    sim.Load(seconds(6));
    const RecordCounts after = records();
    const auto placed = static_cast<double>(after.local - before.local);
    const auto sent = static_cast<double>(after.sent - before.sent);
    CHECK(sent == Approx(6 * std::min(rate, 200.0)).epsilon(0.03));
    CHECK(placed - sent == Approx(6 * std::max(rate - 200, 0.0)).margin(0.03 * placed));
  }
}

TEST_CASE("S6: the cliff: where 200 operations are above 10 MiB nothing is delivered") {
  const auto delivered = [](std::string_view chars) {
    GenerationSim sim("capped-ops", Make("rate=250 duplicates=0 prompt_chars=" + std::string(chars)), 1);
    sim.Load(seconds(3));
    return sim.router(1).stats().received_bytes;
  };
  CHECK(delivered("52000") > 2 * 200 * 52000);
  CHECK(delivered("52500") == 0);
}

// ---- S7 -------------------------------------------------------------------------------------------------------------

TEST_CASE("S7: what resolves is what repeats; a round is in the order of a kilobyte") {
  for (const double duplicates : {0.0, 0.25, 0.5, 0.75}) {
    INFO(duplicates);
    GenerationSim sim("tenant-deltas",
                      Make("rate=20 writers=2 pool=10 prompt_chars=5000 duplicates=" + std::to_string(duplicates)), 1);
    sim.Load(seconds(30));
    const GenerationFigures figures = sim.Figures();
    const auto resolved = static_cast<double>(figures.records.applied) / static_cast<double>(figures.records.received);
    CHECK(resolved == Approx(duplicates).margin(0.05));
    const double round = static_cast<double>(figures.queued_bytes) / static_cast<double>(figures.frames);
    CHECK(round > 20 * 24);
    CHECK(round < 1'024);
  }
}

TEST_CASE("S7: without duplicates a placement keeps less than 200 bytes, with them the index keeps whole prompts") {
  const auto index = [](std::string_view duplicates) {
    GenerationSim sim("tenant-deltas", Make("rate=20 prompt_chars=5000 pool=100 duplicates=" + std::string(duplicates)),
                      1);
    sim.Load(seconds(40));
    CHECK(Buffer(sim.router(0), "tenant_deltas").entries <= 2 * 20);  // of the last second
    return Bytes(sim.router(0), "path_index");
  };
  CHECK(index("0") < 40 * 20 * 200);
  CHECK(index("1") > 90 * 5'000);
}

TEST_CASE("S7: of N routers a record reaches one of N - 1 others") {
  for (const int routers : {2, 3, 5}) {
    INFO(routers);
    GenerationSim sim("tenant-deltas", Make("writers=5 routers=" + std::to_string(routers)), 1);
    sim.Load(seconds(30));
    sim.Idle(seconds(2));
    const RecordCounts records = sim.Figures().records;
    CHECK(static_cast<double>(records.received) / static_cast<double>(records.local * (routers - 1u)) ==
          Approx(1.0 / (routers - 1)).epsilon(0.01));
    for (std::size_t node = 0; node < sim.nodes(); ++node)  // spread by the streams' phases, but nobody gets nothing
      CHECK(sim.router(node).report().records.received > 0);
  }
}

TEST_CASE("S7: who joins late gets nothing of what was placed before") {
  GenerationSim sim("tenant-deltas", Make("writers=2 routers=3 duplicates=0.5 join_s=22"), 1);
  sim.Load(seconds(20));
  sim.Idle(seconds(15));
  CHECK(sim.router(2).stats().streams_opened == 2);
  CHECK(sim.router(2).stats().received_bytes == 0);
  CHECK(sim.router(2).core().trees().Size().nodes == 2);  // the roots: text and tokens
  // The control: a list has it all.
  GenerationSim lists("raw-ops", Make("writers=2 routers=3 duplicates=0.5 join_s=22"), 1);
  lists.Load(seconds(20));
  lists.Idle(seconds(15));
  CHECK(lists.router(2).core().trees().Size().bytes > 0);
}

}  // namespace
}  // namespace prefixmesh::sim
