// Goal: every boundary of the answers, and the suffix that starts at the last clear. Method: the rows of the peer's own
// tables by their numbers; and any history at all against a slow reading of the contract.
#include "impl/kvevents/event_buffer.h"

#include <map>
#include <set>

#include "tests/support/properties.h"

namespace prefixmesh::kvevents {
namespace {

KvEvent StoredAt(std::uint64_t id) { return {id, EventKind::kStored, std::nullopt, {{0, id}}}; }
KvEvent Removed(std::uint64_t id, std::uint64_t block) { return {id, EventKind::kRemoved, std::nullopt, {{0, block}}}; }
KvEvent ClearedAt(std::uint64_t id) { return {id, EventKind::kCleared, std::nullopt, {}}; }

std::vector<std::uint64_t> IdsOf(const Answer& answer) {
  std::vector<std::uint64_t> ids;
  for (const KvEvent& event : std::get<Events>(answer).events) ids.push_back(event.id);
  return ids;
}
std::vector<std::uint64_t> From(std::uint64_t first, std::uint64_t last) {
  std::vector<std::uint64_t> ids;
  for (std::uint64_t id = first; id <= last; ++id) ids.push_back(id);
  return ids;
}

TEST_CASE("EventBuffer: A1 to A11, every kind of answer at its boundaries") {
  EventBuffer buffer(5);
  for (std::uint64_t id = 5; id <= 14; ++id) REQUIRE(buffer.Record(StoredAt(id)));
  CHECK((buffer.oldest() == 10 && buffer.newest() == 14 && buffer.size() == 5));
  CHECK(IdsOf(buffer.Query(11)) == From(11, 14));
  CHECK(std::get<Events>(buffer.Query(11)).last == 14);
  for (const std::uint64_t end : {10u, 12u, 14u, 20u}) CHECK(IdsOf(buffer.Query(10, end)) == From(10, 14));
  CHECK(IdsOf(buffer.Query(12, 12)) == From(12, 14));
  CHECK(IdsOf(buffer.Query(14)) == From(14, 14));
  CHECK(std::get<TreeDump>(buffer.Query(std::nullopt)).last == 14);
  CHECK(std::get<TreeDump>(buffer.Query(std::nullopt, 3)).last == 14);
  CHECK(std::get<TreeDump>(buffer.Query(7)).last == 14);
  CHECK(std::get<TreeDump>(buffer.Query(9)).last == 14);
  CHECK(std::get<InvalidRange>(buffer.Query(15, 10)).end == 10);
  CHECK(std::get<TooNew>(buffer.Query(100, 200)).end == 200);
  CHECK(std::get<TooNew>(buffer.Query(15)).newest == 14);
  CHECK(std::get<TooNew>(buffer.Query(15)).end == 14);
  const EventBuffer empty;
  CHECK(std::get<TreeDump>(empty.Query(std::nullopt)).last == 0);
  CHECK(std::get<TreeDump>(empty.Query(7)).last == 0);
  CHECK(std::holds_alternative<InvalidRange>(empty.Query(2, 1)));
}

TEST_CASE("EventBuffer: A12 to A17, an answer begins at the last clear at or after its start") {
  EventBuffer buffer;
  for (const KvEvent& event : {StoredAt(10), ClearedAt(11), StoredAt(12), StoredAt(13), ClearedAt(14), StoredAt(15)})
    REQUIRE(buffer.Record(event));
  for (const std::uint64_t start : {10u, 12u, 14u}) CHECK(IdsOf(buffer.Query(start)) == From(14, 15));
  CHECK(IdsOf(buffer.Query(15)) == From(15, 15));
  CHECK(std::get<TooNew>(buffer.Query(16)).newest == 15);
  EventBuffer only;
  REQUIRE(only.Record(ClearedAt(1)));
  CHECK(IdsOf(only.Query(1, 1)) == From(1, 1));
}

TEST_CASE("EventBuffer: numbers that do not rise are refused, holes are kept and counted, a dump is continued or not") {
  EventBuffer buffer(4);
  for (const std::uint64_t id : {3u, 4u, 4u, 2u}) buffer.Record(StoredAt(id));
  CHECK((buffer.refused() == 2 && buffer.size() == 2 && buffer.holes() == 0));
  CHECK(buffer.After(4)->empty());
  CHECK(buffer.After(3)->size() == 1);
  CHECK(buffer.After(2)->size() == 2);
  CHECK_FALSE(buffer.After(1).has_value());  // the second may have been dropped
  REQUIRE(buffer.Record(StoredAt(7)));
  CHECK(buffer.holes() == 1);
  CHECK_FALSE(buffer.After(4).has_value());
  CHECK(IdsOf(buffer.Query(5)) == From(7, 7));  // the next that there is
}

// What a router holds that applied all of these.
std::set<std::uint64_t> Held(std::set<std::uint64_t> held, const std::vector<KvEvent>& events) {
  for (const KvEvent& event : events) {
    if (event.cleared()) held.clear();
    for (const BlockName& block : event.blocks)
      event.kind == EventKind::kStored ? (void)held.insert(block.low) : (void)held.erase(block.low);
  }
  return held;
}

TEST_CASE("EventBuffer: an answer leads where all events would, from any place it can be asked for") {
  test::ForAll("any history", [](const std::vector<std::uint8_t>& history) {
    EventBuffer buffer(8);
    std::vector<KvEvent> all;
    for (const std::uint8_t step : history) {
      const std::uint64_t id = all.size() + 1;
      all.push_back(step < 30 ? ClearedAt(id) : step < 100 ? Removed(id, step % 7) : StoredAt(id));
      if (all.back().kind == EventKind::kStored) all.back().blocks[0].low = step % 7;
      RC_ASSERT(buffer.Record(all.back()));
    }
    for (std::uint64_t start = 1; start <= all.size(); ++start) {
      const Answer answer = buffer.Query(start);
      const bool buffered = start + 8 > all.size();
      RC_ASSERT(std::holds_alternative<Events>(answer) == buffered);
      if (!buffered) continue;
      const std::vector<KvEvent> before(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(start - 1));
      const Events& events = std::get<Events>(answer);
      RC_ASSERT(Held(Held({}, before), events.events) == Held({}, all));
      RC_ASSERT(events.last == all.size());
      for (std::size_t i = 1; i < events.events.size(); ++i) RC_ASSERT(!events.events[i].cleared());
    }
  });
}

}  // namespace
}  // namespace prefixmesh::kvevents
