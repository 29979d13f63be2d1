// replay_bench.cc — a router that missed all that a worker keeps asks for it, and a clear is among it: what the answer
// has, beside the same answer if it did not begin at the last clear.
//
// Kept are 1,024 events of 64 blocks, every second one a removal, as from a cache that is full. What is measured is the
// worker's time for its answer; the counters are of its events, as they are on the wire.
#include <benchmark/benchmark.h>

#include <vector>

#include "impl/base/check.h"
#include "impl/base/prng.h"
#include "impl/kvevents/event_buffer.h"
#include "impl/kvevents/wire/kv_message.h"
#include "impl/wire/prefixmesh.pb.h"

namespace prefixmesh::bench {
namespace {

constexpr std::uint64_t kEvents = kvevents::kEventsDefault, kBlocks = 64;

double BytesOf(const std::vector<kvevents::KvEvent>& events) {
  v1::KvAnswer answer;
  for (const kvevents::KvEvent& event : events) kvevents::WriteMessage(event, *answer.add_events());
  return static_cast<double>(answer.ByteSizeLong());
}

// The clear is at so many percent of the kept events; 100: there is none.
void Replay(benchmark::State& state) {
  kvevents::EventBuffer buffer;
  const std::uint64_t clear = 1 + kEvents * static_cast<std::uint64_t>(state.range(0)) / 100;
  for (std::uint64_t id = 1; id <= kEvents; ++id) {
    kvevents::KvEvent event;
    event.id = id;
    event.kind = id == clear   ? kvevents::EventKind::kCleared
                 : id % 2 == 0 ? kvevents::EventKind::kRemoved
                               : kvevents::EventKind::kStored;
    for (std::uint64_t i = 0; i < kBlocks && id != clear; ++i) event.blocks.push_back({0, Mix64(id << 8 | i) | 1});
    PREFIXMESH_CHECK(buffer.Record(std::move(event)));
  }
  std::vector<kvevents::KvEvent> answered, all;
  for (auto _ : state) {
    kvevents::Answer answer = buffer.Query(1);
    answered = std::move(std::get<kvevents::Events>(answer).events);
    benchmark::DoNotOptimize(answered.data());
  }
  buffer.CopyAfter(0, kEvents, all);
  state.counters["events"] = static_cast<double>(answered.size());
  state.counters["bytes"] = BytesOf(answered);
  state.counters["events_from_start"] = static_cast<double>(all.size());
  state.counters["bytes_from_start"] = BytesOf(all);
}

BENCHMARK(Replay)
    ->Name("held/replay")
    ->ArgName("clear_at")
    ->Arg(10)
    ->Arg(50)
    ->Arg(90)
    ->Arg(100)
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace prefixmesh::bench
