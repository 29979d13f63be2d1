// Goal: the held index answers exactly as a naive set of (block, worker) would, of what workers told and of what is
// expected of them, and what is over leaves nothing.
// Method: chains that are words over three letters, so that they share, part and repeat; any history of what workers
// tell and of requests, every answer compared with the oracle's after each step.
#include "impl/tree/held_index.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <thread>

#include "impl/base/prng.h"
#include "tests/impl/tree/block_index_oracle.h"
#include "tests/support/allocations.h"
#include "tests/support/properties.h"

namespace prefixmesh {
namespace {

using test::kBlock;
using test::Word;

constexpr std::uint16_t kWorkers = 4;

std::string DrawChain() { return test::DrawWord(9); }
HeldIndexOptions Options() { return {.text_block_bytes = kBlock}; }

// Blocks are named by the word that ends with them.
struct HeldOracle {
  std::map<std::uint16_t, std::set<std::string>> told;
  struct Request {
    std::uint16_t worker;
    std::string word;
    std::set<std::string> awaited;  // its blocks below what was told, until the last is told or all is cleared
  };
  std::map<std::uint32_t, Request> requests;

  bool Has(const std::string& block, std::uint16_t worker) const {
    if (const auto at = told.find(worker); at != told.end() && at->second.count(block) > 0) return true;
    return std::any_of(requests.begin(), requests.end(), [&](const auto& each) {
      return each.second.worker == worker && each.second.awaited.count(block) > 0;
    });
  }
  std::size_t Depth(const std::string& word, std::uint16_t worker) const {
    std::size_t depth = 0;
    while (depth < word.size() && Has(word.substr(0, depth + 1), worker)) ++depth;
    return depth;
  }
  void Tell(const std::string& block, std::uint16_t worker) {
    told[worker].insert(block);
    for (auto& [number, request] : requests)
      if (request.worker == worker && request.word == block) request.awaited.clear();
  }
  BlockSum SumOf(std::uint16_t worker) {
    BlockSum sum;
    for (const std::string& block : told[worker]) sum.Add(Word(block).ids.back());
    return sum;
  }
  void Clear(std::uint16_t worker) {
    told[worker].clear();
    for (auto& [number, request] : requests)
      if (request.worker == worker) request.awaited.clear();
  }
};

void RequireSameHeld(const HeldIndex& index, const HeldOracle& oracle, const std::string& text) {
  const Word word(text);
  std::vector<WorkerPrefix> depths;
  index.Depths(word.prompt(), depths);
  std::map<std::uint16_t, std::size_t> found;
  for (const WorkerPrefix& each : depths) {
    RC_ASSERT(found.count(each.worker.value) == 0u);
    found[each.worker.value] = static_cast<std::size_t>(each.bytes / kBlock);
  }
  for (std::uint16_t worker = 0; worker < kWorkers; ++worker) {
    RC_ASSERT(found[worker] == oracle.Depth(text, worker));
    RC_ASSERT(index.Holds(word.ids.back(), WorkerIndex{worker}) ==
              (oracle.told.count(worker) > 0 && oracle.told.at(worker).count(text) > 0));
  }
}

// What a policy is shown, level by level.
void RequireSameLevels(HeldIndex& index, const HeldOracle& oracle, const std::string& text) {
  const Word word(text);
  std::map<std::uint16_t, std::uint64_t> depths;
  for (std::uint16_t worker = 0; worker < kWorkers; ++worker)
    if (const std::size_t depth = oracle.Depth(text, worker); depth > 0) depths[worker] = depth * kBlock;
  index.MatchAndInsert(word.prompt(), [&](const TreeMatch& match) {
    RC_ASSERT(match.prompt_bytes == text.size() * kBlock);
    test::RequireLevels(match, depths, 2 * kBlock);
    return std::optional<WorkerIndex>();
  });
}

TEST_CASE("HeldIndex: any history of what is told and expected is answered as a set of pairs would") {
  test::ForAll("any history", [] {
    HeldIndex index(Options());
    for (std::uint16_t worker = 0; worker < kWorkers; ++worker) index.SetHeard(WorkerIndex{worker}, true);
    HeldOracle oracle;
    std::vector<std::string> words;
    const int steps = *rc::gen::inRange(1, 60);
    for (int step = 0; step < steps; ++step) {
      const std::string text = DrawChain();
      words.push_back(text);
      const Word word(text);
      const auto worker = *rc::gen::inRange<std::uint16_t>(0, kWorkers);
      switch (*rc::gen::weightedElement<int>({{5, 0}, {3, 1}, {4, 2}, {3, 3}, {1, 4}, {2, 5}})) {
        case 0: {  // a chain, below a parent or from the root
          const std::size_t from = *rc::gen::inRange<std::size_t>(0, text.size());
          const bool orphan = from > 0 && oracle.told[worker].count(text.substr(0, from)) == 0;
          const auto parent = from > 0 ? std::optional<NodeId>(word.ids[from - 1]) : std::nullopt;
          const HeldIndex::Told told =
              index.Store(parent, std::span<const NodeId>(word.ids).subspan(from), WorkerIndex{worker}).told;
          RC_ASSERT(told == (orphan ? HeldIndex::Told::kOrphan : HeldIndex::Told::kTaken));
          for (std::size_t n = from + 1; n <= text.size() && !orphan; ++n) oracle.Tell(text.substr(0, n), worker);
          break;
        }
        case 1: {  // any block of it goes, leaf or not
          const std::size_t at = *rc::gen::inRange<std::size_t>(0, text.size());
          const std::size_t held = index.Remove({&word.ids[at], 1}, WorkerIndex{worker});
          RC_ASSERT(held == oracle.told[worker].erase(text.substr(0, at + 1)));
          break;
        }
        case 2: {  // a request
          const std::size_t known = oracle.Depth(text, worker);
          const Insertion insertion = index.MatchAndInsert(
              word.prompt(), [&](const TreeMatch&) { return std::optional<WorkerIndex>(WorkerIndex{worker}); });
          RC_ASSERT(insertion.repeat == (known == text.size()));
          std::size_t told = 0;
          while (told < text.size() && oracle.told[worker].count(text.substr(0, told + 1)) > 0) ++told;
          RC_ASSERT((insertion.expectation == 0u) == (told == text.size()));
          if (insertion.expectation == 0) break;
          HeldOracle::Request request{worker, text, {}};
          for (std::size_t n = told + 1; n <= text.size(); ++n) request.awaited.insert(text.substr(0, n));
          RC_ASSERT(oracle.requests.emplace(insertion.expectation, request).second);
          break;
        }
        case 3: {  // a request is over
          if (oracle.requests.empty()) break;
          const auto at =
              std::next(oracle.requests.begin(),
                        *rc::gen::inRange<std::ptrdiff_t>(0, static_cast<std::ptrdiff_t>(oracle.requests.size())));
          index.Forget(at->first);
          oracle.requests.erase(at);
          break;
        }
        case 4:
          index.Clear(WorkerIndex{worker});
          oracle.Clear(worker);
          break;
        default:
          (void)index.Sweep();
      }
      for (const std::string& known : words) RequireSameHeld(index, oracle, known);
      RequireSameLevels(index, oracle, text);
      for (std::uint16_t each = 0; each < kWorkers; ++each) {
        RC_ASSERT(index.SumOf(WorkerIndex{each}) == oracle.SumOf(each));
        std::size_t held = 0;
        for (const NodeId id : Word(text).ids) held += index.Holds(id, WorkerIndex{each});
        RC_ASSERT(index.CountHeld(Word(text).ids, WorkerIndex{each}) == held);
      }
    }
    // Nothing is left of what is over.
    for (const auto& [number, request] : oracle.requests) index.Forget(number);
    RC_ASSERT(index.counts().expected == 0u);
    for (std::uint16_t worker = 0; worker < kWorkers; ++worker) index.Clear(WorkerIndex{worker});
    for (int turns = 0; index.Sweep(); ++turns) RC_ASSERT(turns < 1000);
    RC_ASSERT(index.counts().cleared == 0u);
    RC_ASSERT(index.counts().sets == 0u);
    RC_ASSERT(index.Size().nodes == 0u);
  });
}

// A chain of its own for each number.
std::vector<NodeId> Chain(std::uint64_t number, std::size_t blocks) {
  std::vector<NodeId> ids(blocks);
  for (std::size_t i = 0; i < blocks; ++i) ids[i] = NodeId{Mix64(number * 1'000'003 + i) | 1};
  return ids;
}

TEST_CASE("HeldIndex: what finds no room is refused and counted, and what is held stays") {
  HeldIndex index({.budget_bytes = 1u << 20, .text_block_bytes = kBlock});
  std::uint64_t taken = 0, number = 0;
  for (; number < 2000; ++number)
    if (index.Store(std::nullopt, Chain(number, 100), WorkerIndex{1}).told == HeldIndex::Told::kTaken) ++taken;
  CHECK(taken > 100);
  CHECK(taken < number);
  CHECK(index.counts().full > 0);
  CHECK(index.Size().bytes <= (1u << 20) + (128u << 10));  // one turn, and one chunk of buckets
  const auto first = Chain(0, 100);
  CHECK(index.Holds(first.back(), WorkerIndex{1}));
  CHECK(index.Store(std::nullopt, first, WorkerIndex{2}).told == HeldIndex::Told::kTaken);  // known blocks need no room
  index.Clear(WorkerIndex{1});
  while (index.Sweep()) {
  }
  CHECK(index.SumOf(WorkerIndex{2}).blocks == 100);
  CHECK(index.Store(std::nullopt, Chain(number, 100), WorkerIndex{1}).told == HeldIndex::Told::kTaken);
}

TEST_CASE("HeldIndex: a chain at 256 workers costs two bytes a worker and block at most, in any order of telling") {
  HeldIndex index({.budget_bytes = 1u << 30, .text_block_bytes = kBlock});
  constexpr std::size_t kChains = 20, kBlocks = 100, kMany = 256;
  Prng prng(7);
  std::vector<std::pair<std::uint64_t, std::uint16_t>> order;
  for (std::uint64_t chain = 0; chain < kChains; ++chain)
    for (std::uint16_t worker = 0; worker < kMany; ++worker) order.emplace_back(chain, worker);
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[prng.Below(i)]);
  const std::uint64_t before = index.Size().bytes;
  for (const auto& [chain, worker] : order)
    REQUIRE(index.Store(std::nullopt, Chain(chain, kBlocks), WorkerIndex{worker}).told == HeldIndex::Told::kTaken);
  CHECK(index.counts().sets == 1 + kMany);  // and each worker alone
  CHECK(index.Size().bytes - before <= kChains * kBlocks * kMany * 2);
}

TEST_CASE("HeldIndex: what the workers told already is matched and inserted without an allocation") {
  HeldIndex index(Options());
  const Word word("abcabcabcabcabcabc");
  index.Insert(word.prompt(), WorkerIndex{1});
  index.Insert(word.prompt(), WorkerIndex{2});
  const auto choose = [](const TreeMatch& match) { return std::optional<WorkerIndex>(match.holders.front()); };
  (void)index.MatchAndInsert(word.prompt(), choose);
  const std::uint64_t before = test::Allocations().count;
  for (int i = 0; i < 100; ++i) (void)index.MatchAndInsert(word.prompt(), choose);
  CHECK(test::Allocations().count == before);
}

TEST_CASE("HeldIndex: expectations are reused: a placement in steady state allocates nothing") {
  HeldIndex index(Options());
  index.SetHeard(WorkerIndex{3}, true);
  std::vector<Word> words;
  for (const char* text : {"aaaabbbb", "aaaacccc", "bbbbaaaa", "ccccaaaa"}) words.emplace_back(text);
  const auto round = [&] {
    for (const Word& word : words)
      index.Forget(index
                       .MatchAndInsert(word.prompt(),
                                       [](const TreeMatch&) { return std::optional<WorkerIndex>(WorkerIndex{3}); })
                       .expectation);
  };
  for (int i = 0; i < 10; ++i) round();
  const std::uint64_t before = test::Allocations().count;
  for (int i = 0; i < 100; ++i) round();
  CHECK(test::Allocations().count == before);
}

TEST_CASE("HeldIndex: of a worker that tells nothing, nothing is expected") {
  HeldIndex index(Options());
  const Word word("abcabc");
  const auto place = [&] {
    return index.MatchAndInsert(word.prompt(),
                                [](const TreeMatch&) { return std::optional<WorkerIndex>(WorkerIndex{1}); });
  };
  CHECK(place().expectation == 0);
  index.SetHeard(WorkerIndex{1}, true);
  CHECK(place().expectation != 0);
  index.SetHeard(WorkerIndex{1}, false);
  CHECK(place().expectation == 0);
}

TEST_CASE("HeldIndex: long prompts that were awaited take no room from what is told") {
  HeldIndex index({.budget_bytes = 4u << 20, .text_block_bytes = kBlock});
  index.SetHeard(WorkerIndex{1}, true);
  std::vector<HeldIndex::Expectation> all;
  for (std::uint64_t i = 0; i < 100; ++i) {
    const auto chain = Chain(i, 8192);
    const Prompt prompt{Kind::kText, nullptr, chain};
    all.push_back(
        index.MatchAndInsert(prompt, [](const TreeMatch&) { return std::optional<WorkerIndex>(WorkerIndex{1}); })
            .expectation);
  }
  CHECK(std::count(all.begin(), all.end(), 0u) > 0);  // some found no room
  for (const HeldIndex::Expectation each : all) index.Forget(each);
  CHECK(index.Size().bytes < 2u << 20);
  CHECK(index.Store(std::nullopt, Chain(100, 1000), WorkerIndex{1}).told == HeldIndex::Told::kTaken);
}

TEST_CASE("HeldIndex: what stands below a block that found no room is no orphan, until the worker is cleared") {
  HeldIndex index({.budget_bytes = 1u << 20, .text_block_bytes = kBlock});
  std::uint64_t number = 0;
  while (index.Store(std::nullopt, Chain(number, 100), WorkerIndex{1}).told == HeldIndex::Told::kTaken) ++number;
  const auto refused = Chain(number + 1, 100), below = Chain(number + 2, 10);
  (void)index.Store(std::nullopt, refused, WorkerIndex{1});
  CHECK(index.Store(refused.back(), below, WorkerIndex{1}).told == HeldIndex::Told::kFull);
  CHECK(index.counts().orphans == 0);
  index.Clear(WorkerIndex{1});
  CHECK(index.Store(refused.back(), below, WorkerIndex{1}).told == HeldIndex::Told::kOrphan);
}

TEST_CASE("HeldIndex: new holders of known blocks cannot grow the sets without bound") {
  HeldIndex index({.budget_bytes = 1u << 20, .text_block_bytes = kBlock});
  std::vector<NodeId> blocks;
  for (std::uint64_t number = 0; index.counts().full == 0; ++number) {
    const auto chain = Chain(number, 100);
    (void)index.Store(std::nullopt, chain, WorkerIndex{0});
    blocks.insert(blocks.end(), chain.begin(), chain.end());
  }
  Prng prng(5);
  for (int i = 0; i < 200'000; ++i)  // each block gets holders of its own
    (void)index.Store(std::nullopt, {&blocks[prng.Below(blocks.size())], 1},
                      WorkerIndex{static_cast<std::uint16_t>(prng.Below(500))});
  CHECK(index.Size().bytes <= (1u << 20) + (1u << 17) + (128u << 10));
}

TEST_CASE("HeldIndex: requests, what workers tell, clears and sweeps meet on threads") {
  HeldIndex index(Options());
  for (std::uint16_t worker = 0; worker < 3; ++worker) index.SetHeard(WorkerIndex{worker}, true);
  constexpr int kRounds = 3000;
  const auto teller = [&](std::uint16_t worker) {
    Prng prng(worker);
    for (int i = 0; i < kRounds; ++i) {
      const auto chain = Chain(prng.Below(20), 1 + prng.Below(40));
      if (prng.Below(4) == 0) {
        (void)index.Remove(chain, WorkerIndex{worker});
      } else {
        (void)index.Store(std::nullopt, chain, WorkerIndex{worker});
      }
      if (prng.Below(200) == 0) index.Clear(WorkerIndex{worker});
    }
  };
  std::thread first(teller, std::uint16_t{0}), second(teller, std::uint16_t{1});
  std::thread sweeper([&] {
    for (int i = 0; i < kRounds; ++i) (void)index.Sweep();
  });
  Prng prng(9);
  for (int i = 0; i < kRounds; ++i) {
    const auto chain = Chain(prng.Below(20), 40);
    const Prompt prompt{Kind::kText, nullptr, chain};
    index.Forget(index
                     .MatchAndInsert(prompt,
                                     [&](const TreeMatch& match) {
                                       return std::optional<WorkerIndex>(match.holders.empty() ? WorkerIndex{2}
                                                                                               : match.holders.back());
                                     })
                     .expectation);
  }
  first.join();
  second.join();
  sweeper.join();
  CHECK(index.counts().expected == 0);
  for (std::uint16_t worker = 0; worker < 3; ++worker) index.Clear(WorkerIndex{worker});
  while (index.Sweep()) {
  }
  CHECK(index.Size().nodes == 0);
}

}  // namespace
}  // namespace prefixmesh
