// Goal: the table finds what a list would, wherever its entries crowd. Method: random histories over few places.
#include "impl/tree/segmented_table.h"

#include <catch2/catch.hpp>
#include <set>
#include <vector>

#include "tests/support/properties.h"

namespace prefixmesh {
namespace {

struct Numbered {
  std::uint32_t tag_ = 0;
  std::uint32_t number = 0;
  std::uint32_t tag() const { return tag_; }
};

TEST_CASE("SegmentedTable: finds what a list would, wherever entries crowd and wrap around") {
  test::ForAll("any history", [] {
    SegmentedTable<Numbered> table;
    std::vector<Numbered> list;
    // Few segments, places at both ends of one, equal places with other marks and equal marks at other places.
    const auto draw_tag = [] {
      const auto segment = *rc::gen::inRange<std::uint32_t>(0, 2);
      const auto mark = *rc::gen::inRange<std::uint32_t>(0, 3);
      const auto place = *rc::gen::element<std::uint32_t>(0, 1, 5, 6, 7, 15, 31, 63);
      return segment << 24 | mark << 16 | place;
    };
    const int steps = *rc::gen::inRange(1, 200);
    for (int step = 0; step < steps; ++step) {
      const std::uint32_t tag = draw_tag();
      if (*rc::gen::inRange(0, 3) != 0) {
        const Numbered entry{tag, static_cast<std::uint32_t>(step)};
        table.Insert(entry);
        list.push_back(entry);
      } else if (Numbered* found = table.Find(tag, [](const Numbered&) { return true; })) {
        const std::uint32_t number = found->number;
        table.Erase(found);
        RC_ASSERT(std::erase_if(list, [&](const Numbered& entry) { return entry.number == number; }) == 1u);
      }
      RC_ASSERT(table.count() == list.size());
    }
    std::set<std::uint32_t> walked, listed;
    table.ForEach([&](const Numbered& entry) { walked.insert(entry.number); });
    for (const Numbered& entry : list) listed.insert(entry.number);
    RC_ASSERT(walked == listed);
    for (const Numbered& entry : list) {
      std::size_t with_tag = 0, of_it = 0;
      table.Find(entry.tag(), [&](const Numbered& seen) {
        RC_ASSERT(seen.tag() == entry.tag());
        with_tag += 1;
        of_it += seen.number == entry.number ? 1u : 0u;
        return false;
      });
      RC_ASSERT(of_it == 1u);
      RC_ASSERT(
          static_cast<std::ptrdiff_t>(with_tag) ==
          std::count_if(list.begin(), list.end(), [&](const Numbered& other) { return other.tag() == entry.tag(); }));
    }
    // The hand comes to every entry once a turn, also when it erases as it goes.
    std::set<std::uint32_t> swept;
    for (std::size_t left = list.size(); left > 0; --left) {
      Numbered* entry = table.SweepNext();
      swept.insert(entry->number);
      if (entry->number % 2 == 0) continue;
      // The place is looked at again: an entry may have moved into it, or one from before the end wrapped to it.
      table.Erase(entry);
      table.SweepAgain();
    }
    for (const Numbered& entry : list)
      RC_ASSERT(swept.contains(entry.number) ||
                table.Find(entry.tag(), [&](const Numbered& seen) { return seen.number == entry.number; }) != nullptr);
  });
}

}  // namespace
}  // namespace prefixmesh
