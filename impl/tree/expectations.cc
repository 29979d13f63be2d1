#include "impl/tree/expectations.h"

#include <utility>

#include "impl/base/check.h"

namespace prefixmesh {

// Of chains, whose ids differ from the first difference on.
std::size_t Expectations::CommonLength(std::span<const NodeId> a, std::span<const NodeId> b) {
  std::size_t low = 0, high = std::min(a.size(), b.size());
  while (low < high) {
    const std::size_t middle = (low + high) / 2;
    if (a[middle] == b[middle]) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

Expectations::Number Expectations::Add(Holder holder, std::span<const NodeId> ids) {
  PREFIXMESH_CHECK(!ids.empty());
  auto number = static_cast<Number>(all_.size());
  if (free_.empty()) {
    all_.emplace_back();
  } else {
    number = free_.back();
    free_.pop_back();
  }
  Entry& entry = all_[number];
  entry.holder = holder;
  entry.awaited = true;
  if (!spares_.empty()) {
    entry.ids = std::move(spares_.back());
    spares_.pop_back();
    spare_bytes_ -= entry.ids.capacity() * sizeof(NodeId);
  }
  entry.ids.assign(ids.begin(), ids.end());
  id_bytes_ += entry.ids.capacity() * sizeof(NodeId);
  by_first_.Insert({TagOf(ids.front()), number});
  by_last_.Insert({TagOf(ids.back()), number});
  return number;
}

Holder Expectations::Remove(Number number) {
  PREFIXMESH_CHECK(has(number));
  Entry& entry = all_[number];
  const auto same = [&](const Known& known) { return known.number == number; };
  by_first_.Erase(by_first_.Find(TagOf(entry.ids.front()), same));
  by_last_.Erase(by_last_.Find(TagOf(entry.ids.back()), same));
  constexpr std::uint64_t kSpareBytesMax = 1u << 20;
  std::vector<NodeId> room = std::move(entry.ids);
  entry.ids = {};
  const std::uint64_t bytes = room.capacity() * sizeof(NodeId);
  id_bytes_ -= bytes;
  if (spare_bytes_ + bytes <= kSpareBytesMax) {
    spare_bytes_ += bytes;
    spares_.push_back(std::move(room));
  }
  free_.push_back(number);
  return entry.holder;
}

void Expectations::EndWith(NodeId last, Holder holder) {
  (void)by_last_.Find(TagOf(last), [&](const Known& known) {
    Entry& entry = all_[known.number];
    if (entry.holder == holder && entry.ids.back() == last) entry.awaited = false;
    return false;
  });
}

}  // namespace prefixmesh
