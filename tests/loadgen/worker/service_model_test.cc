// Goal: a worker's times and cache are what service_model.h says, on a virtual clock.
#include "loadgen/worker/service_model.h"

#include "tests/support/properties.h"

namespace prefixmesh::load {
namespace {

using std::chrono::milliseconds;
using Type = ServiceEvent::Type;

std::vector<NodeId> Chain(std::uint64_t first, std::size_t blocks) {
  std::vector<NodeId> chain;
  for (std::uint64_t i = 0; i < blocks; ++i) chain.push_back(NodeId{first + i});
  return chain;
}

std::vector<ServiceEvent> AllUntil(ServiceModel& model, Time now) {
  std::vector<ServiceEvent> events;
  model.Advance(now, events);
  return events;
}

constexpr ServiceOptions kOptions{.concurrency = 2, .prefill_per_block = milliseconds(1), .decode = milliseconds(60)};

TEST_CASE("ServiceModel: prefill costs the blocks that are not cached, then decode") {
  ServiceModel model(kOptions);
  model.Arrive(milliseconds(0), 1, Chain(100, 10));
  auto events = AllUntil(model, milliseconds(1000));
  REQUIRE(events.size() == 2);
  REQUIRE(events[0].type == Type::kPrefillEnded);
  REQUIRE(events[0].at == milliseconds(10));
  REQUIRE(events[0].cached_blocks == 0);
  REQUIRE(events[1].type == Type::kFinished);
  REQUIRE(events[1].at == milliseconds(70));

  std::vector<NodeId> longer = Chain(100, 10);
  longer.push_back(NodeId{7});
  model.Arrive(milliseconds(1000), 2, longer);
  events = AllUntil(model, milliseconds(2000));
  REQUIRE(events[0].cached_blocks == 10);
  REQUIRE(events[0].at == milliseconds(1001));
}

TEST_CASE("ServiceModel: a block does not count before its prefill has ended") {
  ServiceModel model(kOptions);
  model.Arrive(milliseconds(0), 1, Chain(100, 10));
  REQUIRE(AllUntil(model, milliseconds(9)).empty());
  model.Arrive(milliseconds(9), 2, Chain(100, 10));
  const auto events = AllUntil(model, milliseconds(30));
  REQUIRE(events.size() == 2);
  REQUIRE(events[1].ticket == 2);
  REQUIRE(events[1].cached_blocks == 0);
  REQUIRE(events[1].at == milliseconds(19));
}

TEST_CASE("ServiceModel: waits in line for a slot, and looks the cache up when it gets one") {
  ServiceModel model(kOptions);
  for (std::uint64_t ticket = 1; ticket <= 3; ++ticket) model.Arrive(milliseconds(0), ticket, Chain(100, 10));
  REQUIRE(model.running() == 2);
  REQUIRE(model.waiting() == 1);
  const auto events = AllUntil(model, milliseconds(1000));
  REQUIRE(events.size() == 6);
  const ServiceEvent third = *std::find_if(events.begin(), events.end(), [](const ServiceEvent& event) {
    return event.ticket == 3 && event.type == Type::kPrefillEnded;
  });
  REQUIRE(third.at == milliseconds(70));
  REQUIRE(third.cached_blocks == 10);
}

TEST_CASE("ServiceModel: a cancelled request frees its slot and leaves nothing behind") {
  ServiceModel model(kOptions);
  model.Arrive(milliseconds(0), 1, Chain(100, 10));
  model.Arrive(milliseconds(0), 2, Chain(200, 10));
  model.Arrive(milliseconds(0), 3, Chain(300, 10));
  model.Arrive(milliseconds(0), 4, Chain(400, 10));
  model.Cancel(milliseconds(5), 4);  // in the line
  model.Cancel(milliseconds(5), 1);  // in prefill: the next one starts now
  model.Cancel(milliseconds(5), 99);
  const auto events = AllUntil(model, milliseconds(1000));
  REQUIRE(events.size() == 4);
  REQUIRE(events[1].ticket == 3);
  REQUIRE(events[1].at == milliseconds(15));
  REQUIRE(model.cache().Peek(Chain(100, 10)) == 0);
  REQUIRE(model.cache().Peek(Chain(300, 10)) == 10);
}

TEST_CASE(
    "ServiceModel: events come in order of time, one prefill and one end for each, at most `concurrency` at once") {
  test::ForAll("any arrivals", [](const std::vector<std::tuple<std::uint8_t, std::uint8_t, std::uint8_t>>& arrivals) {
    ServiceModel model({.concurrency = 3, .prefill_per_block = milliseconds(1), .decode = milliseconds(5)});
    Time now{0};
    std::vector<ServiceEvent> events;
    std::uint64_t ticket = 0;
    for (const auto& [gap, branch, blocks] : arrivals) {
      now += milliseconds(gap % 8);
      model.Advance(now, events);
      RC_ASSERT(model.running() <= 3u);
      model.Arrive(now, ++ticket, Chain(std::uint64_t{branch} % 4 * 100 + 1, blocks % 20));
    }
    model.Advance(now + std::chrono::hours(1), events);
    RC_ASSERT(events.size() == 2 * arrivals.size());
    for (std::size_t i = 1; i < events.size(); ++i) RC_ASSERT(events[i - 1].at <= events[i].at);
    RC_ASSERT(!model.NextEvent().has_value());
    RC_ASSERT(model.running() == 0u && model.waiting() == 0u);
  });
}

TEST_CASE("ServiceModel: an empty prompt goes straight to decode") {
  ServiceModel model(kOptions);
  model.Arrive(milliseconds(3), 1, {});
  REQUIRE(*model.NextEvent() == milliseconds(3));
  REQUIRE(AllUntil(model, milliseconds(63)).size() == 2);
}

}  // namespace
}  // namespace prefixmesh::load
