#include "bench/sim/rules/bounds.h"

#include <algorithm>

namespace prefixmesh::sim {

void Bounds::Step(const SimMesh& mesh, const Broken& broken) {
  const Swarm& swarm = mesh.swarm();
  std::uint64_t rejects = 0;
  for (std::size_t node = 0; node < mesh.nodes(); ++node) {
    if (mesh.router(node) == nullptr) continue;
    const SimRouter& router = *mesh.router(node);
    constexpr std::uint64_t kTablesLeast = 192 << 10;  // what the index's tables take however small the budget is
    const TreeSize index = router.core().trees().Size();
    if (index.bytes > index.budget_bytes + kTablesLeast) broken(RouterName(node) + ": its index is over its budget");
    const std::uint64_t errors = router.report().decode_errors;
    if (mesh.frames_are_safe() && swarm.clone_rate == 0 && errors > 0)
      broken(RouterName(node) + ": a frame did not decode that nothing had damaged");
    rejects += errors;
  }
  if (swarm.damage > 0 && mesh.network().damaged() > 50 && rejects == 0)
    broken("frames are damaged and nobody notices");
  if (mesh.network().queue_peak_bytes() > static_cast<std::size_t>(swarm.queue_kib * 1024))
    broken("a queue is over its bound");
}

void Bounds::End(const SimMesh& mesh, const Broken& broken) {
  for (std::size_t node = 0; node < mesh.nodes(); ++node) {
    if (!mesh.counts(node)) continue;
    const MeshStats stats = mesh.router(node)->stats();
    if (std::any_of(stats.oversize.begin(), stats.oversize.end(), [](std::uint64_t count) { return count > 0; }))
      broken(RouterName(node) + ": a frame was above its limit");
  }
}

}  // namespace prefixmesh::sim
