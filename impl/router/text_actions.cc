#include "impl/router/text_actions.h"

#include <unordered_map>
#include <vector>

namespace prefixmesh {

void TextActions::Apply(ApplyPrompt action) {
  const auto scope = trees_.Find(action.model, action.kind);
  const auto worker = fleet_.Intern(action.worker_name);
  if (scope == nullptr || !worker) return;
  const Slices bytes(AsBytes(action.prompt));
  scope->tree->Insert({action.kind, &bytes, {}}, *worker);
}

void TextActions::Apply(const ApplySnapshot& action) {
  const auto scope = trees_.Find(action.model, Kind::kText);
  if (scope != nullptr) MergeInto(*scope->text, action.body, fleet_);
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

void MergeInto(TextTree& tree, std::string_view body, Fleet& fleet) {
  const Result<generations::SnapshotView> snapshot = generations::ViewTree(AsBytes(body));
  if (!snapshot.ok()) return;
  // Names first: the tree's lock is held while it reads, and locks are never nested.
  std::unordered_map<std::string_view, WorkerIndex> workers;  // looked up only; at most generations::kHoldersMax
  snapshot->ForEach([&](const generations::SnapshotNodeView& node) {
    node.holders.ForEach([&](std::string_view name, std::uint64_t) {
      if (workers.contains(name)) return;
      if (const auto worker = fleet.Intern(name)) workers.emplace(name, *worker);
    });
  });
  ByteReader reader(snapshot->bytes);
  std::vector<RadixTree::Tenant> tenants;  // of one node
  tree.Merge([&](TextTree::WholeNode& whole) {
    generations::SnapshotNodeView node;
    if (reader.remaining() == 0 || !generations::ReadNode(reader, node)) return false;
    tenants.clear();
    node.holders.ForEach([&](std::string_view name, std::uint64_t epoch) {
      if (const auto worker = workers.find(name); worker != workers.end()) tenants.push_back({worker->second, epoch});
    });
    whole = {node.edge, tenants, node.child_count};
    return true;
  });
}

void SnapshotTextTrees(const TreeSet& trees, const Fleet& fleet, std::string_view model,
                       TextTreeView::SnapshotSink sink) {
  trees.ForEachTextTree([&](const TreeScope& scope) {
    if (model.empty() || scope.model == model) sink(scope.model, SnapshotOf(*scope.text, fleet));
  });
}

}  // namespace prefixmesh
