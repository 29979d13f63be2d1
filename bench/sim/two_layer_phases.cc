#include "bench/sim/two_layer_phases.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "bench/sim/rules/two_layer_rules.h"
#include "impl/sync/two_layer/two_layer.h"

namespace prefixmesh::sim {
namespace {

using std::chrono::seconds;

Time Rounds(const Run& run, double count) { return Seconds(count * run.swarm().round_ms / 1e3); }
Time Delays(const Run& run, double count) { return Seconds(count * run.swarm().delay_ms / 1e3); }

// Tiny pages and queues take their time.
bool IsRoomy(const Swarm& swarm) {
  return swarm.page_bytes >= 4096 && swarm.unacked_kib >= 64 && swarm.queue_frames >= 64;
}

// One prompt that nobody had, at each router that counts.
void PlaceEverywhere(SimMesh& mesh) {
  for (std::size_t node = 0; node < mesh.nodes(); ++node) {
    if (!mesh.counts(node)) continue;
    const NodeId ids[] = {mesh.DrawId(), mesh.DrawId()};
    mesh.router(node)->Place("m0", Kind::kText, ids);
  }
}

std::vector<MeshStats> StatsOf(const SimMesh& mesh) {
  std::vector<MeshStats> stats;
  for (std::size_t node = 0; node < mesh.nodes(); ++node)
    stats.push_back(mesh.counts(node) ? mesh.router(node)->stats() : MeshStats{});
  return stats;
}

std::uint64_t BytesOf(const MeshStats& stats, Layer layer) {
  return stats.by_layer[static_cast<std::size_t>(layer)].bytes;
}

}  // namespace

void CalmPhase(Run& run) {
  SimMesh& mesh = run.mesh();
  // Leases run out, and every router knows the life that its workers have.
  run.AdvanceTo(run.at() +
                std::max<Time>(seconds(4), Seconds((2 + IdlePeriods(run.swarm())) * run.swarm().health_s + 0.5)));
  // A definition that a fault took is missed when its name is used: then it is asked for, and what used it comes again.
  PlaceEverywhere(mesh);
  run.AdvanceTo(run.at() + Rounds(run, 4) + Delays(run, 20) + seconds(2));
  const std::vector<MeshStats> before = StatsOf(mesh);
  for (int step = 0; step < 8; ++step) {
    for (int i = 0; i < 3; ++i) PlaceEverywhere(mesh);
    run.Advance();
  }
  // In time: two rounds to be written and sent, and the way.
  const Time limit = run.at() + Rounds(run, 2) + Delays(run, 20) + (IsRoomy(run.swarm()) ? Run::kStep : seconds(20));
  run.AdvanceTo(run.at() + Rounds(run, 2) + Run::kStep);
  run.AdvanceToAgreement(limit);
  if (const std::string differs = run.Differs(); !differs.empty())
    return run.Break("writes in a calm mesh come late: " + differs);
  for (std::size_t node = 0; node < mesh.nodes(); ++node) {
    if (!mesh.counts(node)) continue;
    const MeshStats after = mesh.router(node)->stats();
    // With room for one frame, a round and an answer get in each other's way.
    if (run.swarm().queue_frames > 1 && BytesOf(after, Layer::kRepair) != BytesOf(before[node], Layer::kRepair))
      run.Break(RouterName(node) + " repairs in a calm mesh");
    const std::uint64_t twice = mesh.router(node)->report().records.stale - before[node].strategy.records.stale;
    if (twice > 0) run.Break(RouterName(node) + " gets " + std::to_string(twice) + " records twice in a calm mesh");
  }
}

void BridgedPhase(Run& run) {
  SimMesh& mesh = run.mesh();
  std::vector<std::size_t> counted;
  for (std::size_t node = 0; node < mesh.nodes(); ++node)
    if (mesh.counts(node)) counted.push_back(node);
  if (counted.size() < 3 || !IsRoomy(run.swarm())) return;
  const std::array<std::size_t, 2> ends = {counted.front(), counted.back()};
  const auto replica_of = [&](std::size_t end) -> const two_layer::Replica& {
    return ReplicaOf(*mesh.router(ends[end]));
  };
  mesh.CutBoth(ends[0], ends[1]);
  const Time noticed = run.at() + seconds(8) + Rounds(run, 4);
  const Time late = two_layer::TwoLayer::kLease + Rounds(run, 4) + Delays(run, 40);
  const Time end = noticed + Seconds(run.swarm().dead_after_s) + seconds(2);
  std::vector<std::pair<Time, std::array<std::uint32_t, 2>>> heads;
  while (run.ok() && run.at() < end) {
    heads.push_back({run.at(), {replica_of(0).own().window.head(), replica_of(1).own().window.head()}});
    PlaceEverywhere(mesh);
    run.Advance();
    if (run.at() < noticed) continue;
    const auto due =
        std::find_if(heads.rbegin(), heads.rend(), [&](const auto& then) { return then.first <= run.at() - late; });
    for (std::size_t end_at = 0; end_at < 2 && due != heads.rend(); ++end_at) {
      const two_layer::OriginKey& key = replica_of(end_at).own().key;
      const auto& logs = replica_of(1 - end_at).logs();
      const auto copy = std::find_if(logs.begin(), logs.end(), [&](const auto& log) { return log->key == key; });
      const std::uint32_t have = copy != logs.end() ? (*copy)->window.head() : 0;
      if (have < due->second[end_at])
        run.Break(RouterName(ends[1 - end_at]) + " has " + key.router + " up to " + std::to_string(have) + " of " +
                  std::to_string(due->second[end_at]) + " although others reach both");
    }
  }
  mesh.HealPair(ends[0], ends[1]);
  run.AdvanceToAgreement(run.at() + seconds(15) + Rounds(run, 10));
  if (const std::string differs = run.Differs(); !differs.empty())
    run.Break("did not converge behind a bridge: " + differs);
}

void QuietPhase(Run& run) {
  SimMesh& mesh = run.mesh();
  run.AdvanceTo(run.at() + seconds(6));  // leases run out
  const std::vector<MeshStats> before = StatsOf(mesh);
  constexpr int kSeconds = 10;
  run.AdvanceTo(run.at() + seconds(kSeconds));
  // Digests that are slow look like silence: then loads are asked for again, and whether an owner is dead.
  const bool slow = run.swarm().delay_ms > 50;
  const std::uint64_t peers = mesh.nodes() - 1;
  for (std::size_t node = 0; node < mesh.nodes(); ++node) {
    if (!mesh.counts(node)) continue;
    const MeshStats after = mesh.router(node)->stats();
    for (std::size_t i = 0; i < kLayerCount; ++i) {
      const auto layer = static_cast<Layer>(i);
      // An incompatible peer goes on being refused; that is no traffic of the mesh.
      if (layer == Layer::kControl && run.swarm().stranger != 0) continue;
      std::uint64_t allowed = 0;
      if (layer == Layer::kDigest) allowed = peers * (32 * (kSeconds + 2) + (slow ? 200 * mesh.nodes() : 0));
      if (layer == Layer::kControl && slow) allowed = 1000 * peers;
      const std::uint64_t bytes = BytesOf(after, layer) - BytesOf(before[node], layer);
      if (bytes > allowed)
        run.Break(RouterName(node) + " is not quiet: " + std::to_string(bytes) + " bytes of " + LayerName(layer) +
                  " in " + std::to_string(kSeconds) + " s");
    }
  }
}

}  // namespace prefixmesh::sim
