// Goal: the block index stays within its budget whatever comes, drops what was used least recently, and accounts for
// what it takes. Method: more than fits, counted against the index's own figures and the heap's.
#include <algorithm>
#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <vector>

#include "impl/base/prng.h"
#include "impl/tree/block_index.h"
#include "tests/impl/tree/block_index_oracle.h"
#include "tests/support/allocations.h"

namespace prefixmesh {
namespace {

using test::kBlock;
using test::Word;

TEST_CASE("BlockIndex: what the budget drops is counted: runs of our own apart from what peers announced") {
  constexpr std::uint64_t kBudget = 256 << 10;
  BlockIndex index({.budget_bytes = kBudget, .text_block_bytes = kBlock});
  REQUIRE(index.Size().forgotten == 0);
  constexpr std::uint32_t kAnnounced = 5000;
  for (std::uint32_t i = 0; i < kAnnounced; ++i)
    index.ApplyIds(std::vector<NodeId>{NodeId{Mix64(i) | 1}}, WorkerIndex{2}, 1, i + 1);
  REQUIRE(index.ForgottenCounts().runs == 0);
  REQUIRE(index.ForgottenCounts().announced == kAnnounced - index.Dump().size());
  REQUIRE(index.ForgottenCounts().announced > 0);

  const std::uint64_t announced = index.Dump().size();
  Prng prng(3);
  constexpr std::uint64_t kPrompts = 3000;
  const Slices none;
  for (std::uint64_t i = 0; i < kPrompts; ++i) {
    std::vector<NodeId> ids;
    for (int b = 0; b < 40; ++b) ids.push_back(NodeId{prng.Next() | 1});
    index.Insert({Kind::kText, &none, ids}, WorkerIndex{1});
  }
  REQUIRE(index.ForgottenCounts().runs == kPrompts - index.Size().nodes);
  REQUIRE(index.ForgottenCounts().runs > 0);
  REQUIRE(index.Size().forgotten == index.ForgottenCounts().runs + index.ForgottenCounts().announced);
  // Runs do not push out what was announced: its quarter is its own.
  REQUIRE(index.Dump().size() == announced + index.Size().nodes);
}

TEST_CASE("BlockIndex: stays in its budget at every step and forgets the least recently used first") {
  BlockIndex index({.budget_bytes = 256 << 10, .text_block_bytes = kBlock});
  Prng prng(5);
  const std::string kept_text = "kept prompt kept prompt kept prompt kept prompt kept prompt!";
  const Word kept(kept_text);
  for (int i = 0; i < 3000; ++i) {
    std::string text;
    for (int b = 0; b < 40; ++b) text.push_back(static_cast<char>('a' + prng.Below(26)));
    index.Insert(Word(text).prompt(), WorkerIndex{static_cast<std::uint16_t>(i % 5)});
    index.Insert(kept.prompt(), WorkerIndex{1});
    REQUIRE(index.Size().bytes <= index.Size().budget_bytes);
  }
  REQUIRE(index.Size().forgotten > 1000);
  std::vector<WorkerPrefix> depths;
  index.Depths(kept.prompt(), depths);
  const auto holder = std::find_if(depths.begin(), depths.end(),
                                   [](const WorkerPrefix& prefix) { return prefix.worker == WorkerIndex{1}; });
  REQUIRE(holder != depths.end());
  REQUIRE(holder->bytes == kept_text.size() * kBlock);
}

TEST_CASE("BlockIndex: what a model and kind takes is counted for it, through splits, evictions and removals") {
  BlockIndex index({.budget_bytes = 256 << 10, .text_block_bytes = kBlock});
  Prng prng(6);
  const auto sum = [&] {
    BlockIndex::ScopeSize all;
    for (std::uint16_t scope = 0; scope < 3; ++scope) {
      all.nodes += index.SizeOf(scope).nodes;
      all.bytes += index.SizeOf(scope).bytes;
    }
    return all;
  };
  for (int i = 0; i < 2000; ++i) {
    std::string text;
    for (std::uint64_t b = 2 + prng.Below(30); b > 0; --b) text.push_back(static_cast<char>('a' + prng.Below(3)));
    const auto scope = static_cast<std::uint16_t>(prng.Below(3));
    // The first letter keeps scopes apart, as the ids of models and kinds do.
    const Word word(std::string(1, static_cast<char>('x' + scope)) + text);
    Prompt prompt = word.prompt();
    prompt.scope = scope;
    index.Insert(prompt, WorkerIndex{static_cast<std::uint16_t>(i % 2)});
    REQUIRE(sum().nodes == index.Size().nodes);
    REQUIRE(sum().bytes <= index.Size().bytes);
  }
  REQUIRE(index.Size().forgotten > 0);
  index.RemoveWorker(WorkerIndex{0});
  index.RemoveWorker(WorkerIndex{1});
  REQUIRE(sum().nodes == 0);
  REQUIRE(sum().bytes == 0);
}

TEST_CASE("BlockIndex: announced ids are bounded, and one that is used stays") {
  BlockIndex index({.budget_bytes = 256 << 10, .text_block_bytes = kBlock});
  const Word used("used");
  index.ApplyIds(used.ids, WorkerIndex{1}, 1, 1);
  for (std::uint32_t i = 0; i < 20000; ++i) {
    index.ApplyIds(std::vector<NodeId>{NodeId{Mix64(i) | 1}}, WorkerIndex{2}, 1, i + 2);
    if (i % 50 == 0) index.MatchAndInsert(used.prompt(), [](const TreeMatch&) { return std::nullopt; });
    REQUIRE(index.Size().bytes <= index.Size().budget_bytes);
  }
  std::vector<WorkerPrefix> depths;
  index.Depths(used.prompt(), depths);
  REQUIRE(depths.size() == 1);
  REQUIRE(index.Size().forgotten > 10000);
}

TEST_CASE(
    "BlockEdges: when everything is in use, one is forgotten all the same, without a turn around the whole table") {
  BlockEdges edges;
  for (std::uint32_t i = 0; i < 20000; ++i) edges.Apply(NodeId{Mix64(i) | 1}, WorkerIndex{1}, 1, i + 1);
  const std::vector<DumpedEdge> before = edges.Dump();  // in the order of the hand
  REQUIRE(edges.ForgetOne());
  const std::vector<DumpedEdge> after = edges.Dump();
  REQUIRE(after.size() == before.size() - 1);
  for (std::size_t i = 0; i < BlockEdges::kSweepMax; ++i) REQUIRE(after[i] == before[i]);
  REQUIRE(std::find(after.begin(), after.end(), before[BlockEdges::kSweepMax]) == after.end());
  BlockEdges none;
  none.AddOwn(NodeId{7}, WorkerIndex{1}, 1);
  REQUIRE_FALSE(none.ForgetOne());
}

TEST_CASE("BlockIndex: the accounted bytes are the heap's, within two percent") {
  Prng prng(9);
  const test::AllocationCount before = test::Allocations();
  if (before.live_bytes == 0) return;  // AddressSanitizer's allocator does not say
  auto index = std::make_unique<BlockIndex>(BlockIndexOptions{});
  std::vector<std::vector<NodeId>> prompts(3500);
  const test::AllocationCount with_prompts = test::Allocations();
  for (auto& ids : prompts)
    for (int b = 0; b < 312; ++b) ids.push_back(NodeId{prng.Next() | 1});
  const std::uint64_t prompt_bytes = test::Allocations().live_bytes - with_prompts.live_bytes;
  const Slices none;
  for (const auto& ids : prompts) index->Insert({Kind::kText, &none, ids}, WorkerIndex{1});
  if (!test::kCountsAllocations) return;
  const double heap = static_cast<double>(test::Allocations().live_bytes - before.live_bytes - prompt_bytes -
                                          prompts.capacity() * sizeof(prompts[0]));
  const double accounted = static_cast<double>(index->Size().bytes);
  REQUIRE(accounted == Approx(heap).epsilon(0.02));
  REQUIRE(accounted / 3500 < 1600);  // bytes per unique 80k prompt
}

}  // namespace
}  // namespace prefixmesh
