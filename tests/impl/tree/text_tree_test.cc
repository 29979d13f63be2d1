// Goal: the text tree is a set of prompts per worker, however bodies are cut; it forgets oldest first, per tenant.
// Method: random steps against the naive oracle; then the cases that the specification names, by hand.
#include "impl/tree/text_tree.h"

#include <string>

#include "tests/impl/tree/text_tree_oracle.h"

namespace prefixmesh {
namespace {

// Bytes that are no UTF-8, on purpose: bytes are bytes.
const test::TreeUnderTest kText{
    .unit = [](char symbol) { return std::string(1, static_cast<char>(symbol + 0x80)); },
    .make = [](std::uint64_t bytes) -> std::unique_ptr<RadixTree> {
      return std::make_unique<TextTree>(TextTreeOptions{.chars_per_tenant_max = bytes});
    },
    .kind = Kind::kText,
    .ragged_bytes = 0,
};

void Put(TextTree& tree, std::string_view text, std::uint16_t worker) {
  const Slices slices(AsBytes(text));
  tree.Insert({.kind = Kind::kText, .bytes = &slices, .blocks = {}}, {worker});
}

std::vector<WorkerPrefix> Depths(const TextTree& tree, std::string_view text) {
  const Slices slices(AsBytes(text));
  std::vector<WorkerPrefix> found;
  tree.Depths({.kind = Kind::kText, .bytes = &slices, .blocks = {}}, found);
  return found;
}

std::uint64_t Depth(const TextTree& tree, std::string_view text, std::uint16_t worker) {
  for (const WorkerPrefix& prefix : Depths(tree, text)) {
    if (prefix.worker.value == worker) return prefix.bytes;
  }
  return 0;
}

TEST_CASE("TextTree: agrees with a set of prompts") { test::CheckAgainstOracle(kText); }
TEST_CASE("TextTree: removing every worker leaves an empty tree") { test::CheckReturnsToEmpty(kText); }
TEST_CASE("TextTree: evicts oldest first, down to the cap") { test::CheckEviction(kText); }

TEST_CASE("TextTree: a match may end inside an edge, and its holders are all of them (X13)") {
  TextTree tree;
  Put(tree, "shared head, tail one", 3);
  Put(tree, "shared head, tail one", 1);
  const std::string prompt = "shared head, other";
  const Slices slices(AsBytes(prompt));
  const Insertion insertion =
      tree.MatchAndInsert({.kind = Kind::kText, .bytes = &slices, .blocks = {}}, [](const TreeMatch& match) {
        REQUIRE(match.matched_bytes == 13);
        REQUIRE(match.prompt_bytes == 18);
        REQUIRE(match.holders.size() == 2);
        REQUIRE(match.holders[0].value == 1);
        REQUIRE(match.holders[1].value == 3);
        return std::optional(WorkerIndex{2});
      });
  REQUIRE_FALSE(insertion.repeat);
  REQUIRE(Depth(tree, prompt, 2) == 18);
  REQUIRE(Depth(tree, prompt, 1) == 13);
}

TEST_CASE("TextTree: 1,000 prefixes of one worker are gone after it, node count 1 (W13)") {
  TextTree tree;
  for (int i = 0; i < 1000; ++i) Put(tree, "prompt " + std::to_string(i * 7919), 5);
  REQUIRE(tree.Size().nodes > 1000);
  tree.RemoveWorker({5});
  REQUIRE(tree.Size().nodes == 1);
}

TEST_CASE("TextTree: of a removed prefix the worker keeps what is shorter, and others keep all") {
  TextTree tree;
  for (std::uint16_t worker = 1; worker <= 2; ++worker) {
    Put(tree, "shared head, tail one", worker);
    Put(tree, "shared head, tail two", worker);
  }
  const std::string prefix = "shared head, t";
  const Slices slices(AsBytes(prefix));
  tree.RemovePrefix({.kind = Kind::kText, .bytes = &slices, .blocks = {}}, {1});
  REQUIRE(Depth(tree, "shared head, tail one", 1) == 13);
  REQUIRE(Depth(tree, "shared head, tail two", 1) == 13);
  REQUIRE(tree.TenantBytes({1}) == 13);
  REQUIRE(Depth(tree, "shared head, tail one", 2) == 21);
  REQUIRE(Depth(tree, "shared head, tail two", 2) == 21);
}

TEST_CASE("TextTree: each byte of an edge is accounted once, and a repeat costs nothing") {
  TextTree tree;
  const std::string prompt(80'000, 'x');
  Put(tree, prompt, 0);
  const TreeSize once = tree.Size();
  REQUIRE(once.bytes > 80'000);
  REQUIRE(once.bytes < 80'400);
  for (int i = 0; i < 1000; ++i) Put(tree, prompt, 0);
  REQUIRE(tree.Size().bytes == once.bytes);
  // A second tenant of the same text costs one tenant entry, not the text.
  Put(tree, prompt, 1);
  REQUIRE(tree.Size().bytes < once.bytes + 100);
  REQUIRE(tree.TenantBytes({1}) == 80'000);
}

TEST_CASE("TextTree: the cap is chars per tenant; another tenant's excess costs nobody else") {
  TextTree tree({.chars_per_tenant_max = 20});
  Put(tree, "aaaaaaaaaa", 0);
  Put(tree, "bbbbbbbbbb", 0);
  Put(tree, "cccccccccc", 0);
  Put(tree, "aaaaaaaaaa", 1);
  REQUIRE(tree.TenantBytes({0}) == 30);  // nothing is evicted while inserting
  tree.Evict();
  REQUIRE(tree.TenantBytes({0}) == 20);
  REQUIRE(Depth(tree, "aaaaaaaaaa", 0) == 0);
  REQUIRE(Depth(tree, "aaaaaaaaaa", 1) == 10);
  REQUIRE(Depth(tree, "cccccccccc", 0) == 10);
  REQUIRE(tree.Size().forgotten == 1);
  REQUIRE(tree.Size().budget_bytes == 40);
}

TEST_CASE("TextTree: a prompt used again is recent again") {
  TextTree tree({.chars_per_tenant_max = 20});
  for (const char* text : {"aaaaaaaaaa", "bbbbbbbbbb", "cccccccccc", "aaaaaaaaaa"}) Put(tree, text, 0);
  tree.Evict();
  REQUIRE(Depth(tree, "aaaaaaaaaa", 0) == 10);
  REQUIRE(Depth(tree, "bbbbbbbbbb", 0) == 0);
}

TEST_CASE("TextTree: a chain of 2,000 prompts, each one byte longer, is evicted from its end") {
  TextTree tree({.chars_per_tenant_max = 1000});
  std::string prompt;
  for (int i = 0; i < 2'000; ++i) Put(tree, prompt += static_cast<char>(i), 0);
  REQUIRE(tree.Size().nodes == 2'001);
  tree.Evict();
  REQUIRE(tree.TenantBytes({0}) == 1000);
  REQUIRE(Depth(tree, prompt, 0) == 1000);
}

TEST_CASE("TextTree: an empty prompt is matched and not kept") {
  TextTree tree;
  const Slices none;
  const Insertion insertion =
      tree.MatchAndInsert({.kind = Kind::kText, .bytes = &none, .blocks = {}}, [](const TreeMatch& match) {
        REQUIRE(match.prompt_bytes == 0);
        REQUIRE(match.holders.empty());
        return std::optional(WorkerIndex{2});
      });
  REQUIRE(insertion.worker == WorkerIndex{2});
  REQUIRE_FALSE(insertion.repeat);
  REQUIRE(tree.Size().nodes == 1);
}

}  // namespace
}  // namespace prefixmesh
