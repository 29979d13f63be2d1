// Goal: a rebuilt tree is the text tree of the same snapshot and operations. Method: the text tree itself is the
// oracle.
#include "impl/sync/generations/rebuilt_tree.h"

#include <map>

#include "impl/tree/text_tree.h"
#include "tests/support/properties.h"

namespace prefixmesh::generations {
namespace {

// What the rebuilds of history did.
class Oracle {
 public:
  void Merge(const TreeSnapshot& snapshot) {
    for (const SnapshotNode& node : snapshot.nodes)
      for (const auto& [name, epoch] : node.tenants) Number(name);
    auto node = snapshot.nodes.begin();
    std::vector<RadixTree::Tenant> tenants;
    tree_.Merge([&](TextTree::WholeNode& whole) {
      if (node == snapshot.nodes.end()) return false;
      tenants.clear();
      for (const auto& [name, epoch] : node->tenants) tenants.push_back({Number(name), epoch});
      whole = {node->edge, tenants, node->child_count};
      ++node;
      return true;
    });
  }
  void Apply(const TreeOperation& operation) {
    if (operation.type == TreeOperation::Type::kRemove) return tree_.RemoveWorker(Number(operation.tenant));
    if (operation.kind != Kind::kText) return;
    const Slices bytes(AsBytes(operation.prompt));
    tree_.Insert({.kind = Kind::kText, .bytes = &bytes, .blocks = {}}, Number(operation.tenant));
  }
  TreeSnapshot Snapshot() const {
    TreeSnapshot snapshot;
    tree_.Walk([&](const TextTree::WholeNode& whole) {
      SnapshotNode& node = snapshot.nodes.emplace_back();
      node.edge = whole.edge;
      for (const RadixTree::Tenant& tenant : whole.tenants)
        node.tenants.emplace_back(names_[tenant.worker.value], tenant.epoch);
      node.child_count = whole.child_count;
    });
    return snapshot;
  }

 private:
  WorkerIndex Number(const std::string& name) {
    const auto [at, made] = numbers_.try_emplace(name, WorkerIndex{static_cast<std::uint16_t>(names_.size())});
    if (made) names_.push_back(name);
    return at->second;
  }
  TextTree tree_;
  std::map<std::string, WorkerIndex> numbers_;
  std::vector<std::string> names_;
};

std::vector<TreeOperation> DrawOperations() {
  std::vector<TreeOperation> operations;
  for (int i = *rc::gen::inRange(0, 40); i > 0; --i) {
    TreeOperation& operation = operations.emplace_back();
    operation.tenant = "w" + std::to_string(*rc::gen::inRange(0, 4));
    if (*rc::gen::inRange(0, 8) == 0) {
      operation.type = TreeOperation::Type::kRemove;
    } else {
      operation.prompt = *rc::gen::container<std::string>(rc::gen::element('a', 'b', '\xff'));
    }
  }
  return operations;
}

TEST_CASE("RebuiltTree: is the text tree of the same snapshot and operations, byte by byte") {
  test::ForAll("any operations, twice", [] {
    Oracle first;
    for (const TreeOperation& operation : DrawOperations()) first.Apply(operation);
    const TreeSnapshot snapshot = first.Snapshot();
    const std::string body = Encode(snapshot);
    Oracle second;
    second.Merge(snapshot);
    RebuiltTree rebuilt(&body);
    const std::vector<TreeOperation> operations = DrawOperations();
    for (const TreeOperation& operation : operations) second.Apply(operation);
    rebuilt.Apply(operations, true);
    const std::string expected = Encode(second.Snapshot());
    RC_ASSERT(rebuilt.Encode() == expected);
    RC_ASSERT(rebuilt.Holders() == ViewTreeSnapshot(AsBytes(expected))->holders_below_root);
  });
}

TEST_CASE("RebuiltTree: removals and tokens are left out where they are not applied") {
  const std::vector<TreeOperation> operations = {
      {.prompt = "ab", .tenant = "w"},
      {TreeOperation::Type::kRemove, Kind::kText, "", "w"},
      {TreeOperation::Type::kInsert, Kind::kTokens, std::string(4, 'x'), "v"}};
  RebuiltTree tree(nullptr);
  tree.Apply(operations, false);
  REQUIRE(tree.Holders() == 1);
  RebuiltTree removed(nullptr);
  removed.Apply(operations, true);
  REQUIRE(removed.Encode() == Encode(TreeSnapshot{{{}}}));
}

TEST_CASE("RebuiltTree: takes no more than it may, and says so") {
  std::vector<TreeOperation> operations;
  for (int i = 0; i < 1000; ++i) operations.push_back({.prompt = std::to_string(i) + " prompt", .tenant = "w"});
  RebuiltTree tree(nullptr, 50'000);
  tree.Apply(operations, true);
  REQUIRE_FALSE(tree.fits());
  RebuiltTree roomy(nullptr, 500'000);
  roomy.Apply(operations, true);
  REQUIRE(roomy.fits());
}

}  // namespace
}  // namespace prefixmesh::generations
