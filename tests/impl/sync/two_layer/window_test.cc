// Goal: a window is a queue of records with running numbers; a plain deque is the oracle.
#include "impl/sync/two_layer/window.h"

#include <deque>

#include "tests/support/properties.h"

namespace prefixmesh::two_layer {
namespace {

TEST_CASE("Window: reads back what was appended, under the seq it got") {
  test::ForAll("any appends and drops", [](const std::vector<std::uint8_t>& steps) {
    Window window;
    std::deque<Record> oracle;
    std::uint32_t floor = 1;
    for (const std::uint8_t step : steps) {
      if (step % 4 == 0 && !oracle.empty()) {
        window.DropOldest();
        oracle.pop_front();
        ++floor;
      } else {
        Record record;
        record.scope = step;
        record.worker = static_cast<Slot>(step * 3);
        record.has_branch = step % 2 == 0;
        for (std::uint64_t i = 0; i <= step % 5u; ++i) record.ids.push_back(NodeId{step * 10 + i + 1});
        window.Append(record);
        oracle.push_back(record);
      }
      RC_ASSERT(window.floor() == floor);
      RC_ASSERT(window.head() == floor + oracle.size());
      Record read;
      for (std::uint32_t i = 0; i < oracle.size(); ++i) {
        window.Read(floor + i, read);
        RC_ASSERT(read.seq == floor + i);
        RC_ASSERT(read.ids == oracle[i].ids);
        RC_ASSERT(read.scope == oracle[i].scope && read.worker == oracle[i].worker);
        RC_ASSERT(read.has_branch == oracle[i].has_branch);
      }
    }
    if (oracle.empty()) RC_ASSERT(window.bytes() == 0u);
  });
}

TEST_CASE("Window: it has an older half once it has been full") {
  Window window;
  Record record;
  record.ids = {NodeId{1}};
  for (int i = 0; i < 10; ++i) window.Append(record);
  REQUIRE(window.middle() == 1);  // nothing is about to leave it
  window.DropOldest();
  window.Append(record);
  REQUIRE(window.floor() == 2);
  REQUIRE(window.head() == 12);
  REQUIRE(window.middle() == 7);
}

}  // namespace
}  // namespace prefixmesh::two_layer
