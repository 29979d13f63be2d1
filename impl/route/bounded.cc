#include "impl/route/bounded.h"

#include <algorithm>
#include <cmath>

#include "impl/base/prng.h"

namespace prefixmesh {
namespace {

// A number below `bound`, and other bits for the next.
std::uint64_t Draw(std::uint64_t& bits, std::uint64_t bound) {
  bits = Mix64(bits + 0x9e3779b97f4a7c15u);
  return static_cast<std::uint64_t>((static_cast<unsigned __int128>(bits) * bound) >> 64);
}

// What is not ours counts for the mean up to so many times the worker's slots, of which one with very many has so many.
constexpr std::uint64_t kStrangeSlots = 2, kSlotsUsual = 8;

class LoadBound {
 public:
  LoadBound(const RouteView& view, double factor) : view_(view), fleet_(view.fleet), bits_(view.random_bits) {
    std::uint64_t queues = 0, lately = 0;
    for (const WorkerIndex worker : view.candidates) {
      if (!fleet_.healthy(worker)) continue;
      ++healthy_;
      queues += Counted(worker);
      lately += fleet_.lately(worker);
    }
    if (healthy_ == 0) return;
    const auto healthy = static_cast<double>(healthy_);
    const double mean = static_cast<double>(queues) / healthy;
    queue_bound_ = std::max(static_cast<std::uint64_t>(std::ceil(std::min(factor * mean, 1e9))),
                            static_cast<std::uint64_t>(mean) + 1);
    lately_mean_ = static_cast<double>(lately) / healthy;
  }

  bool anyone() const { return healthy_ > 0; }

  std::optional<WorkerIndex> OneOfHolders(std::span<const WorkerIndex> holders) {
    constexpr std::size_t kOwn = 2;  // of a conversation: where it was, and where it was moved to
    const bool shared = holders.size() > kOwn;
    std::uint64_t room = 0;
    const auto holder = OneOf(holders, kHoldersMax, [&](WorkerIndex worker) {
      const bool may = (!shared || fleet_.lately(worker) <= LatelyBound(worker)) && Admissible(worker) &&
                       std::binary_search(view_.candidates.begin(), view_.candidates.end(), worker);
      if (may) room += Bound(worker) - std::min(Queue(worker), Bound(worker));  // it may have just filled up
      return may;
    });
    if (!shared || !holder) return holder;
    // Of those that were not looked at as much is free.
    const auto looked_at = static_cast<double>(std::min(holders.size(), kHoldersMax));
    return Overrun(static_cast<double>(room) * static_cast<double>(holders.size()) / looked_at) ? std::nullopt : holder;
  }
  std::optional<WorkerIndex> OneOfAll() {
    const auto admissible = [&](WorkerIndex worker) { return Admissible(worker); };
    if (const auto worker = OneOf(view_.candidates, view_.candidates.size(), admissible)) return worker;
    // Loads moved while we looked, or all have too much of the burst: any healthy worker is as good.
    return OneOf(view_.candidates, view_.candidates.size(), [&](WorkerIndex worker) { return fleet_.healthy(worker); });
  }

 private:
  // The better of two that chance picks among those that may be.
  template <typename May>
  std::optional<WorkerIndex> OneOf(std::span<const WorkerIndex> workers, std::size_t looked_at, May&& may) {
    if (workers.empty()) return std::nullopt;
    std::optional<WorkerIndex> first, second;
    std::uint64_t seen = 0;
    std::size_t at = Draw(bits_, workers.size());
    for (std::size_t i = std::min(workers.size(), looked_at); i > 0; --i) {
      const WorkerIndex worker = workers[at];
      if (++at == workers.size()) at = 0;
      if (!may(worker)) continue;
      // Two of all that come, each pair as likely (reservoir sampling: Vitter, ACM TOMS 1985).
      ++seen;
      if (!first) {
        first = worker;
      } else if (!second) {
        second = worker;
      } else if (const std::uint64_t place = Draw(bits_, seen); place < 2) {
        (place == 0 ? first : second) = worker;
      }
    }
    if (!second) return first;
    return Better(*second, *first) ? second : first;
  }

  bool Admissible(WorkerIndex worker) const { return fleet_.healthy(worker) && Queue(worker) + 1 <= Bound(worker); }
  std::uint64_t Bound(WorkerIndex worker) const {
    const std::uint64_t slots = fleet_.slots(worker);
    return slots > 0 ? std::max(slots, queue_bound_) : queue_bound_ + 1;
  }
  double LatelyBound(WorkerIndex worker) const {
    const bool half_idle = 2 * Queue(worker) < fleet_.slots(worker);
    const double busy = std::ceil(kSpread * lately_mean_);
    return half_idle ? std::max({busy, lately_mean_, 1.0}) : busy;
  }
  // In a burst all routers get the like in the same moment. True: as often as there would not be room for them all.
  bool Overrun(double room) {
    const double comes = kBurstSpread * static_cast<double>(fleet_.peer_count() + 1) * (view_.burst - 1);
    constexpr std::uint64_t kFine = 1u << 20;
    return static_cast<double>(Draw(bits_, kFine)) / kFine * comes >= room;
  }
  std::uint64_t Ours(WorkerIndex worker) const {
    return fleet_.load(worker) + fleet_.peer_count() * std::uint64_t{fleet_.fresh(worker)};
  }
  std::uint64_t Queue(WorkerIndex worker) const { return Ours(worker) + fleet_.others(worker); }
  // Of the queue, what counts for the mean: one worker that fails, or claims much, must not raise the bound of all.
  std::uint64_t Counted(WorkerIndex worker) const {
    const std::uint64_t ours = Ours(worker), slots = std::max(fleet_.slots(worker), 1u);
    return std::min(Queue(worker), ours + kStrangeSlots * std::min<std::uint64_t>(slots, kSlotsUsual));
  }
  std::uint64_t Busy(WorkerIndex worker) const { return 2 * std::uint64_t{fleet_.lately(worker)} + 3 * Queue(worker); }
  bool Better(WorkerIndex a, WorkerIndex b) {
    const std::uint64_t left = Busy(a), right = Busy(b);
    return left != right ? left < right : Draw(bits_, 2) == 0;
  }

  const RouteView& view_;
  const Fleet& fleet_;
  std::uint64_t bits_;
  std::uint64_t healthy_ = 0, queue_bound_ = 0;
  double lately_mean_ = 0;
};

}  // namespace

Choice ChooseBounded(const PolicyOptions& options, const TreeMatch& match, const RouteView& view) {
  LoadBound rule(view, options.load_factor);
  if (!rule.anyone()) return {};
  const auto bytes_min =
      static_cast<std::uint64_t>(std::ceil(options.cache_threshold * static_cast<double>(match.prompt_bytes)));
  const std::uint64_t least = std::max<std::uint64_t>(bytes_min, 1);
  TreeMatch level = match;
  const bool matched = !match.holders.empty() && match.matched_bytes >= least;
  for (int i = 0; matched && i < kLevelsMax; ++i) {
    if (i > 0 && (match.shallower == nullptr || !match.shallower->Next(least, level))) break;
    if (const auto holder = rule.OneOfHolders(level.holders)) return {holder, DecisionReason::kCache};
  }
  return {rule.OneOfAll(), matched ? DecisionReason::kFallback : DecisionReason::kMinLoad};
}

}  // namespace prefixmesh
