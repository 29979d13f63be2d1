// Goal: of a worker that started a new life nothing is known but what is about that life, in whatever order the two
// were heard.
#include <atomic>
#include <thread>
#include <vector>

#include "impl/tree/block_index.h"
#include "tests/impl/tree/block_index_oracle.h"

namespace prefixmesh {
namespace {

using test::kBlock;
using test::Word;

const WorkerIndex kWorker{1}, kOther{2};

TEST_CASE("BlockIndex: a new life forgets the older one's prefixes, its own and the peers', and no other worker's") {
  BlockIndex index({.text_block_bytes = kBlock});
  const Word word("abcd"), fork("abx");
  index.RaiseIncarnation(kWorker, Incarnation{5});
  index.RaiseIncarnation(kOther, Incarnation{9});
  index.Insert(word.prompt(), kWorker);
  index.Insert(fork.prompt(), kOther);
  index.ApplyIds(word.ids, kWorker, 1, 1, Incarnation{5});
  index.ApplyIds(word.ids, kOther, 1, 2, Incarnation{9});
  index.RaiseIncarnation(kWorker, Incarnation{5});  // known already
  index.RaiseIncarnation(kWorker, Incarnation{4});
  REQUIRE(index.Holds(word.ids[3], kWorker));

  index.RaiseIncarnation(kWorker, Incarnation{6});
  for (const DumpedEdge& edge : index.Dump()) REQUIRE(edge.worker == kOther);
  REQUIRE(index.Holds(word.ids[3], kOther));
  REQUIRE(index.Size().nodes == 2);  // "ab" and "x"
}

TEST_CASE("BlockIndex: what is announced of an older life is refused, and of a newer one raises") {
  BlockIndex index({.text_block_bytes = kBlock});
  const Word word("ab");
  index.ApplyIds(word.ids, kWorker, 1, 1, Incarnation{6});
  index.ApplyIds(word.ids, kWorker, 2, 1, Incarnation{5});
  REQUIRE(index.Dump().size() == 2);
  REQUIRE(index.Dump()[0].origin == 1);
  // The register is told in another step than the announcement: the second of them must not undo the first.
  index.ApplyIds(word.ids, kWorker, 2, 7, Incarnation{8});
  index.RaiseIncarnation(kWorker, Incarnation{8});
  REQUIRE(index.Dump().size() == 2);
  REQUIRE(index.Dump()[0].origin == 2);
}

TEST_CASE("BlockIndex: the seq of an announcement about an older life does not make the new one's count as announced") {
  BlockIndex index({.text_block_bytes = kBlock});
  const Word word("ab");
  index.RaiseIncarnation(kWorker, Incarnation{1});
  index.Insert(word.prompt(), kWorker);
  index.RaiseIncarnation(kWorker, Incarnation{2});
  index.Insert(word.prompt(), kWorker);
  index.StampOwn(word.ids, kWorker, 3, Incarnation{1});
  REQUIRE(index.Dump()[0].seq != 3);
  index.StampOwn(word.ids, kWorker, 4, Incarnation{2});
  REQUIRE(index.Dump()[0].seq == 4);
}

TEST_CASE("BlockIndex: whichever thread is first, nothing of an older life is left") {
  BlockIndex index({.text_block_bytes = kBlock});
  const Word word("abc");
  constexpr std::uint32_t kLives = 3000;
  std::atomic<std::uint32_t> begun{0}, ended{0};
  std::thread loop([&] {
    for (std::uint32_t life = 1; life <= kLives; ++life) {
      while (begun.load() < life) {
      }
      index.ApplyIds(word.ids, kWorker, 1, life, Incarnation{life});
      ended.store(life);
    }
  });
  std::size_t left = 0;
  for (std::uint32_t life = 1; life <= kLives; ++life) {
    begun.store(life);
    index.RaiseIncarnation(kWorker, Incarnation{life + 1});
    while (ended.load() < life) {
    }
    left += index.Dump().size();
  }
  loop.join();
  REQUIRE(left == 0);
}

}  // namespace
}  // namespace prefixmesh
