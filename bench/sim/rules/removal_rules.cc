#include "bench/sim/rules/removal_rules.h"

#include <algorithm>

namespace prefixmesh::sim {
namespace {

// Of the prompts that were placed and begin with the prefix: the index has the prefix as a part of one.
bool HasAny(const SimMesh& mesh, const SimRouter& router, WorkerIndex worker, const Removal& prefix) {
  const std::size_t depth = prefix.blocks.size();
  const std::uint64_t whole = depth * router.core().options().trees.hash.text_block_bytes;
  Removal longer = prefix;
  return std::any_of(mesh.placed().begin(), mesh.placed().end(), [&](const auto& prompt) {
    const std::vector<NodeId>& blocks = prompt.second;
    if (blocks.size() < depth || blocks[depth - 1] != prefix.blocks.back()) return false;
    longer.blocks = blocks;
    return router.HeldBytes(worker, longer) >= whole;
  });
}

}  // namespace

void RemovalRules::Step(const SimMesh& mesh, const Broken& broken) {
  if (mesh.swarm().id_bits < 64) return;
  for (std::size_t node = 0; node < mesh.nodes(); ++node) {
    const SimRouter* const router = mesh.router(node);
    if (router == nullptr || router->core().has_sync()) continue;
    for (const auto& [worker, prefix] : router->removed())
      if (HasAny(mesh, *router, worker, prefix))
        broken(RouterName(node) + " has a prefix that " + WorkerLabel(*router->NumberOf(worker)) + " dropped");
  }
}

}  // namespace prefixmesh::sim
