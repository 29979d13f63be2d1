#include "bench/sim/scale.h"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <unordered_map>
#include <vector>

#include "bench/sim/sim_mesh.h"

namespace prefixmesh::sim {
namespace {

double CpuSeconds() {
  timespec used{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
}

double Percentile(std::vector<double>& values, double share) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1, static_cast<std::size_t>(share * static_cast<double>(values.size())))];
}

}  // namespace

ScaleRow MeasureScale(std::size_t routers, double rate, double round_ms) {
  Swarm swarm = Swarm::Calm();
  swarm.routers = static_cast<double>(routers);
  swarm.round_ms = round_ms;
  swarm.workers = 20;
  swarm.anchors = 32;
  swarm.window_kib = 16384;
  swarm.page_bytes = 262144;
  swarm.unacked_kib = 1024;
  SimWorld world;
  SimNetwork network(world, routers, {}, 1);
  SimWorkers workers;
  workers.all.resize(static_cast<std::size_t>(swarm.workers));
  for (SimWorker& worker : workers.all) worker.Become(world.now(), Incarnation{1});
  workers.models = {"m0"};
  std::unordered_map<std::uint64_t, Time> placed;  // leaf of a new prompt → when
  std::vector<double> rounds;
  std::vector<std::unique_ptr<SimRouter>> mesh;
  Prng prng = Prng::ForPurpose(1, "scale");
  for (std::size_t node = 0; node < routers; ++node) {
    SimRouter::Parameters parameters;
    parameters.node = node;
    parameters.nodes = routers;
    parameters.incarnation = Incarnation{prng.Next() | 1};
    parameters.clock_offset = Time(static_cast<Time::rep>(prng.Below(1000000000)));
    RouterCoreOptions options = OptionsOf(swarm, *FindStrategy("two-layer"), 1, node);
    options.on_applied = [&](const ApplyIds& action) {
      const auto at = action.origin != 0 ? placed.find(action.ids.back().value) : placed.end();
      if (at != placed.end())
        rounds.push_back(std::chrono::duration<double, std::milli>(world.now() - at->second).count() / round_ms);
    };
    mesh.push_back(std::make_unique<SimRouter>(std::move(options), parameters, world, network, workers));
  }
  const Time settled = std::chrono::seconds(3), load = std::chrono::seconds(10);
  world.RunUntil(settled);
  std::uint64_t bytes = 0, frames = network.frames();
  for (const auto& router : mesh) bytes += router->stats().built_bytes;
  // A prompt of 313 blocks: 250 of one of 50 templates, then its own.
  constexpr std::size_t kBlocks = 313, kShared = 250;
  const auto place = [&](std::size_t node) {
    std::vector<NodeId> ids;
    std::uint64_t chain = Mix64(prng.Below(50) + 1);
    for (std::size_t i = 0; i < kBlocks; ++i) {
      chain = Mix64(chain + (i < kShared ? 1 : prng.Next()));
      ids.push_back(NodeId{chain | 1});
    }
    placed[ids.back().value] = world.now();
    mesh[node]->Place("m0", Kind::kText, ids);
  };
  for (std::size_t node = 0; node < routers; ++node) {
    Time at = settled;
    while (true) {
      at += Time(static_cast<Time::rep>(prng.Exponential() / rate * 1e9));
      if (at >= settled + load) break;
      world.At(at, [&place, node] { place(node); });
    }
  }
  const double cpu = CpuSeconds();
  world.RunUntil(settled + load + std::chrono::seconds(1));
  ScaleRow row;
  row.routers = routers;
  row.placements = placed.size();
  const double spent = CpuSeconds() - cpu;
  std::uint64_t built = 0;
  for (const auto& router : mesh) {
    row.deliveries += router->report().records.applied;
    const MeshStats stats = router->stats();
    built += stats.built_bytes;
    for (const std::uint64_t count : stats.oversize) row.oversize += count;
  }
  row.built_bytes = built - bytes;
  row.frames = network.frames() - frames;
  const auto deliveries = static_cast<double>(std::max<std::uint64_t>(row.deliveries, 1));
  row.bytes_per_delivery = static_cast<double>(built - bytes) / deliveries;
  row.frames_per_delivery = static_cast<double>(network.frames() - frames) / deliveries;
  row.cpu_us_per_delivery = spent * 1e6 / deliveries;
  row.rounds_to_visible_p50 = Percentile(rounds, 0.50);
  row.rounds_to_visible_p99 = Percentile(rounds, 0.99);
  return row;
}

std::string ScaleTable() {
  std::string out =
      "| routers | placements/s each | deliveries | bytes each | frames each | rounds to visible p50 | p99 | "
      "CPU µs each |\n|--:|--:|--:|--:|--:|--:|--:|--:|\n";
  for (const auto& [routers, rate] :
       {std::pair(2, 100.0), std::pair(8, 25.0), std::pair(32, 6.25), std::pair(128, 1.5625)}) {
    const ScaleRow row = MeasureScale(static_cast<std::size_t>(routers), rate, 50);
    char line[256];
    std::snprintf(line, sizeof line, "| %zu | %g | %llu | %.1f | %.2f | %.2f | %.2f | %.1f |\n", row.routers, rate,
                  static_cast<unsigned long long>(row.deliveries), row.bytes_per_delivery, row.frames_per_delivery,
                  row.rounds_to_visible_p50, row.rounds_to_visible_p99, row.cpu_us_per_delivery);
    out += line;
  }
  return out;
}

}  // namespace prefixmesh::sim
