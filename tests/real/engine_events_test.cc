// Goal: a router is fed by an engine that publishes its KV events over ZeroMQ, in either layout, and believes what the
// engine holds: after gaps, lost batches, a new beginning, bytes that are no batch.
// The engine is a foreign one: engine_publisher.py, with Python's ZeroMQ and msgpack.
#include <array>
#include <catch2/catch.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/real/engine_scripts.h"
#include "tests/real/running_router.h"

namespace prefixmesh {
namespace {

using nlohmann::json;
using test::Eventually;
using test::FreePort;
using test::kBlockTokens;
using test::RunningRouter;
using test::Script;
using test::TokenPrompt;
using test::Tokens;

class Publisher {
 public:
  explicit Publisher(int kept = 1000)
      : ports_{FreePort(), FreePort()},
        script_("engine_publisher", {std::to_string(ports_[0]), std::to_string(ports_[1]), std::to_string(kept)}) {}
  void Do(const std::string& command) { CHECK(script_.Do(command) == "done"); }
  void Publish(const std::vector<json>& events, const std::string& how = "publish") {
    Do(how + " " + json(events).dump());
  }
  EngineAddress address() const { return {Address(ports_[0]), Address(ports_[1])}; }

 private:
  static std::string Address(std::uint16_t port) { return "tcp://127.0.0.1:" + std::to_string(port); }
  const std::array<std::uint16_t, 2> ports_;
  Script script_;
};

json Stored(const std::vector<json>& hashes, const json& parent, const std::vector<std::uint32_t>& tokens) {
  return {{"type", "BlockStored"},
          {"block_hashes", hashes},
          {"parent_block_hash", parent},
          {"token_ids", tokens},
          {"block_size", tokens.size() / hashes.size()},
          {"medium", "GPU"}};
}
json Removed(const std::vector<json>& hashes) {
  return {{"type", "BlockRemoved"}, {"block_hashes", hashes}, {"medium", "GPU"}};
}
json Cleared() { return {{"type", "AllBlocksCleared"}}; }

// Workers that serve, of whose engine a publisher tells.
struct Listener {
  explicit Listener(const EngineAddress& engine) {
    load::WorkerPoolOptions pool;
    pool.ports = {0};
    pool.models = {"m"};
    auto started = load::WorkerPool::Start(pool, clock);
    REQUIRE(started.ok());
    workers = std::move(*started);
    RouterOptions options = test::UsualOptions("a", FreePort(), {}, workers->addresses());
    options.settings.index.source = "events";
    options.workers[0].engine = engine;
    options.engine_model = "m";
    router = std::make_unique<RunningRouter>(options);
  }
  std::uint32_t Depth(const std::vector<std::uint32_t>& tokens) {
    const v1::ProbeReply reply = router->Probe(TokenPrompt(tokens), "w0", v1::KIND_TOKENS);
    return reply.workers().empty() ? 0 : reply.workers(0).depth_blocks();
  }
  bool Has(const std::vector<std::uint32_t>& tokens, std::uint32_t blocks) {
    return Eventually([&] { return Depth(tokens) == blocks; });
  }
  std::uint64_t Trouble(const char* kind) { return router->Count(RouterFigure("kv_events.troubles.*"), kind); }
  bool Streams(std::uint64_t count) {
    return Eventually([&] { return router->Count(RouterFigure("kv_events.streams")) == count; });
  }

  RealClock clock;
  std::unique_ptr<load::WorkerPool> workers;
  std::unique_ptr<RunningRouter> router;
};

TEST_CASE("what an engine stores, removes and clears is believed, in both layouts and with every form of hash") {
  const std::string long_hash(64, 'c');  // 32 bytes
  const std::vector<json> names{{1, 2, 3}, {-1, -2, -9'000'000'000'000'000'000}, {"0011223344556677", "08", "09"}};
  for (const char* layout : {"arrays", "maps"}) {
    Publisher engine;
    engine.Do(layout);
    Listener listener(engine.address());
    REQUIRE(listener.Streams(1));
    std::uint32_t seed = 1;
    for (json hashes : names) {
      if (hashes[0].is_string()) hashes = {"0011223344556677", long_hash, std::string(64, 'd')};
      const std::vector<std::uint32_t> tokens = Tokens(3 * kBlockTokens + 5, seed++);
      const auto part = [&](std::size_t from, std::size_t to) {
        return std::vector<std::uint32_t>(tokens.begin() + static_cast<std::ptrdiff_t>(from * kBlockTokens),
                                          tokens.begin() + static_cast<std::ptrdiff_t>(to * kBlockTokens));
      };
      engine.Publish({Stored({hashes[0], hashes[1]}, nullptr, part(0, 2)), Stored({hashes[2]}, hashes[1], part(2, 3))});
      CHECK(listener.Has(tokens, 3));
      engine.Publish({Removed({hashes[2]})});
      CHECK(listener.Has(tokens, 2));
    }
    CHECK(listener.Depth(Tokens(3 * kBlockTokens, 1)) == 2);
    engine.Publish({Cleared()});
    CHECK(listener.Has(Tokens(3 * kBlockTokens, 1), 0));
    CHECK(listener.Trouble("unreadable") == 0);
    CHECK(listener.Trouble("orphan") == 0);
    CHECK(listener.Trouble("incomplete") == 0);
  }
}

TEST_CASE("blocks of another size than ours are ours, cut by tokens") {
  Publisher engine;
  Listener listener(engine.address());
  const std::vector<std::uint32_t> small = Tokens(40, 1), large = Tokens(96, 2);
  engine.Publish({Stored({1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, nullptr, small)});  // of 4 tokens
  engine.Publish({Stored({21, 22}, nullptr, large)});                         // of 48
  CHECK(listener.Has(small, 2));
  CHECK(listener.Has(large, 6));
  engine.Publish({Removed({10, 9, 8})});
  CHECK(listener.Has(small, 1));
}

TEST_CASE("a block under a LoRA or a salt matches requests under the same alone") {
  Publisher engine;
  Listener listener(engine.address());
  const std::vector<std::uint32_t> tokens = Tokens(32, 1);
  json salted = Stored({1, 2}, nullptr, tokens), lora = Stored({3, 4}, nullptr, tokens);
  salted["extra_keys"] = {{"s"}, nullptr};
  lora["lora_name"] = "fr";
  lora["extra_keys"] = {{"fr"}, {"fr"}};
  engine.Publish({salted, lora});
  const auto depth = [&](const std::string& lora_name, const std::string& salt) {
    grpc::ClientContext context;
    v1::ProbeRequest request;
    request.set_model("m");
    request.set_kind(v1::KIND_TOKENS);
    request.set_prompt(TokenPrompt(tokens));
    request.set_lora(lora_name);
    request.set_salt(salt);
    v1::ProbeReply reply;
    REQUIRE(listener.router->stub->Probe(&context, request, &reply).ok());
    return reply.workers().empty() ? 0 : reply.workers(0).depth_blocks();
  };
  CHECK(Eventually([&] { return depth("", "s") == 2; }));
  CHECK(Eventually([&] { return depth("fr", "") == 2; }));
  CHECK(depth("", "") == 0);
  CHECK(depth("", "fr") == 0);
  CHECK(depth("fr", "s") == 0);
}

TEST_CASE("a router that comes late has what is replayed, and one that missed some asks") {
  Publisher engine;
  const std::vector<std::uint32_t> before = Tokens(16, 1), missed = Tokens(16, 2), after = Tokens(16, 3);
  engine.Publish({Stored({1}, nullptr, before)});
  Listener listener(engine.address());
  CHECK(listener.Has(before, 1));
  CHECK(listener.router->Count(RouterFigure("kv_events.replayed")) == 1);
  CHECK(listener.router->Count(RouterFigure("kv_events.heard")) == 0);
  engine.Publish({Stored({2}, nullptr, missed)}, "hide");
  engine.Publish({Stored({3}, nullptr, after)});
  CHECK(listener.Has(after, 1));
  CHECK(listener.Has(missed, 1));
  CHECK(listener.Has(before, 1));
  CHECK(listener.Trouble("gap") >= 1);
  CHECK(listener.Trouble("incomplete") == 0);
}

TEST_CASE("what is lost for good makes all before it unknown") {
  Publisher engine(1);
  Listener listener(engine.address());
  const std::vector<std::uint32_t> before = Tokens(16, 1), after = Tokens(16, 2);
  engine.Publish({Stored({1}, nullptr, before)});
  REQUIRE(listener.Has(before, 1));
  engine.Do("lose 5");
  engine.Publish({Stored({2}, nullptr, after)});
  CHECK(listener.Has(after, 1));
  CHECK(listener.Has(before, 0));
  CHECK(listener.Trouble("incomplete") == 1);
}

TEST_CASE("an engine that begins anew holds nothing, and then what it says") {
  Publisher engine;
  Listener listener(engine.address());
  const std::vector<std::uint32_t> before = Tokens(16, 1), after = Tokens(16, 2);
  for (std::uint32_t i = 0; i < 5; ++i) engine.Publish({Stored({100 + i}, nullptr, Tokens(16, 50 + i))});
  engine.Publish({Stored({1}, nullptr, before)});
  REQUIRE(listener.Has(before, 1));
  engine.Do("anew");
  engine.Publish({Stored({1}, nullptr, after)}, "hide");  // before anybody listens again; the same name
  CHECK(listener.Has(before, 0));
  CHECK(listener.Has(after, 1));
  CHECK(listener.Trouble("incomplete") >= 1);
}

TEST_CASE("bytes that are no batch are counted, what was told before is forgotten, and what follows is believed") {
  Publisher engine;
  Listener listener(engine.address());
  const std::vector<std::uint32_t> before = Tokens(16, 1), after = Tokens(16, 2);
  engine.Publish({Stored({1}, nullptr, before)});
  REQUIRE(listener.Has(before, 1));
  engine.Do("raw 93cb000000000000000091ddffffffff");
  CHECK(listener.Has(before, 0));
  engine.Publish({Stored({2}, nullptr, after), Stored({3}, 77, Tokens(16, 3))});
  CHECK(listener.Has(after, 1));
  CHECK(Eventually([&] { return listener.Trouble("orphan") == 1; }));
  CHECK(listener.Trouble("unreadable") == 1);
}

TEST_CASE("an engine that sends what is no message, or numbers that go back without end, is heard again") {
  Publisher engine;
  Listener listener(engine.address());
  const std::vector<std::uint32_t> before = Tokens(16, 1), after = Tokens(16, 2);
  engine.Publish({Stored({1}, nullptr, before)});
  REQUIRE(listener.Has(before, 1));
  engine.Do("oversize");
  REQUIRE(listener.Streams(0));
  REQUIRE((listener.Streams(1) || listener.Streams(1)));  // after 5 s
  engine.Publish({Stored({2}, nullptr, after)});
  CHECK(listener.Has(after, 1));
  engine.Do("mute");
  engine.Do("repeat 2000");  // each asks for a replay
  engine.Do("unmute");
  engine.Publish({Stored({3}, nullptr, Tokens(16, 3))});
  CHECK((listener.Has(Tokens(16, 3), 1) || listener.Has(Tokens(16, 3), 1)));
}

TEST_CASE("a router that ends while an engine publishes, or waits for a replay, leaves nothing behind") {
  Publisher engine;
  engine.Do("mute");
  for (std::uint32_t i = 0; i < 5; ++i) {
    Listener listener(engine.address());
    CHECK(listener.Streams(1));
    engine.Publish({Stored({i}, nullptr, Tokens(16, i))});
  }
  const EngineAddress nobody{"tcp://127.0.0.1:" + std::to_string(FreePort()), ""};
  Listener listener(nobody);
  CHECK(listener.Streams(0));
}

}  // namespace
}  // namespace prefixmesh
