// Goal: the block index answers exactly as a naive set of prefixes would.
// Method: random prompts over a tiny alphabet of blocks (so that they share, split and repeat), random announcements
// and retractions from two origins; after every step the answers for every known prompt are compared with the oracle's.
#include "impl/tree/block_index.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <thread>

#include "impl/base/prng.h"
#include "impl/tree/block_hash.h"
#include "tests/impl/tree/block_index_oracle.h"
#include "tests/support/allocations.h"
#include "tests/support/properties.h"

namespace prefixmesh {
namespace {

using test::kBlock;
using test::RequireSameAnswers;
using test::Word;
using Oracle = test::PrefixOracle;

std::string DrawWord() { return test::DrawWord(9); }

TEST_CASE("BlockIndex: answers as a naive set of prefixes does") {
  test::ForAll("any history", [] {
    BlockIndex index({.text_block_bytes = kBlock});
    Oracle oracle;
    std::vector<std::string> words;
    const int steps = *rc::gen::inRange(1, 40);
    for (int step = 0; step < steps; ++step) {
      const std::string word = DrawWord();
      words.push_back(word);
      const Word query(word);
      const auto worker = *rc::gen::inRange<std::uint16_t>(0, 4);
      switch (*rc::gen::weightedElement<int>({{6, 0}, {3, 1}, {2, 2}, {1, 3}, {4, 4}})) {
        case 0:
          index.Insert(query.prompt(), WorkerIndex{worker});
          oracle.Insert(word, worker);
          break;
        case 1:
        case 2: {
          // Announce or retract the leaf and one anchor.
          const auto origin = *rc::gen::inRange<std::uint16_t>(1, 3);
          const auto seq = *rc::gen::inRange<std::uint32_t>(1, 5);
          const std::size_t anchor = *rc::gen::inRange<std::size_t>(0, word.size()) + 1;
          const std::vector<NodeId> ids = {query.ids[anchor - 1], query.ids.back()};
          const bool announce = *rc::gen::arbitrary<bool>();
          if (announce) {
            index.ApplyIds(ids, WorkerIndex{worker}, origin, seq);
            oracle.Announce(word.substr(0, anchor), worker, origin, seq);
            oracle.Announce(word, worker, origin, seq);
          } else {
            index.RetractIds(ids, WorkerIndex{worker}, origin, seq);
            oracle.Retract(word.substr(0, anchor), worker, origin, seq);
            oracle.Retract(word, worker, origin, seq);
          }
          break;
        }
        case 4:
          index.RemovePrefix(query.prompt(), WorkerIndex{worker});
          oracle.RemovePrefix(word, worker);
          break;
        default:
          index.RemoveWorker(WorkerIndex{worker});
          oracle.RemoveWorker(worker);
      }
      for (const std::string& known : words) RequireSameAnswers(index, oracle, known);
      RequireSameAnswers(index, oracle, word + "a");
    }
    for (std::uint16_t worker = 0; worker < 4; ++worker) index.RemoveWorker(WorkerIndex{worker});
    RC_ASSERT(index.Size().nodes == 0u);  // W13: nothing is left that nobody holds
  });
}

TEST_CASE("BlockIndex: larger blocks give the same answers at a coarser grain") {
  test::ForAll("any texts", [](std::uint64_t seed) {
    Prng prng(seed);
    constexpr std::uint32_t kFine = 64;
    const std::uint32_t coarse = kFine * static_cast<std::uint32_t>(2 + prng.Below(7));
    struct Grain {
      std::uint32_t block;
      BlockHasher hasher;
      BlockIndex index;
      explicit Grain(std::uint32_t bytes)
          : block(bytes), hasher({.text_block_bytes = bytes}, "m", Kind::kText), index({.text_block_bytes = bytes}) {}
      // In bytes, by worker; none: nothing of it.
      std::map<std::uint16_t, std::uint64_t> Depths(const std::string& text) {
        const Slices bytes(AsBytes(text));
        std::vector<NodeId> ids;
        hasher.Hash(bytes, ids);
        std::vector<WorkerPrefix> depths;
        index.Depths({Kind::kText, &bytes, ids}, depths);
        std::map<std::uint16_t, std::uint64_t> by_worker;
        for (const WorkerPrefix& depth : depths) by_worker[depth.worker.value] = depth.bytes;
        return by_worker;
      }
      void Insert(const std::string& text, std::uint16_t worker) {
        const Slices bytes(AsBytes(text));
        std::vector<NodeId> ids;
        hasher.Hash(bytes, ids);
        index.Insert({Kind::kText, &bytes, ids}, WorkerIndex{worker});
      }
    };
    Grain fine(kFine), rough(coarse);
    std::vector<std::string> texts = {""};
    for (int step = 0; step < 20; ++step) {
      std::string text = texts[prng.Below(texts.size())];
      text.resize(prng.Below(text.size() + 1));
      const std::size_t tail = prng.Below(2000);
      while (text.size() < tail) text.push_back(static_cast<char>('a' + prng.Below(26)));
      texts.push_back(text);
      const auto worker = static_cast<std::uint16_t>(prng.Below(4));
      fine.Insert(text, worker);
      rough.Insert(text, worker);
      std::map<std::uint16_t, std::uint64_t> expected;
      const std::string& asked = texts[prng.Below(texts.size())];
      for (const auto& [holder, bytes] : fine.Depths(asked))
        if (bytes >= coarse) expected[holder] = bytes / coarse * coarse;
      RC_ASSERT(rough.Depths(asked) == expected);
    }
  });
}

TEST_CASE("BlockIndex: tells by one look-up whether an id is held, wherever a run ends or a peer announced it") {
  BlockIndex index({.text_block_bytes = kBlock});
  const Word longer("abcd"), fork("abx");
  index.Insert(longer.prompt(), WorkerIndex{1});
  REQUIRE(index.Holds(longer.ids[3], WorkerIndex{1}));
  REQUIRE_FALSE(index.Holds(longer.ids[3], WorkerIndex{2}));
  REQUIRE_FALSE(index.Holds(longer.ids[1], WorkerIndex{1}));  // inside the run
  index.Insert(fork.prompt(), WorkerIndex{2});
  REQUIRE(index.Holds(longer.ids[1], WorkerIndex{1}));  // where the run forks now
  REQUIRE(index.Holds(longer.ids[1], WorkerIndex{2}));

  index.ApplyIds(std::vector<NodeId>{longer.ids[2]}, WorkerIndex{3}, 1, 7);
  REQUIRE(index.Holds(longer.ids[2], WorkerIndex{3}));
  index.RetractIds(std::vector<NodeId>{longer.ids[2]}, WorkerIndex{3}, 1, 7);
  REQUIRE_FALSE(index.Holds(longer.ids[2], WorkerIndex{3}));
  REQUIRE_FALSE(index.Holds(NodeId{0}, WorkerIndex{1}));
}

TEST_CASE("BlockIndex: origins, seqs and ids that cannot be are ignored") {
  BlockIndex index({.text_block_bytes = kBlock});
  const std::vector<NodeId> id = {NodeId{5}};
  index.ApplyIds(id, WorkerIndex{1}, 0, 1);  // that is this router
  index.ApplyIds(id, WorkerIndex{1}, BlockIndex::kOriginsMax + 1, 1);
  index.ApplyIds(id, WorkerIndex{1}, 1, 0);
  index.ApplyIds(id, WorkerIndex{1}, 1, 0xffffffff);
  index.ApplyIds(std::vector<NodeId>{NodeId{0}}, WorkerIndex{1}, 1, 1);
  REQUIRE(index.Dump().empty());
  index.ApplyIds(id, WorkerIndex{1}, BlockIndex::kOriginsMax, 0xfffffffe);
  REQUIRE(index.Dump() == std::vector<DumpedEdge>{{NodeId{5}, WorkerIndex{1}, BlockIndex::kOriginsMax, 0xfffffffe}});
}

TEST_CASE("BlockIndex: what could have matched of a prompt are its whole blocks") {
  BlockIndex index({.text_block_bytes = kBlock});
  const std::string text = std::string(3 * kBlock, 'a') + std::string(kBlock / 2, 'b');
  const Slices slices(AsBytes(text));
  std::vector<NodeId> ids;
  BlockHasher({.text_block_bytes = kBlock}, "m", Kind::kText).Hash(slices, ids);
  for (const std::uint64_t known : {0u, 3u})
    index.MatchAndInsert({Kind::kText, &slices, ids}, [&](const TreeMatch& match) {
      CHECK(match.prompt_bytes == 3 * kBlock);
      CHECK(match.matched_bytes == known * kBlock);
      return WorkerIndex{1};
    });
}

TEST_CASE("BlockIndex: says where a chain left what was known, and whether it is news") {
  BlockIndex index({.text_block_bytes = kBlock});
  const auto insert = [&](const std::string& word, std::uint16_t worker) {
    return index.MatchAndInsert(Word(word).prompt(), [&](const TreeMatch&) { return WorkerIndex{worker}; });
  };
  Insertion first = insert("aaaabbbb", 1);
  REQUIRE(first.branch_depth == 0);
  REQUIRE(first.leaf_depth == 8);
  REQUIRE_FALSE(first.repeat);

  const Insertion second = insert("aaaacccc", 1);
  REQUIRE(second.branch_depth == 4);
  REQUIRE_FALSE(second.repeat);

  REQUIRE(insert("aaaabbbb", 1).repeat);        // the same again
  REQUIRE(insert("aaaabb", 1).repeat);          // a prefix of what this worker holds
  REQUIRE_FALSE(insert("aaaabbbb", 2).repeat);  // another worker is news
}

TEST_CASE("BlockIndex: a repeat is announced again when its youngest announcement is in the older half") {
  BlockIndex index({.text_block_bytes = kBlock});
  const Word word("abc");
  const auto insert = [&] {
    return index.MatchAndInsert(word.prompt(), [](const TreeMatch&) { return WorkerIndex{1}; });
  };
  insert();
  index.StampOwn(std::span(word.ids).last(1), WorkerIndex{1}, 10);
  REQUIRE_FALSE(insert().refresh);
  index.SetRefreshMark(0, 10);
  REQUIRE_FALSE(insert().refresh);
  index.SetRefreshMark(0, 11);
  REQUIRE(insert().refresh);
  REQUIRE_FALSE(insert().refresh);  // pending counts as fresh
  index.StampOwn(std::span(word.ids).last(1), WorkerIndex{1}, 12);

  // A peer's younger announcement of the same makes ours unnecessary, until it is old too.
  index.SetRefreshMark(0, 13);
  index.ApplyIds(std::vector<NodeId>{word.ids.back()}, WorkerIndex{1}, 1, 5);
  REQUIRE_FALSE(insert().refresh);
  index.SetRefreshMark(1, 6);
  REQUIRE(insert().refresh);
}

TEST_CASE(
    "BlockIndex: what is left of a run above a removed prefix is no more recent than it was, and stays in budget") {
  BlockIndex index({.budget_bytes = 256 << 10, .text_block_bytes = kBlock});
  Prng prng(9);
  std::vector<std::string> texts;
  for (int i = 0; i < 6000; ++i) {
    std::string text = texts.empty() ? "" : texts[prng.Below(texts.size())].substr(0, prng.Below(20));
    while (text.size() < 30) text.push_back(static_cast<char>('a' + prng.Below(26)));
    index.Insert(Word(text).prompt(), WorkerIndex{static_cast<std::uint16_t>(prng.Below(3))});
    texts.push_back(text);
    const std::string& other = texts[prng.Below(texts.size())];
    index.RemovePrefix(Word(other.substr(0, 1 + prng.Below(other.size()))).prompt(),
                       WorkerIndex{static_cast<std::uint16_t>(prng.Below(3))});
    REQUIRE(index.Size().bytes <= index.Size().budget_bytes);
  }
  REQUIRE(index.Size().forgotten > 100);
}

TEST_CASE("BlockIndex: a prefix that was removed is news when it is placed again") {
  BlockIndex index({.text_block_bytes = kBlock});
  const Word word("abcd"), head("ab");
  const auto insert = [&] {
    return index.MatchAndInsert(word.prompt(), [](const TreeMatch&) { return WorkerIndex{1}; });
  };
  insert();
  index.StampOwn(std::span(word.ids).last(1), WorkerIndex{1}, 10);
  REQUIRE(insert().repeat);
  index.RemovePrefix(Word("abc").prompt(), WorkerIndex{1});
  const Insertion again = insert();
  REQUIRE_FALSE(again.repeat);
  REQUIRE(again.branch_depth == 2);
  REQUIRE(index.Holds(head.ids.back(), WorkerIndex{1}));
  REQUIRE(index.Holds(word.ids.back(), WorkerIndex{1}));
}

// Seed 7661 of the simulator: the edge of the other prompt waited for a seq for ever, and counted as announced.
TEST_CASE("BlockIndex: of two prompts that share a fingerprint, one is not announced with the other") {
  BlockIndex index({.text_block_bytes = kBlock});
  const NodeId first{0x1111'0000'0001}, one{0x2222'0000'0002}, other{0x3333'0000'0002};
  const std::vector<NodeId> ids_of_one = {first, one}, ids_of_other = {first, other};
  index.Insert({Kind::kText, nullptr, ids_of_one}, WorkerIndex{0});
  index.StampOwn(ids_of_one, WorkerIndex{0}, 1, Incarnation{0});
  index.Insert({Kind::kText, nullptr, ids_of_other}, WorkerIndex{1});
  index.StampOwn(ids_of_other, WorkerIndex{1}, 2, Incarnation{0});
  for (const DumpedEdge& edge : index.Dump())
    if (edge.worker == WorkerIndex{1}) REQUIRE((edge.id != one || edge.seq == BlockEdges::kSeqNone));
}

TEST_CASE("BlockIndex: a fully matched request allocates nothing") {
  BlockIndex index({});
  Prng prng(1);
  std::string text;
  for (int i = 0; i < 10000; ++i) {
    const std::uint64_t word = prng.Next();
    text.append(reinterpret_cast<const char*>(&word), 8);
  }
  const Slices slices(AsBytes(text));
  std::vector<NodeId> ids;
  BlockHasher({}, "m", Kind::kText).Hash(slices, ids);
  const Prompt prompt{Kind::kText, &slices, ids};
  const auto route = [&] { index.MatchAndInsert(prompt, [](const TreeMatch&) { return WorkerIndex{3}; }); };
  route();
  route();
  const test::AllocationCount before = test::Allocations();
  for (int i = 0; i < 100; ++i) route();
  REQUIRE(test::Allocations().count == before.count);
}

TEST_CASE("BlockIndex: threads that decide at once leave what they would have left one after the other") {
  BlockIndex index({.text_block_bytes = kBlock});
  constexpr int kThreads = 2, kWords = 300;
  const auto word_of = [](int thread, int i) {
    std::string word = "shared";
    for (int n = i * kThreads + thread; n > 0; n /= 20) word.push_back(static_cast<char>('a' + n % 20));
    return word;
  };
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kWords; ++i)
        index.Insert(Word(word_of(t, i)).prompt(), WorkerIndex{static_cast<std::uint16_t>(t)});
    });
  }
  for (std::thread& thread : threads) thread.join();
  Oracle oracle;
  for (int t = 0; t < kThreads; ++t)
    for (int i = 0; i < kWords; ++i) oracle.Insert(word_of(t, i), static_cast<std::uint16_t>(t));
  for (int t = 0; t < kThreads; ++t)
    for (int i = 0; i < kWords; ++i) {
      std::vector<WorkerPrefix> depths;
      const std::string word = word_of(t, i);
      index.Depths(Word(word).prompt(), depths);
      const auto expected = oracle.Holders(word);
      for (const WorkerPrefix& prefix : depths)
        REQUIRE((prefix.bytes == word.size() * kBlock) == expected.contains(prefix.worker.value));
    }
}

}  // namespace
}  // namespace prefixmesh
