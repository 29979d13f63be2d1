// Goal: who applies a worker's events in order has what its cache holds, at every moment, and so has who gets a dump.
#include <map>
#include <set>

#include "impl/base/prng.h"
#include "loadgen/worker/event_log.h"
#include "loadgen/worker/service_model.h"
#include "tests/support/properties.h"

namespace prefixmesh::load {
namespace {

// Chains of a small family that part at any block.
std::vector<NodeId> DrawChain(Prng& prng) {
  std::vector<NodeId> chain;
  std::uint64_t path = 1;
  for (std::uint64_t i = 0; i <= prng.Below(12); ++i) {
    path = path * 3 + prng.Below(3);
    chain.push_back(NodeId{path});
  }
  return chain;
}

// What a listener that misses nothing knows.
struct Listener {
  std::set<std::uint64_t> blocks;
  std::uint64_t last = 0;
  void Apply(const kvevents::KvEvent& event) {
    if (event.kind == kvevents::EventKind::kCleared) blocks.clear();
    if (event.kind == kvevents::EventKind::kStored && event.parent) RC_ASSERT(blocks.count(event.parent->low) == 1u);
    for (const kvevents::BlockName& name : event.blocks) {
      if (event.kind == kvevents::EventKind::kStored) {
        RC_ASSERT(blocks.insert(name.low).second);
      } else {
        RC_ASSERT(blocks.erase(name.low) == 1u);
      }
    }
  }
  void Hear(const kvevents::EventBuffer& buffer) {
    std::vector<kvevents::KvEvent> events;
    buffer.CopyAfter(last, SIZE_MAX, events);
    for (const kvevents::KvEvent& event : events) {
      RC_ASSERT(event.id == last + 1);
      last = event.id;
      Apply(event);
    }
  }
};

TEST_CASE("KV events: applied in order they are the cache, and a dump of it is, too") {
  test::ForAll("any requests", [](std::uint64_t seed) {
    Prng prng(seed);
    EventLog log(1, 1000);
    ServiceOptions options;
    options.cache_blocks = prng.Below(40);
    options.events = &log;
    ServiceModel model(options);
    Listener listener;
    Time now{0};
    std::vector<ServiceEvent> due;
    std::set<std::uint64_t> seen;
    for (std::uint64_t step = 1; step <= 80; ++step) {
      if (prng.Below(20) == 0) {
        model.ClearCache();
      } else {
        std::vector<NodeId> chain = DrawChain(prng);
        for (const NodeId id : chain) seen.insert(id.value);
        model.Arrive(now, step, std::move(chain));
        now += Time(static_cast<Time::rep>(prng.Below(100'000'000)));
        model.Advance(now, due);
      }
      listener.Hear(log.buffer());
      RC_ASSERT(listener.last == model.cache_events());
      RC_ASSERT(listener.blocks.size() == model.cache().size());
      for (const std::uint64_t block : seen) {
        const NodeId id{block};
        RC_ASSERT(listener.blocks.count(block) == model.cache().Peek({&id, 1}));
      }
      Listener of_dump;
      for (const CacheRun& run : model.cache().Runs()) {
        std::vector<kvevents::KvEvent> stores;
        EventLog::AppendStored(run, stores);
        for (const kvevents::KvEvent& store : stores) of_dump.Apply(store);
      }
      RC_ASSERT(of_dump.blocks == listener.blocks);
    }
  });
}

TEST_CASE("KV events: a long chain is told in pieces, each below the one before") {
  EventLog log(1, 1000);
  CacheRun run{NodeId{9}, std::vector<NodeId>(2 * EventLog::kEventBlocksMax + 1)};
  for (std::size_t i = 0; i < run.ids.size(); ++i) run.ids[i] = NodeId{100 + i};
  log.OnChange({run.ids, {run}});
  std::vector<kvevents::KvEvent> events;
  log.buffer().CopyAfter(0, 100, events);
  REQUIRE(events.size() == 6);
  for (const std::size_t i : {0u, 1u, 2u}) CHECK(events[i].kind == kvevents::EventKind::kRemoved);
  CHECK(events[3].parent->low == 9);
  CHECK(events[4].parent == events[3].blocks.back());
  CHECK(events[5].parent == events[4].blocks.back());
  CHECK(events[5].blocks.size() == 1);
}

}  // namespace
}  // namespace prefixmesh::load
