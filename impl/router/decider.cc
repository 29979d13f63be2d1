#include "impl/router/decider.h"

#include <memory>
#include <string>
#include <vector>

#include "impl/base/seeded_bug.h"

namespace prefixmesh {
namespace {

Error NoSuchModel(std::string_view model) {
  return {ErrorCode::kNotFound, "no worker serves the model '" + std::string(model) + "'"};
}

}  // namespace

Result<RouteDecision> Decider::Decide(const RouteRequest& request, Moment moment, Mesh* mesh) {
  const std::shared_ptr<const ModelTable::Model> model = models_.Find(request.model);
  const std::shared_ptr<const TreeScope> scope = trees_.Find(request.model, request.kind);
  if (model == nullptr || scope == nullptr) return NoSuchModel(request.model);
  thread_local std::vector<NodeId> blocks;
  blocks.clear();
  if (trees_.block_index() != nullptr) {
    scope->hasher.Hash(*request.prompt, blocks, scope->hasher.Root(request.lora, request.salt));
  } else if (!request.lora.empty() || !request.salt.empty()) {
    return Error{ErrorCode::kInvalid, "a LoRA or a salt needs an index of blocks; this router's is of text"};
  }
  return Place(request, *model, *scope, blocks, moment, mesh);
}

Result<RouteDecision> Decider::DecideBlocks(const RouteRequest& request, std::span<const NodeId> blocks, Moment moment,
                                            Mesh* mesh) {
  const std::shared_ptr<const ModelTable::Model> model = models_.Find(request.model);
  const std::shared_ptr<const TreeScope> scope = trees_.Find(request.model, request.kind);
  if (model == nullptr || scope == nullptr) return NoSuchModel(request.model);
  return Place(request, *model, *scope, blocks, moment, mesh);
}

Result<RouteDecision> Decider::Place(const RouteRequest& request, const ModelTable::Model& model,
                                     const TreeScope& scope, std::span<const NodeId> blocks, Moment moment,
                                     Mesh* mesh) {
  const Prompt prompt{request.kind, request.prompt, blocks, scope.slot};
  Choice choice;
  const Insertion insertion = scope.tree->MatchAndInsert(prompt, [&](const TreeMatch& match) {
    choice = ChooseWorker(
        policy_, options_, match,
        {model.workers, fleet_, moment.random_bits, turns_.fetch_add(1, std::memory_order_relaxed), moment.burst});
    // Counted while the tree is locked, so that the next decision already sees it.
    if (choice.worker.has_value()) {
      fleet_.BeginRequest(Seeded(Bug::kcore_wrong_worker_counted) ? model.workers.front() : *choice.worker);
      fleet_.NoteOwnPlacement(*choice.worker);
    }
    return choice.worker;
  });
  if (Seeded(Bug::kcore_refused_inserted) && !choice.worker.has_value() && !model.workers.empty())
    scope.tree->Insert(prompt, model.workers.front());
  if (!choice.worker.has_value())
    return Error{ErrorCode::kUnavailable, "no healthy worker serves the model '" + std::string(request.model) + "'"};

  RouteDecision decision;
  decision.worker = *choice.worker;
  decision.worker_name = fleet_.name(*choice.worker);
  decision.reason = choice.reason;
  // A prompt without one whole block leaves nothing in the block index.
  decision.inserted = trees_.block_index() == nullptr || !blocks.empty();
  decision.matched_bytes = insertion.matched_bytes;
  decision.expectation = insertion.expectation;
  if (mesh != nullptr) Announce(request, scope, blocks, decision, insertion, *mesh);
  return decision;
}

void Decider::Announce(const RouteRequest& request, const TreeScope& scope, std::span<const NodeId> blocks,
                       const RouteDecision& decision, const Insertion& insertion, Mesh& mesh) {
  PlacementView placement;
  placement.model = scope.model;
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
  placement.by_load = decision.reason == DecisionReason::kBalance;
  // What could not be announced counts as never announced, so that the next use announces it.
  if (!mesh.Offer(placement) && trees_.block_index() != nullptr && !blocks.empty())
    trees_.block_index()->StampOwn(blocks.last(1), decision.worker, 0, placement.worker_incarnation);
}

}  // namespace prefixmesh
