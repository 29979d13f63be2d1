// generation_router.h — one simulated router with a strategy on text trees: the real strategy, mesh, actions, trees,
// fleet and policy. With `off` there is no mesh.
//
// Threads: one. Ownership: borrows world and network; the life ends with the object. Errors: none. Bounds: each text
// tree's, held every 120 s as in the router process; those of the strategy (historical). Time: virtual.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/sim/sim_node.h"
#include "impl/node/text_actions.h"
#include "impl/node/tree_set.h"

namespace prefixmesh::sim {

class GenerationRouter final : public SimNode {
 public:
  // `while_rebuilding`: strategies.h.
  GenerationRouter(std::string_view strategy, const Parameters& parameters, const std::vector<std::string>& models,
                   std::size_t workers, SimWorld& world, SimNetwork& network, std::function<void()> while_rebuilding);
  ~GenerationRouter() override;

  // Routes one prompt: matches, chooses, inserts, tells the mesh.
  WorkerIndex Place(const std::string& model, const std::string& prompt);
  // The tree says that the worker has the whole prompt.
  bool Holds(const std::string& model, const std::string& prompt, WorkerIndex worker) const;

  // Zeros with `off`.
  MeshStats stats() const;
  StrategyReport report() const;
  // Null with `off`.
  const SyncStrategy* strategy() const { return strategy_.get(); }
  TreeSize trees() const { return trees_.Size(); }

 private:
  void SnapshotTextTrees(std::string_view model, SnapshotSink sink) const override;
  void EvictionBeat();

  TreeSet trees_;
  TextActions actions_;
  std::unique_ptr<SyncStrategy> strategy_;
  std::optional<Mesh> mesh_;
};

}  // namespace prefixmesh::sim
