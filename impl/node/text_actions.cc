#include "impl/node/text_actions.h"

namespace prefixmesh {

void TextActions::Apply(ApplyPrompt action) {
  const auto scope = trees_.Find(action.model, action.kind);
  const auto worker = fleet_.Intern(action.worker_name);
  if (scope == nullptr || !worker) return;
  const Slices bytes(AsBytes(action.prompt));
  scope->tree->Insert({action.kind, &bytes, {}}, *worker, 0);
}

void TextActions::Apply(const ApplySnapshot& action) {
  const auto scope = trees_.Find(action.model, Kind::kText);
  if (scope != nullptr) MergeInto(*scope->text, action.snapshot, fleet_);
}

void TextActions::Apply(const ForgetTenant& action) {
  const auto scope = trees_.Find(action.model, Kind::kText);
  const auto worker = fleet_.Find(action.worker_name);
  if (scope != nullptr && worker) scope->text->RemoveWorker(*worker);
}

generations::TreeSnapshot SnapshotOf(const TextTree& tree, const Fleet& fleet) {
  generations::TreeSnapshot snapshot;
  tree.Walk([&](const TextTree::WholeNode& whole) {
    generations::SnapshotNode& node = snapshot.nodes.emplace_back();
    node.edge = whole.edge;
    node.tenants.reserve(whole.tenants.size());
    for (const RadixTree::Tenant& tenant : whole.tenants)
      node.tenants.emplace_back(fleet.name(tenant.worker), tenant.epoch);
    node.child_count = whole.child_count;
  });
  return snapshot;
}

void MergeInto(TextTree& tree, const generations::TreeSnapshot& snapshot, Fleet& fleet) {
  // Tenants of all nodes in one run; the spans are cut when it does not grow any more.
  std::vector<RadixTree::Tenant> tenants;
  std::vector<std::size_t> ends;
  for (const generations::SnapshotNode& node : snapshot.nodes) {
    for (const auto& [name, epoch] : node.tenants) {
      if (const auto worker = fleet.Intern(name)) tenants.push_back({*worker, epoch});
    }
    ends.push_back(tenants.size());
  }
  std::vector<TextTree::WholeNode> nodes;
  nodes.reserve(ends.size());
  std::size_t begin = 0;
  for (std::size_t i = 0; i < ends.size(); begin = ends[i++]) {
    const generations::SnapshotNode& node = snapshot.nodes[i];
    nodes.push_back({node.edge, std::span(tenants).subspan(begin, ends[i] - begin), node.child_count});
  }
  tree.Merge(nodes);
}

void SnapshotTextTrees(const TreeSet& trees, const Fleet& fleet, std::string_view model,
                       StrategyView::SnapshotSink sink) {
  trees.ForEachTextTree([&](const TreeScope& scope) {
    if (model.empty() || scope.model == model) sink(scope.model, SnapshotOf(*scope.text, fleet));
  });
}

}  // namespace prefixmesh
