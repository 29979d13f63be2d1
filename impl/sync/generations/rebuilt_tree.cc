#include "impl/sync/generations/rebuilt_tree.h"

#include <utility>

namespace prefixmesh::generations {

RebuiltTree::RebuiltTree(const std::string* body) {
  if (body == nullptr) return;
  const Result<TreeSnapshot> snapshot = DecodeTreeSnapshot(AsBytes(*body));
  if (!snapshot.ok() || !IsTree(*snapshot)) return;
  std::vector<std::vector<RadixTree::Tenant>> tenants;
  std::vector<TextTree::WholeNode> nodes;
  tenants.reserve(snapshot->nodes.size());
  nodes.reserve(snapshot->nodes.size());
  for (const SnapshotNode& node : snapshot->nodes) {
    std::vector<RadixTree::Tenant>& here = tenants.emplace_back();
    for (const auto& [name, epoch] : node.tenants)
      if (const WorkerIndex number = Number(name); number != kNoWorker) here.push_back({number, epoch});
    nodes.push_back({node.edge, here, node.child_count});
  }
  tree_.Merge(nodes);
}

WorkerIndex RebuiltTree::Number(const std::string& name) {
  if (numbers_.size() >= kNoWorker.value && !numbers_.contains(name)) return kNoWorker;
  const auto [at, made] = numbers_.try_emplace(name, WorkerIndex{static_cast<std::uint16_t>(numbers_.size())});
  if (made) names_.push_back(name);
  return at->second;
}

void RebuiltTree::Apply(std::span<const TreeOperation> operations, bool applies_removals) {
  for (const TreeOperation& operation : operations) {
    const bool removes = operation.type == TreeOperation::Type::kRemove;
    if (removes ? !applies_removals : operation.kind != Kind::kText) continue;
    const WorkerIndex number = Number(operation.tenant);
    if (number == kNoWorker) continue;
    if (removes) {
      tree_.RemoveWorker(number);
      continue;
    }
    const Slices bytes(AsBytes(operation.prompt));
    tree_.Insert({.kind = Kind::kText, .bytes = &bytes, .blocks = {}}, number, 0);
  }
}

TreeSnapshot RebuiltTree::Snapshot() const {
  TreeSnapshot snapshot;
  tree_.Walk([&](const TextTree::WholeNode& whole) {
    SnapshotNode& node = snapshot.nodes.emplace_back();
    node.edge = whole.edge;
    node.tenants.reserve(whole.tenants.size());
    for (const RadixTree::Tenant& tenant : whole.tenants)
      node.tenants.emplace_back(names_[tenant.worker.value], tenant.epoch);
    node.child_count = whole.child_count;
  });
  return snapshot;
}

std::uint64_t Holders(const TreeSnapshot& snapshot) {
  std::uint64_t holders = 0;
  for (std::size_t i = 1; i < snapshot.nodes.size(); ++i) holders += snapshot.nodes[i].tenants.size();
  return holders;
}

}  // namespace prefixmesh::generations
