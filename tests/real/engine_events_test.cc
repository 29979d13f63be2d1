// Goal: a router is fed by an engine that publishes its KV events over ZeroMQ, in either layout, and believes what the
// engine holds: after gaps, lost batches, a new beginning, bytes that are no batch. And an indexer that is made for
// engines knows from the same events what our workers hold.
// Both are foreign: engine_publisher.py and engine_subscriber.py, with Python's ZeroMQ and msgpack.
#include <array>
#include <catch2/catch.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "bench/process/child.h"
#include "impl/base/mutex.h"
#include "tests/real/running_router.h"

namespace prefixmesh {
namespace {

using nlohmann::json;
using test::Eventually;
using test::FreePort;
using test::RunningRouter;

constexpr std::uint32_t kBlockTokens = 16;

// A script that answers a line with a line.
class Script {
 public:
  Script(const std::string& name, std::vector<std::string> arguments) {
    std::vector<std::string> argv{"/usr/bin/python3", "tests/real/" + name + ".py"};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    auto started = bench::Child::Start(
        {.name = name, .argv = std::move(argv), .stderr_path = "/dev/null", .on_line = [this](const std::string& line) {
           MutexLock lock(mutex_);
           lines_.push_back(line);
         }});
    REQUIRE(started.ok());
    child_ = std::move(*started);
    REQUIRE(Next() == "ready");
  }
  std::string Do(const std::string& command) {
    REQUIRE(child_->WriteLine(command));
    return Next();
  }

 private:
  std::string Next() {
    std::string line;
    REQUIRE(Eventually([&] {
      MutexLock lock(mutex_);
      if (lines_.empty()) return false;
      line = lines_.front();
      lines_.erase(lines_.begin());
      return true;
    }));
    return line;
  }
  Mutex mutex_;
  std::vector<std::string> lines_ PREFIXMESH_GUARDED_BY(mutex_);
  std::unique_ptr<bench::Child> child_;
};

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

// Tokens of a prompt, as engines and as requests write them.
std::vector<std::uint32_t> Tokens(std::size_t count, std::uint32_t seed) {
  std::vector<std::uint32_t> tokens;
  for (std::size_t i = 0; i < count; ++i) tokens.push_back(seed * 1000 + static_cast<std::uint32_t>(i));
  return tokens;
}
std::string Prompt(const std::vector<std::uint32_t>& tokens) {
  std::string prompt;
  for (const std::uint32_t token : tokens)
    for (int i = 0; i < 4; ++i) prompt.push_back(static_cast<char>(token >> (8 * i)));
  return prompt;
}
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
    const v1::ProbeReply reply = router->Probe(Prompt(tokens), "w0", v1::KIND_TOKENS);
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
    request.set_prompt(Prompt(tokens));
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

// ---- our workers, as engines ----------------------------------------------------------------------------------------

struct Engines {
  Engines() {
    load::WorkerPoolOptions options;
    options.ports = {0};
    options.models = {"m"};
    options.service.prefill_per_block = Time(1000);
    options.service.decode = std::chrono::milliseconds(2);
    options.service.cache_blocks = 64;
    options.events_kept = 64;
    options.publishes = true;
    auto started = load::WorkerPool::Start(options, clock);
    REQUIRE(started.ok());
    pool = std::move(*started);
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
    const std::string prompt = Prompt(chain.get<std::vector<std::uint32_t>>());
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
    REQUIRE(router->Generate(Prompt(Tokens(20 * kBlockTokens, seed)), "m", v1::KIND_TOKENS).finished);
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
    const v1::ProbeReply reply = router.Probe(Prompt(Tokens(20 * kBlockTokens, seed)), "w0", v1::KIND_TOKENS);
    return reply.workers().empty() ? 0 : reply.workers(0).depth_blocks();
  };
  for (std::uint32_t i = 0; i < 30; ++i)
    REQUIRE(published->Generate(Prompt(Tokens(20 * kBlockTokens, i % 7)), "m", v1::KIND_TOKENS).finished);
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
  scoped.set_prompt(Prompt(Tokens(20 * kBlockTokens, 1)));
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

}  // namespace
}  // namespace prefixmesh
