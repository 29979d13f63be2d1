#include "impl/node/decider.h"

#include <memory>
#include <string>
#include <vector>

namespace prefixmesh {

Result<RouteDecision> Decider::Decide(const RouteRequest& request, Time now, std::uint64_t chance, Mesh* mesh) {
  const std::shared_ptr<const ModelTable::Model> model = models_.Find(request.model);
  const std::shared_ptr<const TreeScope> scope = trees_.Find(request.model, request.kind);
  if (model == nullptr || scope == nullptr)
    return Error{ErrorCode::kNotFound, "no worker serves the model '" + std::string(request.model) + "'"};

  thread_local std::vector<NodeId> blocks;
  blocks.clear();
  if (trees_.options().kind == IndexKind::kBlock) scope->hasher.Hash(*request.prompt, blocks);
  const Prompt prompt{request.kind, request.prompt, blocks, scope->slot};
  Choice choice;
  const Insertion insertion =
      scope->tree->MatchAndInsert(prompt, static_cast<std::uint64_t>(now.count()), [&](const TreeMatch& match) {
        choice = ChooseWorker(policy_, match, model->workers, *this, chance);
        // Counted while the tree is locked, so that the next decision already sees it.
        if (choice.worker.has_value()) fleet_.BeginRequest(*choice.worker);
        return choice.worker;
      });
  if (!choice.worker.has_value())
    return Error{ErrorCode::kUnavailable, "no healthy worker serves the model '" + std::string(request.model) + "'"};

  RouteDecision decision;
  decision.worker = *choice.worker;
  decision.worker_name = fleet_.name(*choice.worker);
  decision.reason = static_cast<int>(choice.reason);
  // A prompt without one whole block leaves nothing in the block index.
  decision.inserted = trees_.block_index() == nullptr || !blocks.empty();
  decision.matched_bytes = insertion.matched_bytes;
  if (mesh == nullptr) return decision;
  PlacementView placement;
  placement.model = scope->model;
  placement.kind = request.kind;
  placement.prompt = request.prompt;
  placement.blocks = blocks;
  placement.worker = decision.worker;
  placement.worker_name = decision.worker_name;
  placement.worker_incarnation = fleet_.incarnation(decision.worker);
  placement.branch_depth = insertion.branch_depth;
  placement.branch = insertion.branch;
  placement.leaf_depth = insertion.leaf_depth;
  placement.repeat = insertion.repeat;
  placement.refresh = insertion.refresh;
  placement.matched_bytes = insertion.matched_bytes;
  placement.by_load = choice.reason == DecisionReason::kBalance;
  // What could not be told counts as never announced, so that the next use tells it.
  if (!mesh->Offer(placement) && trees_.block_index() != nullptr && !blocks.empty())
    trees_.block_index()->StampOwn(std::span(blocks).last(1), decision.worker, 0, placement.worker_incarnation);
  return decision;
}

}  // namespace prefixmesh
