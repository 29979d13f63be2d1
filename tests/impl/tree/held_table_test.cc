// Goal: the held table and its sets are what a map of sets would be, through growth and back, and give memory back.
#include "impl/tree/held_table.h"

#include <map>
#include <set>

#include "impl/base/prng.h"
#include "tests/support/properties.h"

namespace prefixmesh {
namespace {

using Naive = std::map<std::uint64_t, std::set<std::uint16_t>>;

void RequireSameTable(const HeldTable& table, const HolderSets& sets, const Naive& naive) {
  RC_ASSERT(table.count() == naive.size());
  std::size_t seen = 0;
  table.ForEach([&](NodeId id, HolderSets::Set set) {
    ++seen;
    const auto at = naive.find(id.value);
    RC_ASSERT(at != naive.end());
    std::set<std::uint16_t> members;
    for (const Holder holder : sets.Members(set)) members.insert(holder.value);
    RC_ASSERT(members == at->second);
  });
  RC_ASSERT(seen == naive.size());
  std::set<std::set<std::uint16_t>> different;
  for (const auto& [id, members] : naive) different.insert(members);
  RC_ASSERT(sets.count() == different.size());  // each once, and none that no block has
}

TEST_CASE("HeldTable: any history of holders is a map of sets, each set kept once") {
  test::ForAll("any history", [](std::uint64_t seed) {
    Prng prng(seed);
    HolderSets sets;
    HeldTable table(sets);
    Naive naive;
    const std::uint64_t ids = 1 + prng.Below(2000), holders = 1 + prng.Below(6);
    const bool drains = prng.Below(2) == 0;
    for (int step = 0; step < 4000; ++step) {
      const NodeId id{1 + prng.Below(ids)};
      const Holder holder{static_cast<std::uint16_t>(prng.Below(holders))};
      const HolderSets::Set before = table.Find(id);
      if (prng.Below(10) < (drains && step > 2000 ? 2u : 7u)) {
        table.Put(id, sets.With(before, holder));
        naive[id.value].insert(holder.value);
      } else {
        table.Put(id, sets.Without(before, holder));
        if (const auto at = naive.find(id.value); at != naive.end()) {
          at->second.erase(holder.value);
          if (at->second.empty()) naive.erase(at);
        }
      }
    }
    RequireSameTable(table, sets, naive);
    for (std::uint64_t id = 1; id <= ids; ++id) RC_ASSERT((table.Find(NodeId{id}) != 0) == (naive.count(id) > 0));
  });
}

TEST_CASE("HeldTable: a block costs at most 24 bytes while a million come, and nothing is kept when they went") {
  HolderSets sets;
  HeldTable table(sets);
  const std::uint64_t empty = table.bytes();
  const HolderSets::Set one = sets.With(HolderSets::kEmpty, Holder{1});
  Prng prng(1);
  constexpr std::uint64_t kBlocks = 1'000'000;
  for (std::uint64_t i = 1; i <= kBlocks; ++i) {
    table.Put(NodeId{i}, one);
    if (i >= 50'000 && i % 10'000 == 0) REQUIRE(table.bytes() <= i * 24);
  }
  CHECK(table.count() == kBlocks);
  for (std::uint64_t i = 1; i <= kBlocks; ++i) REQUIRE(table.Find(NodeId{i}) == one);
  for (std::uint64_t i = 1; i <= kBlocks; ++i) table.Put(NodeId{i}, HolderSets::kEmpty);
  CHECK(table.count() == 0);
  CHECK(sets.count() == 0);
  CHECK(table.bytes() <= empty + (256u << 10));
}

TEST_CASE("HeldTable: a walk from home to home, round after round, reaches every block whatever comes and goes") {
  test::ForAll("any history", [](std::uint64_t seed) {
    Prng prng(seed);
    HolderSets sets;
    HeldTable table(sets);
    const Holder dead{1}, alive{2};
    for (std::uint64_t i = 1; i <= 3000; ++i)
      table.Put(NodeId{i}, sets.With(HolderSets::kEmpty, i % 3 == 0 ? dead : alive));
    std::uint64_t hand = 0, rounds = 0;
    const auto holds_dead = [&] {
      bool any = false;
      table.ForEach([&](NodeId, HolderSets::Set set) { any = any || sets.Contains(set, dead); });
      return any;
    };
    for (; rounds < 20 && (rounds == 0 || holds_dead());) {
      table.Rewrite(hand, [&](HolderSets::Set set) { return sets.Without(set, dead); });
      for (int i = 0; i < 3; ++i) {  // of the living, in both directions
        const NodeId id{1 + prng.Below(6000)};
        const HolderSets::Set before = table.Find(id);
        if (sets.Contains(before, dead)) continue;
        table.Put(id, prng.Below(2) == 0 ? sets.With(before, alive) : HolderSets::kEmpty);
      }
      if (++hand >= table.homes()) {
        hand = 0;
        ++rounds;
      }
    }
    RC_ASSERT(!holds_dead());
  });
}

}  // namespace
}  // namespace prefixmesh
