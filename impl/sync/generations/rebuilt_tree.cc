#include "impl/sync/generations/rebuilt_tree.h"

#include <algorithm>
#include <utility>

namespace prefixmesh::generations {
namespace {

constexpr std::uint16_t kNobody = UINT16_MAX;
constexpr std::uint64_t kEncodedNodeBytes = 20, kEncodedHolderBytes = 16;
// What the containers add: a deque's share of its blocks, a map's node.
constexpr std::uint64_t kNodeCost = 34, kHolderCost = 17, kNameCost = 96;

}  // namespace

RebuiltTree::RebuiltTree(const std::string* body, std::uint64_t bytes_max) : bytes_max_(bytes_max), nodes_(1) {
  if (body == nullptr) return;
  if (const Result<SnapshotView> snapshot = ViewTree(AsBytes(*body)); snapshot.ok()) Merge(*snapshot);
}

bool RebuiltTree::fits() const {
  const std::uint64_t tree = nodes_.size() * kNodeCost + holders_.size() * kHolderCost + names_.size() * kNameCost;
  const std::uint64_t encoded =
      nodes_.size() * kEncodedNodeBytes + (holders_.size() + names_.size()) * kEncodedHolderBytes + text_bytes_;
  return tree + encoded <= bytes_max_ && 2 * encoded <= bytes_max_ && nodes_.size() < kNone && holders_.size() < kNone;
}

std::uint16_t RebuiltTree::Number(std::string_view name) {
  if (const auto found = numbers_.find(name); found != numbers_.end()) return found->second;
  if (names_.size() >= kHoldersMax) return kNobody;
  const auto number = static_cast<std::uint16_t>(names_.size());
  numbers_.emplace(name, number);
  names_.push_back(name);
  held_.push_back(0);
  text_bytes_ += name.size();  // at the root
  return number;
}

void RebuiltTree::Merge(const SnapshotView& snapshot) {
  struct Open {
    Index node = kRoot;
    std::uint32_t children_to_come = 0;
  };
  std::deque<Open> open;
  snapshot.ForEach([&](const SnapshotNodeView& view) {
    Index node = kRoot;
    if (!open.empty()) {
      node = open.back().node;
      if (--open.back().children_to_come == 0) open.pop_back();
    }
    // What nobody holds is not kept; nothing below it is held, either.
    const bool kept = view.holders.count > 0 && fits();
    if (kept) node = Reach(node, view.edge);
    view.holders.ForEach([&](std::string_view url, std::uint64_t epoch) {
      const std::uint16_t worker = Number(url);
      if (kept && node != kRoot && worker != kNobody) AddWithAbove(node, worker, epoch);
    });
    if (view.child_count > 0) open.push_back({node, view.child_count});
  });
}

void RebuiltTree::Apply(const OperationList& operations, bool applies_removals) {
  operations.ForEach([&](const OperationView& operation) { Apply(operation, applies_removals); });
}

void RebuiltTree::Apply(std::span<const TreeOperation> operations, bool applies_removals) {
  for (const TreeOperation& operation : operations) Apply(ViewOf(operation), applies_removals);
}

void RebuiltTree::Apply(const OperationView& operation, bool applies_removals) {
  const bool removes = operation.type == TreeOperation::Type::kRemove;
  if (removes ? !applies_removals : operation.kind != Kind::kText) return;
  if (!fits()) return;
  const std::uint16_t worker = Number(operation.tenant);
  if (worker == kNobody) return;
  if (removes) return Remove(worker);
  if (const Index node = Reach(kRoot, operation.prompt); node != kRoot) AddWithAbove(node, worker, ++epoch_);
}

RebuiltTree::Index* RebuiltTree::ChildSlot(Index node, char first) {
  Index* slot = &nodes_[node].first_child;
  while (*slot != kNone && static_cast<unsigned char>(nodes_[*slot].edge[0]) < static_cast<unsigned char>(first))
    slot = &nodes_[*slot].next_sibling;
  return slot;
}

RebuiltTree::Index RebuiltTree::Reach(Index node, std::string_view edge) {
  while (!edge.empty()) {
    Index* const slot = ChildSlot(node, edge[0]);
    if (*slot == kNone || nodes_[*slot].edge[0] != edge[0]) {
      const auto made = static_cast<Index>(nodes_.size());
      // A deque moves no node as it grows at its end: the slot stays good.
      nodes_.push_back({edge.data(), static_cast<std::uint32_t>(edge.size()), node, kNone, *slot, kNone});
      text_bytes_ += edge.size();
      *slot = made;
      return made;
    }
    const Node& child = nodes_[*slot];
    const std::size_t most = std::min<std::size_t>(child.edge_bytes, edge.size());
    const auto common = static_cast<std::uint32_t>(
        std::mismatch(edge.begin(), edge.begin() + static_cast<std::ptrdiff_t>(most), child.edge).first - edge.begin());
    edge.remove_prefix(common);
    if (common < child.edge_bytes) Split(slot, common);
    node = *slot;
  }
  return node;
}

void RebuiltTree::Split(Index* slot, std::uint32_t count) {
  const Index lower = *slot;
  const auto upper = static_cast<Index>(nodes_.size());
  Node& cut = nodes_[lower];
  nodes_.push_back({cut.edge, count, cut.parent, lower, cut.next_sibling, kNone});
  *slot = upper;
  cut.edge += count;
  cut.edge_bytes -= count;
  cut.parent = upper;
  cut.next_sibling = kNone;
  for (Index at = cut.first_holder; at != kNone; at = holders_[at].next)
    Add(upper, holders_[at].worker, holders_[at].epoch);
}

bool RebuiltTree::Holds(Index node, std::uint16_t worker) const {
  for (Index at = nodes_[node].first_holder; at != kNone && holders_[at].worker <= worker; at = holders_[at].next)
    if (holders_[at].worker == worker) return true;
  return false;
}

void RebuiltTree::Add(Index node, std::uint16_t worker, std::uint64_t epoch) {
  Index* slot = &nodes_[node].first_holder;
  if (hint_node_ == node && holders_[hint_holder_].worker < worker) slot = &holders_[hint_holder_].next;
  while (*slot != kNone && holders_[*slot].worker < worker) slot = &holders_[*slot].next;
  if (*slot == kNone || holders_[*slot].worker != worker) {
    const auto made = static_cast<Index>(holders_.size());
    holders_.push_back({epoch, *slot, worker});
    *slot = made;
    text_bytes_ += names_[worker].size();
    ++holders_live_;
    ++held_[worker];
  }
  Holder& holder = holders_[*slot];
  holder.epoch = std::max(holder.epoch, epoch);
  hint_node_ = node;
  hint_holder_ = *slot;
}

void RebuiltTree::AddWithAbove(Index node, std::uint16_t worker, std::uint64_t epoch) {
  Add(node, worker, epoch);
  // Whoever is on a node is on all above it, so the climb may end at the first that has the worker.
  for (Index above = nodes_[node].parent; above != kRoot && fits() && !Holds(above, worker);
       above = nodes_[above].parent)
    Add(above, worker, 0);
}

void RebuiltTree::Remove(std::uint16_t worker) {
  hint_node_ = kNone;
  // Down only where the worker is; a node that nobody holds any more is cut off with all below it, where nobody is.
  for (Index node = nodes_[kRoot].first_child; node != kNone;) {
    Index* slot = &nodes_[node].first_holder;
    while (*slot != kNone && holders_[*slot].worker < worker) slot = &holders_[*slot].next;
    const bool held = *slot != kNone && holders_[*slot].worker == worker;
    if (held) {
      *slot = holders_[*slot].next;
      --holders_live_;
      --held_[worker];
    }
    if (held && nodes_[node].first_child != kNone) {
      node = nodes_[node].first_child;
      continue;
    }
    while (node != kRoot && nodes_[node].next_sibling == kNone) node = nodes_[node].parent;
    node = node == kRoot ? kNone : nodes_[node].next_sibling;
  }
  for (Index node = kRoot; node != kNone; node = Next(node)) {
    for (Index* slot = &nodes_[node].first_child; *slot != kNone;) {
      if (nodes_[*slot].first_holder == kNone) {
        *slot = nodes_[*slot].next_sibling;
      } else {
        slot = &nodes_[*slot].next_sibling;
      }
    }
  }
}

RebuiltTree::Index RebuiltTree::Next(Index node) const {
  if (nodes_[node].first_child != kNone) return nodes_[node].first_child;
  while (node != kRoot && nodes_[node].next_sibling == kNone) node = nodes_[node].parent;
  return node == kRoot ? kNone : nodes_[node].next_sibling;
}

std::uint32_t RebuiltTree::ChildCount(Index node) const {
  std::uint32_t count = 0;
  for (Index child = nodes_[node].first_child; child != kNone; child = nodes_[child].next_sibling) ++count;
  return count;
}

std::string RebuiltTree::Encode() const {
  const auto for_each_holder = [&](Index node, auto&& f) {
    if (node == kRoot) {
      for (std::uint16_t worker = 0; worker < names_.size(); ++worker)
        if (held_[worker] > 0) f(Holder{.worker = worker});
    } else {
      for (Index at = nodes_[node].first_holder; at != kNone; at = holders_[at].next) f(holders_[at]);
    }
  };
  std::size_t bytes = 8;
  std::uint64_t nodes = 0;
  for (Index node = kRoot; node != kNone; node = Next(node)) {
    ++nodes;
    bytes += kEncodedNodeBytes + nodes_[node].edge_bytes;
    for_each_holder(node, [&](const Holder& holder) { bytes += kEncodedHolderBytes + names_[holder.worker].size(); });
  }
  BincodeWriter writer(bytes);
  writer.U64(nodes);
  for (Index node = kRoot; node != kNone; node = Next(node)) {
    writer.String(std::string_view(nodes_[node].edge, nodes_[node].edge_bytes));
    std::uint64_t holders = 0;
    for_each_holder(node, [&](const Holder&) { ++holders; });
    writer.U64(holders);
    for_each_holder(node, [&](const Holder& holder) {
      writer.String(names_[holder.worker]);
      writer.U64(holder.epoch);
    });
    writer.Tag(ChildCount(node));
  }
  return writer.Take();
}

}  // namespace prefixmesh::generations
