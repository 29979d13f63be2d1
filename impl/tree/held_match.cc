// held_match.cc — the held index as requests see it: who holds how much of a prompt, level by level.
#include <algorithm>
#include <utility>

#include "impl/tree/held_index.h"

namespace prefixmesh {

// Whom a chain was sent that begins here. Returns the first level at which one of them ends.
std::uint32_t HeldIndex::FindExpected(std::span<const NodeId> ids, std::uint32_t level, Walk& walk) const {
  std::uint32_t first_end = UINT32_MAX;
  expected_.ForEachAt(ids.subspan(level), [&](Holder holder, std::size_t length) PREFIXMESH_NO_THREAD_SAFETY_ANALYSIS {
    if (!lives_[holder.value].live) return;
    // By holder, and of those that begin here the longest one: many requests may wait for one prefix.
    const Span span{holder, level, static_cast<std::uint32_t>(level + length)};
    const auto at = std::lower_bound(
        walk.expected.begin(), walk.expected.end(), span,
        [](const Span& a, const Span& b) { return std::pair(a.holder, a.begin) < std::pair(b.holder, b.begin); });
    if (at != walk.expected.end() && at->holder == holder && at->begin == level) {
      at->end = std::max(at->end, span.end);
    } else {
      walk.expected.insert(at, span);
    }
    first_end = std::min(first_end, span.end);
  });
  return first_end;
}

// Everybody who holds the first level.
void HeldIndex::BeginAll(Walk& walk) const {
  const std::span<const Holder> told = sets_.Members(walk.told.front());
  walk.all.assign(told.begin(), told.end());
  std::erase_if(walk.all,
                [&](Holder holder) PREFIXMESH_NO_THREAD_SAFETY_ANALYSIS { return !lives_[holder.value].live; });
  for (const Span& span : walk.expected) {
    const auto at = std::lower_bound(walk.all.begin(), walk.all.end(), span.holder);
    if (at == walk.all.end() || *at != span.holder) walk.all.insert(at, span.holder);
  }
}

// Who of walk.all neither told of this level nor is expected to have it leaves here.
void HeldIndex::Intersect(std::uint32_t level, Walk& walk) const {
  const std::span<const Holder> told = sets_.Members(walk.told[level]);
  std::size_t next = 0;  // of walk.expected
  const auto expected = [&](Holder holder) {
    while (next < walk.expected.size() && walk.expected[next].holder < holder) ++next;
    bool is = false;
    for (; next < walk.expected.size() && walk.expected[next].holder == holder; ++next)
      is = is || (walk.expected[next].begin <= level && level < walk.expected[next].end);
    return is;
  };
  keep_.clear();
  std::size_t at = 0;
  for (const Holder holder : walk.all) {
    while (at < told.size() && told[at] < holder) ++at;
    if ((at < told.size() && told[at] == holder) || expected(holder)) {
      keep_.push_back(holder);
    } else {
      walk.left.push_back({lives_[holder.value].worker, level});
    }
  }
  walk.all.swap(keep_);
}

void HeldIndex::WalkDown(std::span<const NodeId> ids, Walk& walk) const {
  walk.all.clear();
  walk.left.clear();
  walk.told.clear();
  walk.expected.clear();
  walk.depth = 0;
  const bool expects = expected_.count() > 0;
  for (std::size_t i = 0; i < std::min(kAhead, ids.size()); ++i) told_.Prefetch(ids[i]);
  std::uint32_t next_end = UINT32_MAX;  // of what is expected
  for (std::uint32_t level = 0; level < ids.size(); ++level) {
    if (level + kAhead < ids.size()) told_.Prefetch(ids[level + kAhead]);
    walk.told.push_back(told_.Find(ids[level]));
    if (expects) next_end = std::min(next_end, FindExpected(ids, level, walk));
    if (level == 0) {
      BeginAll(walk);
    } else if (walk.told[level] != walk.told[level - 1] || level >= next_end) {
      Intersect(level, walk);
    }
    if (level >= next_end) {
      next_end = UINT32_MAX;
      for (const Span& span : walk.expected)
        if (span.end > level) next_end = std::min(next_end, span.end);
    }
    if (walk.all.empty()) return;
    ++walk.depth;
  }
}

// Upwards: those who left last, then those before them.
class HeldIndex::Shallower final : public ShallowerMatches {
 public:
  Shallower(const Walk& walk, std::vector<WorkerIndex>& workers, std::uint64_t block_bytes)
      : walk_(walk), workers_(workers), left_(walk.left.size()), block_bytes_(block_bytes) {}

  bool Next(std::uint64_t bytes_min, TreeMatch& match) override {
    if (left_ == 0) return false;
    const std::uint32_t depth = walk_.left[left_ - 1].depth;
    if (depth * block_bytes_ < bytes_min) return false;
    while (left_ > 0 && walk_.left[left_ - 1].depth == depth) workers_.push_back(walk_.left[--left_].worker);
    std::sort(workers_.begin(), workers_.end());
    match.matched_bytes = depth * block_bytes_;
    match.holders = workers_;
    return true;
  }

 private:
  const Walk& walk_;
  std::vector<WorkerIndex>& workers_;
  std::size_t left_;
  const std::uint64_t block_bytes_;
};

std::uint32_t HeldIndex::DepthOf(std::optional<Holder> holder) const {
  if (!holder) return 0;
  if (std::binary_search(walk_.all.begin(), walk_.all.end(), *holder)) return walk_.depth;
  const WorkerIndex worker = lives_[holder->value].worker;
  for (const Left& left : walk_.left)
    if (left.worker == worker) return left.depth;
  return 0;
}

std::uint32_t HeldIndex::ToldDepthOf(std::optional<Holder> holder) const {
  const std::uint32_t depth = DepthOf(holder);
  for (std::uint32_t i = 0; i < depth; ++i)
    if ((i == 0 || walk_.told[i] != walk_.told[i - 1]) && !sets_.Contains(walk_.told[i], *holder)) return i;
  return depth;
}

Insertion HeldIndex::MatchAndInsert(const Prompt& prompt, Chooser choose) {
  const std::span<const NodeId> ids = prompt.blocks;
  const std::uint64_t block_bytes = BlockBytes(prompt.kind);
  DescentLock lock(mutex_);
  WalkDown(ids, walk_);
  workers_.clear();
  for (const Holder holder : walk_.all) workers_.push_back(lives_[holder.value].worker);
  std::sort(workers_.begin(), workers_.end());
  Shallower shallower(walk_, workers_, block_bytes);
  TreeMatch match;
  match.prompt_bytes = ids.size() * block_bytes;
  match.shallower = &shallower;
  match.holders = workers_;
  match.matched_bytes = walk_.depth * block_bytes;
  if (workers_.empty()) (void)shallower.Next(0, match);  // they left at once, but held what is above

  Insertion insertion;
  insertion.matched_bytes = match.matched_bytes;
  insertion.branch_depth = static_cast<std::uint32_t>(match.matched_bytes / block_bytes);
  insertion.leaf_depth = static_cast<std::uint32_t>(ids.size());
  insertion.worker = choose(match);
  if (!insertion.worker.has_value() || ids.empty()) return insertion;
  const std::optional<Holder> holder = HolderOf(*insertion.worker);
  insertion.repeat = DepthOf(holder) == ids.size();
  // Another request's expectation may end before this one's: each has its own.
  if (const std::uint32_t told = ToldDepthOf(holder); told < ids.size())
    insertion.expectation = Expect(ids, told, *insertion.worker);
  return insertion;
}

void HeldIndex::Depths(const Prompt& prompt, std::vector<WorkerPrefix>& out) const {
  const std::uint64_t block_bytes = BlockBytes(prompt.kind);
  const auto first = static_cast<std::ptrdiff_t>(out.size());
  DescentLock lock(mutex_);
  WalkDown(prompt.blocks, walk_);
  for (const Holder holder : walk_.all) out.push_back({lives_[holder.value].worker, walk_.depth * block_bytes});
  for (const Left& left : walk_.left) out.push_back({left.worker, left.depth * block_bytes});
  std::sort(out.begin() + first, out.end(),
            [](const WorkerPrefix& a, const WorkerPrefix& b) { return a.worker < b.worker; });
}

}  // namespace prefixmesh
