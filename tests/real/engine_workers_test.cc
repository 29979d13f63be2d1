// Goal: our workers publish their KV events as engines do: an indexer that is made for engines knows from them what the
// workers hold, and a router believes them as it believes the workers' own service.
// The indexer is a foreign one: engine_subscriber.py, with Python's ZeroMQ and msgpack.
#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <thread>
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

struct Engines {
  Engines() {
    load::WorkerPoolOptions options = test::UsualPool({0});
    options.service.cache_blocks = 64;
    options.events_kept = 64;
    options.publishes = true;
    pool = test::StartPool(clock, options);
  }
  const load::WorkerAddress& worker() const { return pool->addresses()[0]; }
  std::unique_ptr<RunningRouter> Router(bool as_engine) {
    RouterOptions options = test::UsualOptions("a", FreePort(), {}, pool->addresses());
    options.settings.index.source = "events";
    options.engine_model = "m";
    if (as_engine) options.workers[0].engine = {worker().kv_publisher, worker().kv_replay};
    return std::make_unique<RunningRouter>(options);
  }
  // By the worker's own word.
  std::set<std::uint64_t> Holds() const {
    const auto stub = v1::Worker::NewStub(grpc::CreateChannel(worker().address, grpc::InsecureChannelCredentials()));
    grpc::ClientContext context;
    v1::KvQueryRequest request;
    request.set_hash_key(HashKeyId({}));
    auto reader = stub->KvQuery(&context, request);
    std::set<std::uint64_t> ids;
    v1::KvAnswer part;
    while (reader->Read(&part))
      for (const v1::KvEvent& event : part.events())
        ids.insert(event.stored().blocks().begin(), event.stored().blocks().end());
    REQUIRE(reader->Finish().ok());
    return ids;
  }
  void Clear() const {
    const auto stub = v1::Worker::NewStub(grpc::CreateChannel(worker().address, grpc::InsecureChannelCredentials()));
    grpc::ClientContext context;
    v1::Empty reply;
    REQUIRE(stub->ClearCache(&context, {}, &reply).ok());
  }
  RealClock clock;
  std::unique_ptr<load::WorkerPool> pool;
};

// Of chains of tokens, each from the root on.
std::set<std::uint64_t> IdsOf(const json& chains) {
  std::set<std::uint64_t> ids;
  const BlockHasher hasher({}, "m", Kind::kTokens);
  for (const json& chain : chains) {
    const std::string prompt = TokenPrompt(chain.get<std::vector<std::uint32_t>>());
    std::vector<NodeId> blocks;
    hasher.Hash(Slices(AsBytes(prompt)), blocks);
    ids.insert(blocks.back().value);
  }
  return ids;
}

TEST_CASE("an indexer made for engines hears what our workers hold, and is replayed what it missed") {
  Engines engines;
  const auto router = engines.Router(false);
  const auto send = [&](std::uint32_t seed) {
    REQUIRE(router->Generate(TokenPrompt(Tokens(20 * kBlockTokens, seed)), "m", v1::KIND_TOKENS).finished);
  };
  Script indexer("engine_subscriber", {engines.worker().kv_publisher, engines.worker().kv_replay});
  // What was published before it was heard that somebody listens is nobody's: the first that is heard.
  REQUIRE(Eventually([&] {
    send(1000);
    engines.Clear();
    return !json::parse(indexer.Do("state"))["numbers"].empty();
  }));
  for (std::uint32_t i = 0; i < 12; ++i) send(i % 7);          // 20 blocks each, of which 3 prompts find room
  REQUIRE(router->Generate(std::string(4096, 'x')).finished);  // text: no tokens, and it takes room
  const auto heard = [&] { return json::parse(indexer.Do("state")); };
  CHECK(Eventually([&] {
    const std::set<std::uint64_t> told = IdsOf(heard()["blocks"]), held = engines.Holds();
    return told.size() >= 40 && std::includes(held.begin(), held.end(), told.begin(), told.end()) &&
           held.size() == told.size() + 16;
  }));
  CHECK(heard()["orphans"] == 0);
  const json replayed = json::parse(indexer.Do("replay 0"));
  CHECK(replayed["first"] == 0);
  CHECK(replayed["blocks"] == heard()["blocks"]);
  const std::uint64_t batches = replayed["numbers"];
  CHECK(json::parse(indexer.Do("replay " + std::to_string(batches - 1)))["numbers"] == 1);
  CHECK(json::parse(indexer.Do("replay " + std::to_string(batches)))["numbers"] == 0);
  engines.Clear();
  CHECK(Eventually([&] { return heard()["blocks"].empty(); }));
}

TEST_CASE("a router believes published events as it believes those of the worker's own service") {
  Engines engines;
  const auto published = engines.Router(true), asked = engines.Router(false);
  const auto depth = [&](RunningRouter& router, std::uint32_t seed) {
    const v1::ProbeReply reply = router.Probe(TokenPrompt(Tokens(20 * kBlockTokens, seed)), "w0", v1::KIND_TOKENS);
    return reply.workers().empty() ? 0 : reply.workers(0).depth_blocks();
  };
  for (std::uint32_t i = 0; i < 30; ++i)
    REQUIRE(published->Generate(TokenPrompt(Tokens(20 * kBlockTokens, i % 7)), "m", v1::KIND_TOKENS).finished);
  const auto same = [&] {
    std::uint32_t sum = 0;
    for (std::uint32_t seed = 0; seed < 7; ++seed) {
      if (depth(*published, seed) != depth(*asked, seed)) return 0u;
      sum += depth(*asked, seed);
    }
    return sum;
  };
  CHECK(Eventually([&] { return same() == 64; }));
  v1::GenerateRequest scoped;
  scoped.set_model("m");
  scoped.set_kind(v1::KIND_TOKENS);
  scoped.set_prompt(TokenPrompt(Tokens(20 * kBlockTokens, 1)));
  scoped.set_lora("fr");
  scoped.set_salt("s");
  {
    grpc::ClientContext context;
    auto reader = published->stub->Generate(&context, scoped);
    v1::GenerateReply reply;
    while (reader->Read(&reply)) {
    }
    REQUIRE(reader->Finish().ok());
  }
  const auto scoped_depth = [&](RunningRouter& router, const std::string& lora) {
    grpc::ClientContext context;
    v1::ProbeRequest request;
    request.set_model("m");
    request.set_kind(v1::KIND_TOKENS);
    request.set_prompt(scoped.prompt());
    request.set_lora(lora);
    request.set_salt("s");
    v1::ProbeReply reply;
    REQUIRE(router.stub->Probe(&context, request, &reply).ok());
    return reply.workers().empty() ? 0 : reply.workers(0).depth_blocks();
  };
  std::this_thread::sleep_for(std::chrono::milliseconds(2100));  // nothing is expected any more
  for (RunningRouter* router : {published.get(), asked.get()}) {
    CHECK(Eventually([&] { return scoped_depth(*router, "fr") == 20; }));
    CHECK(scoped_depth(*router, "") == 0);
  }
  engines.Clear();
  CHECK(Eventually([&] { return depth(*published, 1) == 0 && depth(*asked, 1) == 0; }));
}

TEST_CASE("a worker that restarts publishes at the same address, from batch 0 on, and keeps nothing of before") {
  Engines engines;
  const auto router = engines.Router(true);
  const std::string prompt = TokenPrompt(Tokens(20 * kBlockTokens, 1));
  const auto depth = [&] {
    const v1::ProbeReply reply = router->Probe(prompt, "w0", v1::KIND_TOKENS);
    return reply.workers().empty() ? 0 : reply.workers(0).depth_blocks();
  };
  const auto streams = [&] { return router->Count(RouterFigure("kv_events.streams")); };
  REQUIRE(Eventually([&] { return streams() == 1; }));
  for (std::uint32_t i = 0; i < 3; ++i)
    REQUIRE(router->Generate(TokenPrompt(Tokens(20 * kBlockTokens, i)), "m", v1::KIND_TOKENS).finished);
  REQUIRE(Eventually([&] { return depth() == 20; }));
  const auto stub =
      v1::Worker::NewStub(grpc::CreateChannel(engines.worker().address, grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  v1::RestartRequest request;
  request.set_down_ms(150);
  v1::Empty reply;
  REQUIRE(stub->Restart(&context, request, &reply).ok());
  // It holds nothing, and says nothing until it has something to say.
  REQUIRE(Eventually(
      [&] { return router->Generate(TokenPrompt(Tokens(20 * kBlockTokens, 7)), "m", v1::KIND_TOKENS).finished; }));
  CHECK(Eventually([&] { return depth() == 0; }));
  Script indexer("engine_subscriber", {engines.worker().kv_publisher, engines.worker().kv_replay});
  const json replayed = json::parse(indexer.Do("replay 0"));
  CHECK(replayed["first"] == 0);
  CHECK(IdsOf(replayed["blocks"]).size() == 20);
  REQUIRE(router->Generate(prompt, "m", v1::KIND_TOKENS).finished);
  CHECK(Eventually([&] { return depth() == 20; }));
}

}  // namespace
}  // namespace prefixmesh
