// Goal: what `--strategy` and `generations.fixed` take and refuse, and every strategy works with all of its hazards
// fixed at once. Method: two routers driven by hand, half a minute of placements at both, no clock and no transport.
#include "impl/router/strategies.h"

#include "impl/router/router_settings.h"

#include <map>

#include "impl/sync/generations/driver.h"
#include "impl/wire/bincode.h"
#include "impl/wire/lz4_body.h"
#include "tests/impl/sync/generations/generation_node.h"

namespace prefixmesh {
namespace {

std::unique_ptr<SyncStrategy> MakeStrategy(std::string_view name, const StrategySettings& settings,
                                           const TextTreeView& view) {
  return FindStrategy(name)->make(settings, view);
}

using generations::Hazard;
using generations::HazardSet;
using generations::test::GenerationNode;
using generations::test::kFirst;
using generations::test::OnlyValue;

TEST_CASE("ResolveFixed: a strategy takes the hazards it has, and refuses others with those that have them") {
  for (const StrategyDescription& strategy : StrategyDescriptions()) {
    for (unsigned i = 1; i <= generations::kHazards; ++i) {
      const Hazard hazard = static_cast<Hazard>(i);
      INFO(strategy.name << " " << generations::IdOf(hazard));
      const Result<HazardSet> fixed = ResolveFixed(strategy, generations::IdOf(hazard));
      REQUIRE(fixed.ok() == strategy.hazards.contains(hazard));
      if (fixed.ok()) {
        REQUIRE(*fixed == HazardSet{hazard});
        continue;
      }
      REQUIRE(fixed.error().message.find(strategy.name) != std::string::npos);
      REQUIRE(fixed.error().message.find('\n') == std::string::npos);
    }
    REQUIRE(ResolveFixed(strategy, "").ok());
  }
  const StrategyDescription raw = *FindStrategy("raw-ops");
  REQUIRE(ResolveFixed(raw, "H1,H8").error().message ==
          "generations.fixed: H8 cannot be fixed in raw-ops; it can in: snapshot-ops, capped-ops");
  REQUIRE(ResolveFixed(raw, "H1,echo").error().message ==
          "generations.fixed: 'echo' is not one of H1 … H14 (as in H1,H6)");
  REQUIRE(*ResolveFixed(raw, "H1+H2+H3+H4+H5+H6+H7+H9+H10+H11+H12+H13+H14") == raw.hazards);
  REQUIRE(FindStrategy("two-layer")->hazards == HazardSet());
  REQUIRE(FindStrategy("off")->hazards == HazardSet());
}

TEST_CASE("Strategies: every generation has its placements before a frame, and loses the stream above its limit") {
  GenerationNode view([](const TextTreeView& self) { return MakeStrategy("raw-ops", {}, self); });
  for (const StrategyDescription& strategy : StrategyDescriptions()) {
    if (strategy.hazards == HazardSet()) continue;
    INFO(strategy.name);
    const std::unique_ptr<SyncStrategy> made = MakeStrategy(strategy.name, {}, view);
    REQUIRE(made->traits().name == strategy.name);
    CHECK(made->traits().offers_before_frames);  // the originals wrote their state on the request thread
    CHECK(made->traits().oversize_ends_stream);
  }
}

TEST_CASE(
    "Strategies: two-layer tells no removals; generations those of everything, with evictions those of prefixes") {
  GenerationNode view([](const TextTreeView& self) { return MakeStrategy("raw-ops", {}, self); });
  for (const StrategyDescription& strategy : StrategyDescriptions()) {
    if (!strategy.make) continue;
    INFO(strategy.name);
    const bool evicts = strategy.name.starts_with("tenant-deltas") && strategy.name != "tenant-deltas/d1" &&
                        strategy.name != "tenant-deltas/d2" && strategy.name != "tenant-deltas/d3";
    const TellsRemovals tells = strategy.name == "two-layer" ? TellsRemovals::kNone
                                : evicts                     ? TellsRemovals::kPrefixes
                                                             : TellsRemovals::kEverything;
    CHECK(MakeStrategy(strategy.name, {}, view)->traits().tells_removals == tells);
  }
}

TEST_CASE("Strategies: what tenant-deltas remembers of prompts goes by the settings of the text trees") {
  for (const char* name :
       {"tenant-deltas", "tenant-deltas/d5", "tenant-deltas/d6", "tenant-deltas/d7", "tenant-deltas/d8"}) {
    INFO(name);
    GenerationNode node([&](const TextTreeView& view) {
      StrategySettings settings;
      settings.router = "a";
      settings.text_eviction_period = std::chrono::seconds(7);
      settings.text_chars_max = 10;
      return MakeStrategy(name, settings, view);
    });
    node.PlaceMany(0, 11);
    node.Rounds(6);
    CHECK(node.buffer("path_index").entries == 11);
    node.Rounds(1);
    CHECK(node.buffer("path_index").entries == 0);
  }
}

// ---- constants

// A router of this strategy with constants and hazards fixed.
std::unique_ptr<GenerationNode> With(const char* strategy, const generations::Constants& constants,
                                     HazardSet fixed = {}) {
  auto node = std::make_unique<GenerationNode>([&](const TextTreeView& view) {
    StrategySettings settings;
    settings.router = "a";
    settings.generations = {constants, ""};
    settings.fixed = fixed;
    return MakeStrategy(strategy, settings, view);
  });
  node->Up(StreamRole::kDialer);
  return node;
}
StrategyTraits TraitsOf(const char* strategy, const generations::Constants& constants) {
  return With(strategy, constants)->strategy().traits();
}

TEST_CASE("Constants: by default they are those of history, and each lies in its range") {
  const generations::Constants history;
  const std::map<std::string, std::uint64_t> known = {{"batch_bytes", 10 << 20},
                                                      {"transport_bytes", 0},
                                                      {"queue_messages", 128},
                                                      {"tick_ms", 1000},
                                                      {"round_ms", 1000},
                                                      {"checkpoint_rounds", 0},
                                                      {"garbage_rounds", 60},
                                                      {"structure_rounds", 30},
                                                      {"list_operations", 2048},
                                                      {"log_entries", 10'000},
                                                      {"mark_trim_operations", 4096},
                                                      {"force_trim_operations", 100},
                                                      {"delta_operations", 200},
                                                      {"compressed_bytes", 8 << 20},
                                                      {"claim_bytes", 256 << 20},
                                                      {"snapshot_entries", 100}};
  REQUIRE(known.size() == std::size(generations::kConstantRows));
  REQUIRE(sizeof(history) == sizeof(std::uint64_t) * known.size());  // each has a row
  const RouterSettings defaults;
  for (const SettingRow& row : generations::kConstantRows) {
    INFO(row.name);
    const Result<Setting> setting = FindSetting(RouterSections(), std::string("generations.") + row.name);
    REQUIRE(setting.ok());
    CHECK(SettingText(&defaults, *setting) == std::to_string(known.at(row.name)));
    CHECK(row.low <= static_cast<double>(known.at(row.name)));
    CHECK(row.high >= static_cast<double>(known.at(row.name)));
  }
}

TEST_CASE("Constants: what the transport and the mesh are given") {
  using std::chrono::milliseconds;
  for (const char* early : {"crdt-ops", "crdt-ops/a"}) CHECK(TraitsOf(early, {}).frame_bytes == 4u << 20);
  for (const char* later : {"crdt-ops/b", "raw-ops", "tenant-deltas"})
    CHECK(TraitsOf(later, {}).frame_bytes == 10u << 20);
  for (const char* each : {"crdt-ops", "crdt-ops/c", "raw-ops", "capped-ops", "full-snapshot", "checkpoint/a",
                           "checkpoint", "tenant-deltas", "tenant-deltas/d2"}) {
    INFO(each);
    CHECK(TraitsOf(each, {.transport_bytes = 5'000}).frame_bytes == 5'000);
    CHECK(TraitsOf(each, {.queue_messages = 7}).queue_frames == 7);
    CHECK(TraitsOf(each, {.tick_ms = 20}).peer_tick_period == milliseconds(20));
    CHECK(TraitsOf(each, {.round_ms = 30}).round_period == milliseconds(30));
  }
}

TEST_CASE("Constants: limits and caps") {
  {
    auto node = With("raw-ops", {.batch_bytes = 1'000});
    node->PlaceMany(0, 1, 2'000);
    REQUIRE(node->Tick().empty());
    CHECK(node->refused.at(0).limit_bytes == 1'000);
  }
  {
    auto node = With("raw-ops", {.list_operations = 10});
    node->PlaceMany(0, 11);
    node->Rounds(10);
    node->Up(StreamRole::kDialer);
    CHECK(generations::DecodeTreeState(AsBytes(OnlyValue(node->Tick()).config))->operations.size() == 5);
  }
  for (const int placed : {10, 11}) {
    auto node = With("crdt-ops", {.log_entries = 10});
    node->PlaceMany(0, placed);
    CHECK(node->buffer("crdt_log").entries == (placed == 10 ? 10 : 1));
  }
  {
    auto node = With("capped-ops", {.delta_operations = 3});
    node->PlaceMany(0, 5);
    CHECK(generations::DecodeTreeStateDelta(AsBytes(OnlyValue(node->Tick()).config))->operations.size() == 3);
  }
  for (const char* capped : {"checkpoint", "tenant-deltas/d7"}) {
    auto node = With(capped, {.compressed_bytes = 50});
    node->PlaceMany(0, 30);
    node->Tick();
    node->Rounds(10);
    node->Tick();
    CHECK(node->refused.at(0).limit_bytes == 50);
  }
  for (const std::uint64_t claim : {1'000, 100}) {
    auto node = With("checkpoint", {.claim_bytes = claim});
    const generations::TreeState list{"m", {{.prompt = std::string(300, 'p'), .tenant = "w1"}}, 1};
    const std::string body = *generations::CompressBody(AsBytes(Encode(list)));
    node->Receive(generations::test::FrameWith(generations::kTreeStateLz4Tag, body, 1));
    CHECK(node->decode_errors() == (claim == 100 ? 1 : 0));
  }
  for (const std::uint64_t entries : {1, 2}) {
    auto node = With("raw-ops", {.snapshot_entries = entries}, {Hazard::kScalarVersion});
    for (const char* key : {"tree@b=m", "tree@c=m"}) {
      const generations::TreeState list{"m", {{.prompt = "p", .tenant = "w1"}}, 1};
      node->Receive(generations::test::FrameWith(generations::kTreeStateTag, Encode(list), 1, key));
    }
    CHECK(node->Receive(generations::EncodeSnapshotRequest(generations::Store::kPolicy)).size() == 2 / entries);
  }
}

TEST_CASE("Constants: trims") {
  for (const std::uint64_t above : {5, 6}) {
    auto marked = With("raw-ops", {.mark_trim_operations = above});
    marked->PlaceMany(0, 6);
    marked->Tick();
    CHECK(marked->buffer("pending").entries == (above == 5 ? 3 : 6));

    auto refused = With("raw-ops", {.batch_bytes = 1, .force_trim_operations = above});
    refused->PlaceMany(0, 6);
    refused->Tick();
    CHECK(refused->buffer("pending").entries == (above == 5 ? 3 : 6));
  }
}

TEST_CASE("Constants: periods") {
  const auto version = [](GenerationNode& node) { return node.as<generations::Driven>().Version("tree:m"); };
  for (const auto& [strategy, set, rounds] : {std::tuple("raw-ops", 0, 10), std::tuple("crdt-ops/c", 0, 60),
                                              std::tuple("raw-ops", 3, 3), std::tuple("crdt-ops/c", 3, 3)}) {
    INFO(strategy << " " << set);
    auto node = With(strategy, {.checkpoint_rounds = static_cast<std::uint64_t>(set)});
    node->PlaceMany(0, 5);
    node->Rounds(rounds - 1);
    CHECK(node->buffer("pending").entries == 5);
    node->Rounds(1);
    CHECK(node->buffer("pending").entries == 0);
  }
  {
    auto node = With("tenant-deltas", {.garbage_rounds = 4});
    node->PlaceMany(0, 5);
    node->Rounds(3);
    CHECK(version(*node) == 5);
    node->Rounds(1);
    CHECK(version(*node) == 0);
  }
  for (const char* draft : {"tenant-deltas/d3", "tenant-deltas/d6"}) {
    auto node = With(draft, {.structure_rounds = 2});
    for (int round = 1; round <= 4; ++round) {
      node->PlaceMany(round, 1);
      const auto frames = node->Tick();
      const bool sends_records = !frames.empty() && OnlyValue(frames).tag == generations::kTenantDeltaTag;
      CHECK(sends_records == (round % 2 == 1));
    }
  }
  for (const std::uint64_t round_ms : {30'000, 60'000}) {
    StrategySettings settings;
    settings.generations.round_ms = round_ms;
    settings.text_chars_max = 1;
    GenerationNode node([&](const TextTreeView& view) { return MakeStrategy("tenant-deltas", settings, view); });
    node.PlaceMany(0, 3);
    node.Rounds(2);  // of 120 s
    CHECK(node.buffer("path_index").entries == (round_ms == 60'000 ? 0 : 3));
  }
}

// Half a minute at 20 placements a second and router, and a quarter of silence.
int HeldOfPeers(const StrategyDescription& strategy, HazardSet fixed, std::uint64_t& decode_errors) {
  std::unique_ptr<GenerationNode> nodes[2];
  for (int i = 0; i < 2; ++i) {
    nodes[i] = std::make_unique<GenerationNode>([&](const TextTreeView& view) {
      StrategySettings settings;
      settings.router = i == 0 ? "a" : "b";
      settings.fixed = fixed;
      return MakeStrategy(strategy.name, settings, view);
    });
    nodes[i]->Up(i == 0 ? StreamRole::kDialer : StreamRole::kServer);
  }
  for (int second = 0; second < 45; ++second) {
    for (int i = 0; i < 2; ++i) {
      GenerationNode &here = *nodes[i], &there = *nodes[1 - i];
      if (second < 30) here.PlaceMany(i * 10'000 + second * 20, 20);
      for (const std::string& frame : here.Tick()) here.ReceiveAll(there.Receive(frame));
    }
    for (const auto& node : nodes) node->Rounds(1);
  }
  decode_errors = nodes[0]->decode_errors() + nodes[1]->decode_errors();
  return nodes[0]->HeldOf(10'000, 600) + nodes[1]->HeldOf(0, 600);
}

TEST_CASE("Strategies: with all hazards fixed at once, what is placed at one router is known at the other") {
  for (const StrategyDescription& strategy : StrategyDescriptions()) {
    if (strategy.hazards == HazardSet()) continue;
    INFO(strategy.name);
    std::uint64_t decode_errors = 0;
    const int held = HeldOfPeers(strategy, strategy.hazards, decode_errors);
    REQUIRE(decode_errors == 0);
    // No hazards of this list: a hash resolves to nothing where its prompt was not, before #899 a dialing end told its
    // tree nothing, an export that does not move the counter waits for the next placement, the first draft with records
    // told no tree of them, the next ones dropped a 30th, and a dialing end did not look into d5's bodies.
    int expected = 1'200;
    if (strategy.name == "tenant-deltas") expected = 0;
    if (strategy.name == "crdt-ops" || strategy.name == "crdt-ops/a") expected = 600;
    if (strategy.name == "full-snapshot/b") expected = 800;
    if (strategy.name == "tenant-deltas/d1") expected = 0;
    if (strategy.name == "tenant-deltas/d3" || strategy.name == "tenant-deltas/d4") expected = 1'160;
    if (strategy.name == "tenant-deltas/d5") expected = 600;
    CHECK(held == expected);
  }
}

}  // namespace
}  // namespace prefixmesh
