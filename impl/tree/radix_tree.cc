// Long: the nodes, and every walk over them.
#include "impl/tree/radix_tree.h"

#include <algorithm>
#include <cstring>
#include <queue>
#include <tuple>
#include <utility>

#include "impl/base/check.h"

namespace prefixmesh {

struct RadixTree::Node {
  std::unique_ptr<std::uint8_t[]> edge;
  std::uint32_t edge_bytes = 0;
  Node* parent = nullptr;
  std::vector<Tenant> tenants;                  // ascending by worker, capacity exact after every insert
  std::vector<std::unique_ptr<Node>> children;  // ascending by the first unit of their edges

  Bytes Edge() const { return {edge.get(), edge_bytes}; }

  const Tenant* FindTenant(WorkerIndex worker) const {
    const auto at = std::lower_bound(tenants.begin(), tenants.end(), worker,
                                     [](const Tenant& tenant, WorkerIndex wanted) { return tenant.worker < wanted; });
    return at != tenants.end() && at->worker == worker ? &*at : nullptr;
  }

  // Where a child whose edge begins with `unit` is or would be.
  std::vector<std::unique_ptr<Node>>::iterator ChildSlot(const std::uint8_t* unit, std::uint32_t unit_bytes) {
    return std::lower_bound(children.begin(), children.end(), unit,
                            [unit_bytes](const std::unique_ptr<Node>& child, const std::uint8_t* wanted) {
                              return std::memcmp(child->edge.get(), wanted, unit_bytes) < 0;
                            });
  }

  bool AnyChildHas(WorkerIndex worker) const {
    return std::any_of(children.begin(), children.end(),
                       [worker](const std::unique_ptr<Node>& child) { return child->FindTenant(worker) != nullptr; });
  }

  std::uint64_t AllocatedBytes() const {
    return sizeof(Node) + edge_bytes + tenants.capacity() * sizeof(Tenant) + children.capacity() * sizeof(children[0]);
  }
};

// Where a prompt left what is known.
struct RadixTree::Descent {
  Node* node = nullptr;     // deepest node whose whole edge matched; the root if none
  Node* partial = nullptr;  // its child inside whose edge the match ended, or none
  std::uint32_t partial_bytes = 0;
  std::uint64_t matched_bytes = 0;
  SliceCursor rest;  // the whole units that did not match

  const std::vector<Tenant>& Holders() const { return partial != nullptr ? partial->tenants : node->tenants; }
};

RadixTree::RadixTree(const RadixTreeOptions& options) : options_(options), root_(std::make_unique<Node>()) {
  PREFIXMESH_CHECK(options.unit_bytes >= 1 && options.unit_bytes <= kUnitBytesMax);
  bytes_ = root_->AllocatedBytes();
}

// Chains of prompts that extend each other make the tree as deep as there are prompts: no recursion anywhere.
RadixTree::~RadixTree() {
  std::vector<std::unique_ptr<Node>> doomed;
  doomed.push_back(std::move(root_));
  while (!doomed.empty()) {
    const std::unique_ptr<Node> node = std::move(doomed.back());
    doomed.pop_back();
    for (std::unique_ptr<Node>& child : node->children) doomed.push_back(std::move(child));
  }
}

RadixTree::Descent RadixTree::Descend(const Prompt& prompt) const {
  const std::uint32_t unit_bytes = options_.unit_bytes;
  const std::size_t size = prompt.bytes->size();
  Descent descent{.node = root_.get(), .rest = SliceCursor(*prompt.bytes, size - size % unit_bytes)};
  std::uint8_t scratch[kUnitBytesMax];
  while (descent.rest.remaining() > 0) {
    const std::uint8_t* unit = descent.rest.Peek(unit_bytes, scratch);
    const auto slot = descent.node->ChildSlot(unit, unit_bytes);
    if (slot == descent.node->children.end() || std::memcmp((*slot)->edge.get(), unit, unit_bytes) != 0) break;
    Node* const child = slot->get();
    std::size_t common = descent.rest.CommonPrefix(child->Edge());
    common -= common % unit_bytes;
    descent.rest.Advance(common);
    descent.matched_bytes += common;
    if (common < child->edge_bytes) {
      descent.partial = child;
      descent.partial_bytes = static_cast<std::uint32_t>(common);
      break;
    }
    descent.node = child;
  }
  return descent;
}

// Upwards from the deepest match. A tenant of a node is one of all above it.
class RadixTree::Shallower final : public ShallowerMatches {
 public:
  Shallower(RadixTree& tree, const Descent& descent)
      : tree_(tree),
        node_(descent.partial != nullptr ? descent.partial : descent.node),
        end_(descent.matched_bytes),
        below_(descent.partial != nullptr ? descent.partial_bytes : descent.node->edge_bytes) {}

  bool Next(std::uint64_t bytes_min, TreeMatch& match) PREFIXMESH_NO_THREAD_SAFETY_ANALYSIS override {
    const std::size_t known = node_->tenants.size();
    while (node_->parent != nullptr && node_->parent != tree_.root_.get()) {
      end_ -= below_;
      node_ = node_->parent;
      below_ = node_->edge_bytes;
      if (end_ < bytes_min) return false;
      if (node_->tenants.size() == known) continue;
      tree_.holders_.clear();
      for (const Tenant& tenant : node_->tenants) tree_.holders_.push_back(tenant.worker);
      match.matched_bytes = end_;
      match.holders = tree_.holders_;
      return true;
    }
    return false;
  }

 private:
  RadixTree& tree_;
  const Node* node_;
  std::uint64_t end_;    // of the prefix that the node, or what of it matched, ends
  std::uint64_t below_;  // of it in the node
};

Insertion RadixTree::MatchAndInsert(const Prompt& prompt, Chooser choose) {
  MutexLock lock(mutex_);
  const Descent descent = Descend(prompt);
  holders_.clear();
  for (const Tenant& tenant : descent.Holders()) holders_.push_back(tenant.worker);

  Insertion insertion;
  insertion.matched_bytes = descent.matched_bytes;
  // Whether it is a repeat is asked of the deepest match, whatever the chooser looks at.
  const auto held_whole = [&](WorkerIndex worker) {
    const std::vector<Tenant>& held = descent.Holders();
    return std::any_of(held.begin(), held.end(), [&](const Tenant& tenant) { return tenant.worker == worker; });
  };
  Shallower shallower(*this, descent);
  insertion.worker = choose({descent.matched_bytes, prompt.bytes->size(), holders_, &shallower});
  if (insertion.worker.has_value()) {
    insertion.repeat = descent.rest.remaining() == 0 && held_whole(*insertion.worker);
    Record(descent, *insertion.worker);
  }
  return insertion;
}

void RadixTree::Insert(const Prompt& prompt, WorkerIndex worker) {
  MutexLock lock(mutex_);
  Record(Descend(prompt), worker);
}

void RadixTree::Record(const Descent& descent, WorkerIndex worker) {
  Node* node = descent.node;
  if (descent.partial != nullptr) node = Split(descent.partial, descent.partial_bytes);
  if (descent.rest.remaining() > 0) node = AddLeaf(node, descent.rest);
  if (node == root_.get()) return;  // nothing of the prompt is a whole unit
  AddTenant(node, worker, ++epoch_);
  AddTenantAbove(node, worker);
}

void RadixTree::AddTenantAbove(Node* node, WorkerIndex worker) {
  // Whoever is on a node is on all above it, so the climb may end at the first that has the worker.
  for (node = node->parent; node != root_.get() && node->FindTenant(worker) == nullptr; node = node->parent) {
    AddTenant(node, worker, 0);
  }
}

RadixTree::Node* RadixTree::Split(Node* node, std::uint32_t count) {
  Node* const parent = node->parent;
  bytes_ -= node->AllocatedBytes();
  const auto slot = parent->ChildSlot(node->edge.get(), options_.unit_bytes);

  auto upper = std::make_unique<Node>();
  upper->edge = std::make_unique_for_overwrite<std::uint8_t[]>(count);
  std::memcpy(upper->edge.get(), node->edge.get(), count);
  upper->edge_bytes = count;
  upper->parent = parent;
  upper->tenants.reserve(node->tenants.size());
  upper->tenants.assign(node->tenants.begin(), node->tenants.end());

  const std::uint32_t lower_bytes = node->edge_bytes - count;
  auto lower_edge = std::make_unique_for_overwrite<std::uint8_t[]>(lower_bytes);
  std::memcpy(lower_edge.get(), node->edge.get() + count, lower_bytes);
  node->edge = std::move(lower_edge);
  node->edge_bytes = lower_bytes;
  node->parent = upper.get();

  upper->children.reserve(1);
  upper->children.push_back(std::move(*slot));
  *slot = std::move(upper);
  Node* const made = slot->get();
  bytes_ += node->AllocatedBytes() + made->AllocatedBytes();
  ++nodes_;
  return made;
}

RadixTree::Node* RadixTree::AddLeaf(Node* parent, const SliceCursor& rest) {
  auto leaf = std::make_unique<Node>();
  leaf->edge_bytes = static_cast<std::uint32_t>(rest.remaining());
  leaf->edge = std::make_unique_for_overwrite<std::uint8_t[]>(rest.remaining());
  rest.CopyTo(leaf->edge.get(), rest.remaining());
  leaf->parent = parent;
  Node* const made = leaf.get();
  bytes_ -= parent->AllocatedBytes();
  parent->children.insert(parent->ChildSlot(made->edge.get(), options_.unit_bytes), std::move(leaf));
  bytes_ += parent->AllocatedBytes() + made->AllocatedBytes();
  ++nodes_;
  return made;
}

void RadixTree::AddTenant(Node* node, WorkerIndex worker, std::uint64_t epoch) {
  std::vector<Tenant>& tenants = node->tenants;
  const auto slot = std::lower_bound(tenants.begin(), tenants.end(), worker,
                                     [](const Tenant& tenant, WorkerIndex wanted) { return tenant.worker < wanted; });
  if (slot != tenants.end() && slot->worker == worker) {
    slot->epoch = std::max(slot->epoch, epoch);
    return;
  }
  bytes_ -= node->AllocatedBytes();
  const auto position = slot - tenants.begin();
  tenants.reserve(tenants.size() + 1);
  tenants.insert(tenants.begin() + position, Tenant{worker, epoch});
  bytes_ += node->AllocatedBytes();

  if (worker.value >= tenant_bytes_.size()) tenant_bytes_.resize(worker.value + std::size_t{1});
  if (tenant_bytes_[worker.value] == 0) ++tenants_;
  tenant_bytes_[worker.value] += node->edge_bytes;
}

bool RadixTree::DropTenant(Node* node, WorkerIndex worker) {
  std::erase_if(node->tenants, [worker](const Tenant& tenant) { return tenant.worker == worker; });
  tenant_bytes_[worker.value] -= node->edge_bytes;
  if (tenant_bytes_[worker.value] == 0) --tenants_;
  if (!node->tenants.empty() || !node->children.empty()) return false;
  RemoveLeaf(node);
  return true;
}

void RadixTree::RemoveLeaf(Node* node) {
  Node* const parent = node->parent;
  bytes_ -= node->AllocatedBytes() + parent->AllocatedBytes();
  --nodes_;
  parent->children.erase(parent->ChildSlot(node->edge.get(), options_.unit_bytes));
  if (parent->children.capacity() > 4 * parent->children.size()) parent->children.shrink_to_fit();
  bytes_ += parent->AllocatedBytes();
}

void RadixTree::Depths(const Prompt& prompt, std::vector<WorkerPrefix>& out) const {
  MutexLock lock(mutex_);
  const Descent descent = Descend(prompt);
  const std::size_t first = out.size();
  // From the deepest node up: a worker seen deeper is also on every node above, so only new ones count.
  std::uint64_t depth = descent.matched_bytes;
  const auto visit = [&](const Node* node) {
    const std::size_t known = out.size();
    for (const Tenant& tenant : node->tenants) {
      const auto found = std::find_if(out.begin() + static_cast<std::ptrdiff_t>(first),
                                      out.begin() + static_cast<std::ptrdiff_t>(known),
                                      [&](const WorkerPrefix& seen) { return seen.worker == tenant.worker; });
      if (found == out.begin() + static_cast<std::ptrdiff_t>(known)) out.push_back({tenant.worker, depth});
    }
  };
  if (descent.partial != nullptr) {
    visit(descent.partial);
    depth -= descent.partial_bytes;
  }
  for (const Node* node = descent.node; node != root_.get(); node = node->parent) {
    visit(node);
    depth -= node->edge_bytes;
  }
  std::sort(out.begin() + static_cast<std::ptrdiff_t>(first), out.end(),
            [](const WorkerPrefix& a, const WorkerPrefix& b) { return a.worker < b.worker; });
}

void RadixTree::DropTenantBelow(Node* node, WorkerIndex worker) {
  // Parents before children; taken from the back, children go first.
  std::vector<Node*> held{node};
  for (std::size_t i = 0; i < held.size(); ++i) {
    for (const std::unique_ptr<Node>& child : held[i]->children) {
      if (child->FindTenant(worker) != nullptr) held.push_back(child.get());
    }
  }
  for (; held.size() > 1; held.pop_back()) DropTenant(held.back(), worker);
}

void RadixTree::RemoveWorker(WorkerIndex worker) {
  MutexLock lock(mutex_);
  DropTenantBelow(root_.get(), worker);
  ReleaseIfEmpty();
}

void RadixTree::RemovePrefix(const Prompt& prompt, WorkerIndex worker) {
  MutexLock lock(mutex_);
  const Descent descent = Descend(prompt);
  if (descent.rest.remaining() > 0 || descent.matched_bytes == 0) return;
  Node* const node = descent.partial != nullptr ? descent.partial : descent.node;
  if (node->FindTenant(worker) == nullptr) return;
  const std::uint32_t in_node = descent.partial != nullptr ? descent.partial_bytes : node->edge_bytes;
  if (in_node > options_.unit_bytes) Split(node, in_node - options_.unit_bytes);  // above it the worker stays
  DropTenantBelow(node, worker);
  DropTenant(node, worker);
  ReleaseIfEmpty();
}

void RadixTree::Evict() {
  MutexLock lock(mutex_);
  for (std::size_t worker = 0; worker < tenant_bytes_.size(); ++worker) {
    if (tenant_bytes_[worker] > options_.tenant_bytes_max) EvictTenant({static_cast<std::uint16_t>(worker)});
  }
  ReleaseIfEmpty();
}

void RadixTree::EvictTenant(WorkerIndex worker) {
  // Oldest on top; the running number breaks ties the same way in every run.
  using Leaf = std::tuple<std::uint64_t, std::size_t, Node*>;
  std::priority_queue<Leaf, std::vector<Leaf>, std::greater<>> leaves;
  std::size_t number = 0;
  std::vector<Node*> held{root_.get()};
  while (!held.empty()) {
    Node* const node = held.back();
    held.pop_back();
    bool leaf = true;
    for (const std::unique_ptr<Node>& child : node->children) {
      if (child->FindTenant(worker) == nullptr) continue;
      leaf = false;
      held.push_back(child.get());
    }
    if (leaf && node != root_.get()) leaves.emplace(node->FindTenant(worker)->epoch, number++, node);
  }
  while (tenant_bytes_[worker.value] > options_.tenant_bytes_max && !leaves.empty()) {
    Node* const node = std::get<Node*>(leaves.top());
    leaves.pop();
    Node* const parent = node->parent;
    DropTenant(node, worker);
    ++forgotten_;
    if (parent != root_.get() && !parent->AnyChildHas(worker)) {
      leaves.emplace(parent->FindTenant(worker)->epoch, number++, parent);
    }
  }
}

void RadixTree::ReleaseIfEmpty() {
  if (tenants_ > 0) return;
  tenant_bytes_ = std::vector<std::uint64_t>();
  holders_ = std::vector<WorkerIndex>();
}

void RadixTree::Walk(FunctionRef<void(const WholeNode&)> visit) const {
  MutexLock lock(mutex_);
  std::vector<Tenant> everyone;
  for (std::size_t worker = 0; worker < tenant_bytes_.size(); ++worker) {
    if (tenant_bytes_[worker] > 0) everyone.push_back({.worker = {static_cast<std::uint16_t>(worker)}});
  }
  std::vector<const Node*> ahead{root_.get()};
  while (!ahead.empty()) {
    const Node* const node = ahead.back();
    ahead.pop_back();
    visit({AsText(node->Edge()), node == root_.get() ? everyone : node->tenants,
           static_cast<std::uint32_t>(node->children.size())});
    for (auto child = node->children.rbegin(); child != node->children.rend(); ++child) ahead.push_back(child->get());
  }
}

RadixTree::Node* RadixTree::Reach(Node* node, std::string_view edge) {
  const Slices slices(AsBytes(edge));
  SliceCursor rest(slices, edge.size());
  while (rest.remaining() > 0) {
    std::uint8_t unit[kUnitBytesMax];
    rest.CopyTo(unit, options_.unit_bytes);
    const auto slot = node->ChildSlot(unit, options_.unit_bytes);
    if (slot == node->children.end() || std::memcmp((*slot)->edge.get(), unit, options_.unit_bytes) != 0)
      return AddLeaf(node, rest);
    Node* const child = slot->get();
    std::size_t common = rest.CommonPrefix(child->Edge());
    common -= common % options_.unit_bytes;
    rest.Advance(common);
    node = common < child->edge_bytes ? Split(child, static_cast<std::uint32_t>(common)) : child;
  }
  return node;
}

void RadixTree::Close(std::deque<Open>& open) {
  Node* const node = open.back().node;
  open.pop_back();
  // What nobody holds is not kept. Several nodes may end at the same place: then the last to close decides.
  const bool last = open.empty() || open.back().node != node;
  if (last && node != root_.get() && node->tenants.empty() && node->children.empty()) RemoveLeaf(node);
}

void RadixTree::Merge(FunctionRef<bool(WholeNode&)> next) {
  MutexLock lock(mutex_);
  std::deque<Open> open;  // never copied as it grows
  for (WholeNode whole; next(whole);) {
    while (!open.empty() && open.back().children_to_come == 0) Close(open);
    if (!open.empty()) --open.back().children_to_come;
    PREFIXMESH_CHECK(whole.edge.size() % options_.unit_bytes == 0);
    Node* const node = Reach(open.empty() ? root_.get() : open.back().node, whole.edge);
    if (node != root_.get()) {
      for (const Tenant& tenant : whole.tenants) {
        AddTenant(node, tenant.worker, tenant.epoch);
        AddTenantAbove(node, tenant.worker);
      }
    }
    open.push_back({node, whole.child_count});
  }
  while (!open.empty()) Close(open);
  ReleaseIfEmpty();
}

TreeSize RadixTree::Size() const {
  MutexLock lock(mutex_);
  return {
      .nodes = nodes_,
      .bytes = bytes_ + tenant_bytes_.capacity() * sizeof(tenant_bytes_[0]) + holders_.capacity() * sizeof(holders_[0]),
      .budget_bytes = options_.tenant_bytes_max * tenants_,
      .forgotten = forgotten_};
}

std::uint64_t RadixTree::TenantBytes(WorkerIndex worker) const {
  MutexLock lock(mutex_);
  return worker.value < tenant_bytes_.size() ? tenant_bytes_[worker.value] : 0;
}

}  // namespace prefixmesh
