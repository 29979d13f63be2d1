#include "impl/tree/both_index.h"

#include <algorithm>
#include <iterator>

namespace prefixmesh {

class BothIndex::Levels final : public ShallowerMatches {
 public:
  explicit Levels(BothIndex& index) : index_(index) {}

  TreeMatch First(const TreeMatch& told, const TreeMatch& placed) {
    Begin(index_.told_, told);
    Begin(index_.placed_, placed);
    Look(index_.told_, 1);
    TreeMatch match;
    (void)Next(std::max<std::uint64_t>(index_.told_.next_bytes, 1), match);
    match.prompt_bytes = placed.prompt_bytes;
    match.shallower = this;
    return match;
  }

  bool Next(std::uint64_t bytes_min, TreeMatch& match) override {
    Side &told = index_.told_, &placed = index_.placed_;
    Look(told, bytes_min);
    Look(placed, std::max(bytes_min, told.next_bytes));  // what is shallower may never be asked for
    const std::uint64_t bytes = std::max(told.next_bytes, placed.next_bytes);
    if (bytes == 0 || bytes < bytes_min) return false;
    for (Side* side : {&told, &placed}) {
      if (side->next_bytes != bytes) continue;
      side->shown.swap(side->next);
      side->next_bytes = 0;
    }
    index_.holders_.clear();
    std::set_union(told.shown.begin(), told.shown.end(), placed.shown.begin(), placed.shown.end(),
                   std::back_inserter(index_.holders_));  // one that was heard meanwhile may be in both
    match.matched_bytes = bytes;
    match.holders = index_.holders_;
    return true;
  }

 private:
  static void Begin(Side& side, const TreeMatch& match) {
    side.match = match;
    side.shown.clear();
    side.next_bytes = 0;
    side.first = true;
  }

  // The next level that somebody reaches whom this side speaks for.
  void Look(Side& side, std::uint64_t bytes_min) const {
    while (side.next_bytes == 0) {
      if (!side.first && (side.match.shallower == nullptr || !side.match.shallower->Next(bytes_min, side.match)))
        return;
      side.first = false;
      side.next.clear();
      for (const WorkerIndex worker : side.match.holders)
        if (index_.held_.heard(worker) == side.heard) side.next.push_back(worker);
      if (side.next.size() > side.shown.size()) side.next_bytes = side.match.matched_bytes;
    }
  }

  BothIndex& index_;
};

Insertion BothIndex::MatchAndInsert(const Prompt& prompt, Chooser choose) {
  Insertion told;
  std::uint64_t matched_bytes = 0;
  Insertion insertion = routed_.MatchAndInsert(prompt, [&](const TreeMatch& placed_match) {
    told = held_.MatchAndInsert(prompt, [&](const TreeMatch& told_match) {
      Levels levels(*this);
      const TreeMatch match = levels.First(told_match, placed_match);
      matched_bytes = match.matched_bytes;
      return choose(match);
    });
    return told.worker;
  });
  insertion.matched_bytes = matched_bytes;
  insertion.expectation = told.expectation;
  return insertion;
}

void BothIndex::Depths(const Prompt& prompt, std::vector<WorkerPrefix>& out) const {
  std::vector<WorkerPrefix> told, placed;
  held_.Depths(prompt, told);
  routed_.Depths(prompt, placed);
  std::erase_if(told, [&](const WorkerPrefix& each) { return !held_.heard(each.worker); });
  std::erase_if(placed, [&](const WorkerPrefix& each) { return held_.heard(each.worker); });
  std::set_union(told.begin(), told.end(), placed.begin(), placed.end(), std::back_inserter(out),
                 [](const WorkerPrefix& a, const WorkerPrefix& b) { return a.worker < b.worker; });
}

void BothIndex::RemoveWorker(WorkerIndex worker) {
  held_.RemoveWorker(worker);
  routed_.RemoveWorker(worker);
}

void BothIndex::RemovePrefix(const Prompt& prompt, WorkerIndex worker) {
  held_.RemovePrefix(prompt, worker);
  routed_.RemovePrefix(prompt, worker);
}

TreeSize BothIndex::Size() const {
  TreeSize size = routed_.Size();
  const TreeSize told = held_.Size();
  size.nodes += told.nodes;
  size.bytes += told.bytes;
  size.budget_bytes += told.budget_bytes;
  return size;
}

}  // namespace prefixmesh
