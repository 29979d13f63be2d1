#include "impl/kvevents/event_buffer.h"

#include <algorithm>
#include <utility>

#include "impl/base/seeded_bug.h"

namespace prefixmesh::kvevents {

bool EventBuffer::Record(KvEvent event) {
  if (!events_.empty() && event.id <= newest()) {
    ++refused_;
    if (contract_ == Contract::kV3) return false;
  }
  if (!events_.empty() && event.id != newest() + 1) ++holes_;
  events_.push_back(std::move(event));
  while (events_.size() > capacity_) events_.pop_front();
  return true;
}

std::deque<KvEvent>::const_iterator EventBuffer::AtOrAfter(std::uint64_t id) const {
  return std::lower_bound(events_.begin(), events_.end(), id,
                          [](const KvEvent& event, std::uint64_t wanted) { return event.id < wanted; });
}

Answer EventBuffer::Query(std::optional<std::uint64_t> start, std::optional<std::uint64_t> end) const {
  if (start && end && *end < *start) return InvalidRange{*start, *end};
  if (!start || events_.empty()) return TreeDump{newest(), events_.empty()};
  if (*start > newest()) return TooNew{*start, end.value_or(newest()), newest()};
  if (*start < oldest()) return TreeDump{newest() + (Seeded(Bug::kkv_dump_ahead) ? 1 : 0)};
  auto first = AtOrAfter(*start);
  for (auto at = first; at != events_.end(); ++at)
    if (at->cleared() && !Seeded(Bug::kkv_answer_from_start)) first = at;
  return Events{{first, events_.end()}, newest()};
}

void EventBuffer::CopyAfter(std::uint64_t last, std::size_t events_max, std::vector<KvEvent>& out) const {
  if (events_.empty() || last >= newest()) return;
  for (auto at = AtOrAfter(last + 1); at != events_.end() && events_max > 0; ++at, --events_max) out.push_back(*at);
}

std::optional<std::vector<KvEvent>> EventBuffer::After(std::uint64_t last) const {
  if (last >= newest()) return std::vector<KvEvent>();
  const auto first = AtOrAfter(last + 1);
  if (first->id != last + 1) return std::nullopt;
  for (auto at = first; at != events_.end(); ++at)
    if (at->id != last + 1 + static_cast<std::uint64_t>(at - first)) return std::nullopt;
  return std::vector<KvEvent>(first, events_.end());
}

}  // namespace prefixmesh::kvevents
