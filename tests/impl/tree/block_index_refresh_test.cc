// Goal: a prompt that is used again is announced again before the mesh forgets it, and not while the mesh knows it; the
// same of the branch at which a new prompt leaves a known one.
// Method: random placements, announcements of two peers, rounds that collect and windows that move on; a list of all
// announcements says whether one that names the prompt, or something longer of the same worker, is still young.
#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "impl/tree/block_index.h"
#include "tests/impl/tree/block_index_oracle.h"

namespace prefixmesh {
namespace {

using test::kBlock;
using test::Word;

std::vector<NodeId> Leaf(const std::string& word) { return {Word(word).ids.back()}; }

Insertion Place(BlockIndex& index, const std::string& word, std::uint16_t worker) {
  return index.MatchAndInsert(Word(word).prompt(), [&](const TreeMatch&) { return WorkerIndex{worker}; });
}

// All that was ever announced, and what of it is young.
class Announcements {
 public:
  static constexpr std::uint32_t kPending = 0xffffffff;
  struct Entry {
    std::string chain;
    std::uint16_t worker = 0;
    std::uint16_t origin = 0;
    std::uint32_t seq = 0;
    std::string branch = {};  // named as well, unless empty
    bool Names(const std::string& word) const { return chain == word || (branch == word && !word.empty()); }
  };
  void Add(const Entry& entry) { entries_.push_back(entry); }
  void MoveMark(std::uint16_t origin, std::uint32_t seq) { marks_[origin] = seq; }
  void RemoveWorker(std::uint16_t worker) {
    std::erase_if(entries_, [&](const Entry& entry) { return entry.worker == worker; });
  }
  // Gives what is pending its seq; calls stamp(entry).
  template <typename F>
  void Collect(std::uint32_t& next_seq, F&& stamp) {
    for (Entry& entry : entries_) {
      if (entry.seq != kPending) continue;
      entry.seq = next_seq++;
      stamp(entry);
    }
  }
  bool Names(const std::string& word, std::uint16_t worker) const {
    return Any([&](const Entry& entry) { return entry.worker == worker && entry.Names(word); });
  }
  bool NamesYoung(const std::string& word, std::uint16_t worker) const {
    return Any([&](const Entry& entry) { return entry.worker == worker && entry.Names(word) && Young(entry); });
  }
  // Only where a run of this router ends is its announcement of a branch kept, so that one may be said again.
  bool EndsYoung(const std::string& word, std::uint16_t worker) const {
    return Any([&](const Entry& entry) { return entry.worker == worker && entry.chain == word && Young(entry); });
  }
  bool CoversYoung(const std::string& word, std::uint16_t worker) const {
    return Any(
        [&](const Entry& entry) { return entry.worker == worker && entry.chain.starts_with(word) && Young(entry); });
  }

 private:
  bool Young(const Entry& entry) const { return entry.seq >= marks_[entry.origin]; }
  template <typename F>
  bool Any(F&& f) const {
    return std::any_of(entries_.begin(), entries_.end(), f);
  }
  std::vector<Entry> entries_;
  std::array<std::uint32_t, 3> marks_{};
};

TEST_CASE(
    "BlockIndex: a repeat is silent only while something young covers it, and speaks only when nothing names it") {
  test::ForAll("any history", [] {
    BlockIndex index({.text_block_bytes = kBlock});
    test::PrefixOracle holders;
    Announcements announcements;
    std::array<std::uint32_t, 3> next_seq = {1, 1, 1};
    const int steps = *rc::gen::inRange(1, 60);
    for (int step = 0; step < steps; ++step) {
      const std::string word = test::DrawWord(9);
      const auto worker = *rc::gen::inRange<std::uint16_t>(0, 3);
      const auto origin = *rc::gen::inRange<std::uint16_t>(0, 3);
      switch (*rc::gen::weightedElement<int>({{12, 0}, {3, 1}, {3, 2}, {3, 3}, {1, 4}})) {
        case 0: {
          const bool held = holders.Holders(word).contains(worker);
          const Insertion placed = Place(index, word, worker);
          RC_ASSERT(placed.repeat == held);
          RC_ASSERT(placed.repeat || !placed.refresh);
          if (placed.repeat && !placed.refresh) RC_ASSERT(announcements.CoversYoung(word, worker));
          if (placed.refresh) RC_ASSERT(!announcements.EndsYoung(word, worker));
          const std::string branch = word.substr(0, placed.branch_depth);
          if (placed.branch == Announcement::kFresh) RC_ASSERT(announcements.NamesYoung(branch, worker));
          if (placed.branch != Announcement::kNone) RC_ASSERT(announcements.Names(branch, worker));
          holders.Insert(word, worker);
          if (placed.repeat && !placed.refresh) break;
          announcements.Add({word, worker, 0, Announcements::kPending,
                             placed.branch == Announcement::kFresh ? std::string() : branch});
          RC_ASSERT(!Place(index, word, worker).refresh);  // what is pending is not announced twice
          break;
        }
        case 1: {  // a round
          announcements.Collect(next_seq[0], [&](const Announcements::Entry& entry) {
            std::vector<NodeId> ids = Leaf(entry.chain);
            if (!entry.branch.empty()) ids.push_back(Leaf(entry.branch)[0]);
            index.StampOwn(ids, WorkerIndex{entry.worker}, entry.seq);
          });
          break;
        }
        case 2: {  // a window moves on: all of it may be old
          const std::uint32_t mark = *rc::gen::inRange<std::uint32_t>(0, next_seq[origin] + 1);
          index.SetRefreshMark(origin, mark);
          announcements.MoveMark(origin, mark);
          break;
        }
        case 3: {
          if (origin == 0) break;
          const std::uint32_t seq = next_seq[origin]++;
          index.ApplyIds(Leaf(word), WorkerIndex{worker}, origin, seq);
          announcements.Add({word, worker, origin, seq});
          holders.Announce(word, worker, origin, seq);
          break;
        }
        default:
          index.RemoveWorker(WorkerIndex{worker});
          announcements.RemoveWorker(worker);
          holders.RemoveWorker(worker);
      }
    }
    for (std::uint16_t worker = 0; worker < 3; ++worker) index.RemoveWorker(WorkerIndex{worker});
    RC_ASSERT(index.Size().nodes == 0u);
    RC_ASSERT(index.Dump().empty());
  });
}

TEST_CASE("BlockIndex: a prompt that ends inside a run is announced again when the run's announcement is old") {
  BlockIndex index({.text_block_bytes = kBlock});
  Place(index, "abcdef", 1);
  index.StampOwn(Leaf("abcdef"), WorkerIndex{1}, 10);
  index.SetRefreshMark(0, 10);
  REQUIRE(Place(index, "abc", 1).repeat);
  REQUIRE_FALSE(Place(index, "abc", 1).refresh);  // the longer one is young and says this too
  REQUIRE(index.Size().nodes == 1);               // and costs nothing

  index.SetRefreshMark(0, 11);
  const Insertion again = Place(index, "abc", 1);
  REQUIRE(again.repeat);
  REQUIRE(again.refresh);
  REQUIRE_FALSE(Place(index, "abc", 1).refresh);  // pending
  index.StampOwn(Leaf("abc"), WorkerIndex{1}, 12);
  REQUIRE_FALSE(Place(index, "abc", 1).refresh);
  index.SetRefreshMark(0, 13);
  REQUIRE(Place(index, "abc", 1).refresh);
  REQUIRE(Place(index, "abcdef", 1).refresh);  // the longer one is still old
}

TEST_CASE("BlockIndex: says what the mesh was told of the worker at the branch") {
  BlockIndex index({.text_block_bytes = kBlock});
  Place(index, "abcdef", 1);
  index.StampOwn(Leaf("abcdef"), WorkerIndex{1}, 10);
  REQUIRE(Place(index, "abcx", 1).branch == Announcement::kNone);  // held, but its id was never told
  index.StampOwn(std::vector<NodeId>{Leaf("abc")[0], Leaf("abcx")[0]}, WorkerIndex{1}, 11);
  REQUIRE(Place(index, "abcy", 1).branch == Announcement::kFresh);
  REQUIRE(Place(index, "abcz", 2).branch == Announcement::kNone);  // another worker's says nothing of this one
  index.SetRefreshMark(0, 12);
  REQUIRE(Place(index, "abcu", 1).branch == Announcement::kOld);
  index.ApplyIds(Leaf("abc"), WorkerIndex{1}, 1, 5);  // a peer tells the same
  REQUIRE(Place(index, "abcv", 1).branch == Announcement::kFresh);
  index.RemoveWorker(WorkerIndex{1});
  REQUIRE(Place(index, "abcw", 1).branch == Announcement::kNone);
}

TEST_CASE("BlockIndex: a peer's young announcement of the run, or of the prompt itself, keeps a repeat silent") {
  BlockIndex index({.text_block_bytes = kBlock});
  Place(index, "abcdef", 1);
  index.StampOwn(Leaf("abcdef"), WorkerIndex{1}, 10);
  index.SetRefreshMark(0, 11);
  const auto announce = [&](const std::string& word, std::uint16_t worker, std::uint32_t seq) {
    index.ApplyIds(Leaf(word), WorkerIndex{worker}, 1, seq);
  };
  announce("abcdef", 1, 5);
  REQUIRE_FALSE(Place(index, "abc", 1).refresh);
  index.SetRefreshMark(1, 6);
  announce("abc", 1, 6);
  REQUIRE_FALSE(Place(index, "abc", 1).refresh);
  announce("abcd", 2, 7);  // another worker's say nothing of this one
  announce("abcdef", 2, 8);
  REQUIRE(Place(index, "abcd", 1).refresh);
}

}  // namespace
}  // namespace prefixmesh
