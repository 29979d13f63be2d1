// Goal: a text tree that was taken out whole and put into another adds exactly what it held. Method: random trees, each
// held against the prompts that were inserted; then damage by hand: nodes that nobody holds, edges of no length.
#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "impl/tree/text_tree.h"
#include "tests/support/properties.h"

namespace prefixmesh {
namespace {

using Prompts = std::vector<std::pair<std::string, std::uint16_t>>;

struct Copy {
  std::string edge;
  std::vector<RadixTree::Tenant> tenants;
  std::uint32_t child_count = 0;
};

std::vector<Copy> Walk(const TextTree& tree) {
  std::vector<Copy> nodes;
  tree.Walk([&](const TextTree::WholeNode& node) {
    nodes.push_back({std::string(node.edge), {node.tenants.begin(), node.tenants.end()}, node.child_count});
  });
  return nodes;
}

void Merge(TextTree& tree, const std::vector<Copy>& nodes) {
  std::vector<TextTree::WholeNode> views;
  for (const Copy& node : nodes) views.push_back({node.edge, node.tenants, node.child_count});
  auto next = views.begin();
  tree.Merge([&](TextTree::WholeNode& whole) {
    if (next == views.end()) return false;
    whole = *next++;
    return true;
  });
}

void Insert(TextTree& tree, const Prompts& prompts) {
  for (const auto& [prompt, worker] : prompts) {
    const Slices slices(AsBytes(prompt));
    tree.Insert({.kind = Kind::kText, .bytes = &slices, .blocks = {}}, {worker});
  }
}

std::map<std::uint16_t, std::uint64_t> DepthsOf(const TextTree& tree, const std::string& prompt) {
  const Slices slices(AsBytes(prompt));
  std::vector<WorkerPrefix> found;
  tree.Depths({.kind = Kind::kText, .bytes = &slices, .blocks = {}}, found);
  std::map<std::uint16_t, std::uint64_t> depths;
  for (const WorkerPrefix& prefix : found) depths[prefix.worker.value] = prefix.bytes;
  return depths;
}

std::map<std::uint16_t, std::uint64_t> Expected(const Prompts& prompts, const std::string& asked) {
  std::map<std::uint16_t, std::uint64_t> depths;
  for (const auto& [prompt, worker] : prompts) {
    const auto [left, right] = std::mismatch(prompt.begin(), prompt.end(), asked.begin(), asked.end());
    const auto common = static_cast<std::uint64_t>(left - prompt.begin());
    if (common > 0) depths[worker] = std::max(depths[worker], common);
  }
  return depths;
}

Prompts DrawPrompts() {
  const auto symbols = rc::gen::container<std::string>(rc::gen::element('a', 'b'));
  return *rc::gen::container<Prompts>(rc::gen::pair(symbols, rc::gen::inRange<std::uint16_t>(0, 4)));
}

TEST_CASE("TextTree: merged with another's nodes it holds what both held, in the bytes that one tree of it takes") {
  test::ForAll("walk and merge", [] {
    const Prompts here = DrawPrompts(), there = DrawPrompts();
    TextTree tree, other, both;
    Insert(tree, here);
    Insert(other, there);
    Merge(tree, Walk(other));
    Prompts all = here;
    all.insert(all.end(), there.begin(), there.end());
    Insert(both, all);
    for (const auto& [prompt, worker] : all) RC_ASSERT(DepthsOf(tree, prompt) == Expected(all, prompt));
    RC_ASSERT(tree.Size().nodes == both.Size().nodes);
    for (std::uint16_t worker = 0; worker < 4; ++worker)
      RC_ASSERT(tree.TenantBytes({worker}) == both.TenantBytes({worker}));
    const TreeSize once = tree.Size();
    Merge(tree, Walk(other));
    RC_ASSERT(tree.Size().bytes == once.bytes);  // a second time is no news
    for (std::uint16_t worker = 0; worker < 4; ++worker) tree.RemoveWorker({worker});
    RC_ASSERT(tree.Size().nodes == 1u);
  });
}

TEST_CASE("TextTree: its nodes come in pre-order, the root with everybody, epochs where prompts ended") {
  TextTree tree;
  Insert(tree, {{"head one", 2}, {"head two", 1}});
  const std::vector<Copy> nodes = Walk(tree);
  REQUIRE(nodes.size() == 4);
  REQUIRE(nodes[0].edge.empty());
  REQUIRE(nodes[0].child_count == 1);
  REQUIRE(nodes[0].tenants.size() == 2);
  REQUIRE(nodes[1].edge == "head ");
  REQUIRE(nodes[1].child_count == 2);
  REQUIRE(nodes[2].edge == "one");
  REQUIRE(nodes[2].tenants.at(0).epoch == 1);
  REQUIRE(nodes[3].edge == "two");
  REQUIRE(nodes[3].tenants.at(0).worker.value == 1);
  REQUIRE(nodes[3].tenants.at(0).epoch == 2);
  TextTree other;
  Merge(other, nodes);
  Merge(other, {{"", {}, 1}, {"head two", {{{1}, 9}}, 0}});
  REQUIRE(Walk(other).at(3).tenants.at(0).epoch == 9);  // the larger of both
}

TEST_CASE("TextTree: what nobody holds is not kept, and a holder is added on the way down") {
  TextTree tree;
  Merge(tree, {{"", {}, 2}, {"a", {}, 1}, {"", {}, 1}, {"bc", {}, 0}, {"x", {}, 1}, {"yz", {{{7}, 1}}, 0}});
  REQUIRE(DepthsOf(tree, "abc").empty());
  REQUIRE(DepthsOf(tree, "x").at(7) == 1);
  REQUIRE(DepthsOf(tree, "xyz").at(7) == 3);
  REQUIRE(tree.Size().nodes == 3);
  tree.RemoveWorker({7});
  REQUIRE(tree.Size().nodes == 1);
}

}  // namespace
}  // namespace prefixmesh
