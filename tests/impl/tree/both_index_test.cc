// Goal: an index of both answers of each worker as that one of the two does that speaks for it: the held index of those
// that are heard, the block index of the others; level by level, whatever was told, routed and announced of whom.
#include "impl/tree/both_index.h"

#include <catch2/catch.hpp>
#include <map>

#include "tests/impl/tree/block_index_oracle.h"
#include "tests/support/properties.h"

namespace prefixmesh {
namespace {

using test::kBlock;
using test::Word;

constexpr std::uint16_t kBothWorkers = 5;
constexpr std::uint16_t kAnnouncer = 1;

struct TwoIndexes {
  HeldIndex held{{.text_block_bytes = kBlock}};
  BlockIndex routed{{.text_block_bytes = kBlock}};
  BothIndex both{held, routed};

  std::map<std::uint16_t, std::uint64_t> DepthsIn(const PrefixTree& tree, const Word& word) const {
    std::vector<WorkerPrefix> out;
    tree.Depths(word.prompt(), out);
    std::map<std::uint16_t, std::uint64_t> depths;
    for (const WorkerPrefix& each : out)
      if (each.bytes > 0) depths[each.worker.value] = each.bytes;
    return depths;
  }
  // Of each worker by the one that speaks for it.
  std::map<std::uint16_t, std::uint64_t> Expected(const Word& word) const {
    std::map<std::uint16_t, std::uint64_t> expected;
    for (const auto& [worker, bytes] : DepthsIn(held, word))
      if (held.heard(WorkerIndex{worker})) expected[worker] = bytes;
    for (const auto& [worker, bytes] : DepthsIn(routed, word))
      if (!held.heard(WorkerIndex{worker})) expected[worker] = bytes;
    return expected;
  }
};

TEST_CASE("BothIndex: each worker is believed by the one index that speaks for it, at every level") {
  test::ForAll("any history", [] {
    TwoIndexes index;
    std::uint32_t seq = 1;
    const int steps = *rc::gen::inRange(1, 50);
    for (int step = 0; step < steps; ++step) {
      const Word word(test::DrawWord(9));
      const WorkerIndex worker{*rc::gen::inRange<std::uint16_t>(0, kBothWorkers)};
      switch (*rc::gen::inRange(0, 6)) {
        case 0:
          index.held.SetHeard(worker, *rc::gen::arbitrary<bool>());
          break;
        case 1:
          (void)index.held.Store(std::nullopt, word.ids, worker);
          break;
        case 2:
          (void)index.held.Remove({&word.ids.back(), 1}, worker);
          break;
        case 3:
          index.routed.ApplyIds({&word.ids.back(), 1}, worker, kAnnouncer, seq++);
          break;
        case 4:
          index.both.Insert(word.prompt(), worker);
          break;
        default: {
          const auto before = index.Expected(word);
          const Insertion insertion = index.both.MatchAndInsert(
              word.prompt(), [&](const TreeMatch&) { return std::optional<WorkerIndex>(worker); });
          std::uint64_t deepest = 0;
          for (const auto& [who, bytes] : before) deepest = std::max(deepest, bytes);
          RC_ASSERT(insertion.worker == worker);
          RC_ASSERT(insertion.matched_bytes == deepest);
          // Believed of it from here on, by whichever speaks for it.
          RC_ASSERT(index.Expected(word)[worker.value] == word.ids.size() * kBlock);
          if (*rc::gen::arbitrary<bool>()) {
            index.held.Forget(insertion.expectation);
            if (index.held.heard(worker)) RC_ASSERT(index.Expected(word) == before);
          }
        }
      }
      const Word asked(test::DrawWord(9));
      const auto expected = index.Expected(asked);
      RC_ASSERT(index.DepthsIn(index.both, asked) == expected);
      const std::uint64_t bytes_min = *rc::gen::inRange<std::uint64_t>(1, 3 * kBlock);
      (void)index.both.MatchAndInsert(asked.prompt(), [&](const TreeMatch& match) {
        RC_ASSERT(match.prompt_bytes == asked.ids.size() * kBlock);
        if (expected.empty()) RC_ASSERT(match.holders.empty());
        test::RequireLevels(match, expected, bytes_min);
        return std::optional<WorkerIndex>();
      });
    }
  });
}

TEST_CASE("BothIndex: what is chosen is a placement for the mesh, of workers that are heard as well") {
  TwoIndexes index;
  index.held.SetHeard(WorkerIndex{1}, true);
  const Word word("abab");
  const auto choose = [&](std::uint16_t worker) {
    return index.both.MatchAndInsert(word.prompt(),
                                     [&](const TreeMatch&) { return std::optional<WorkerIndex>(WorkerIndex{worker}); });
  };
  for (const std::uint16_t worker : {std::uint16_t{1}, std::uint16_t{2}}) {
    const Insertion first = choose(worker), again = choose(worker);
    CHECK_FALSE(first.repeat);
    CHECK(again.repeat);
    CHECK((first.expectation != 0) == (worker == 1));
  }
  CHECK(index.both.Size().nodes > 0);
  index.both.RemoveWorker(WorkerIndex{1});
  index.both.RemoveWorker(WorkerIndex{2});
  CHECK(index.Expected(word).empty());
}

}  // namespace
}  // namespace prefixmesh
