// Goal: a table of figures that a reader would stumble over does not compile, and readings keep numbers and reasons.
// Oracle: tables with one fault each; the rules of figure.h.
#include <catch2/catch.hpp>
#include <cmath>
#include <set>
#include <string>

#include "impl/figures/figures.h"
#include "impl/figures/readings.h"

namespace prefixmesh {
namespace {

constexpr Figure kGood = {.path = "a.size_bytes", .unit = Unit::kBytes, .meaning = "bytes of a"};

template <typename... Rows>
std::string ProblemOf(const Rows&... rows) {
  const Figure table[] = {rows...};
  return std::string(Problem(table).what);
}

TEST_CASE("Figures: a table says what is wrong with it") {
  REQUIRE(ProblemOf(kGood) == "");
  REQUIRE(ProblemOf(kGood, kGood) == "is there twice");
  REQUIRE(ProblemOf(Figure{.path = "A", .meaning = "x"}) == "is no path");
  REQUIRE(ProblemOf(Figure{.path = "", .meaning = "x"}) == "is no path");
  REQUIRE(ProblemOf(Figure{.path = "a", .unit = static_cast<Unit>(99), .meaning = "x"}) == "has no unit");
  REQUIRE(ProblemOf(Figure{.path = "a", .meaning = ""}) == "has no meaning");
  REQUIRE(ProblemOf(Figure{.path = "a.*", .meaning = "x"}) == "needs a label for its one *");
  REQUIRE(ProblemOf(Figure{.path = "a", .meaning = "x", .label = kPeer}) == "needs a label for its one *");
  REQUIRE(ProblemOf(Figure{.path = "a_s", .unit = Unit::kSeconds, .meaning = "x"}) ==
          "is counted in a unit that is no count");
  REQUIRE(ProblemOf(Figure{.path = "a", .meaning = "x", .title = "A"}) == "needs title and section");
}

TEST_CASE("Figures: a metric ends in its base unit, and has the project's name in front") {
  const auto metric = [](std::string_view name, Unit unit) {
    return ProblemOf(Figure{.path = "a", .unit = unit, .nature = Nature::kMeasured, .meaning = "x", .metric = name});
  };
  const std::string wrong = "has a metric without its unit suffix";
  REQUIRE(metric("prefixmesh_a_bytes", Unit::kBytes).empty());
  REQUIRE(metric("prefixmesh_a_bytes_total", Unit::kBytes).empty());
  REQUIRE(metric("prefixmesh_a_seconds", Unit::kMicroseconds).empty());
  REQUIRE(metric("prefixmesh_a_total", Unit::kCount).empty());
  REQUIRE(metric("prefixmesh_a", Unit::kBytes) == wrong);
  REQUIRE(metric("prefixmesh_a_us", Unit::kMicroseconds) == wrong);
  REQUIRE(metric("prefixmesh_a_bytes", Unit::kCount) == wrong);
  REQUIRE(metric("a_bytes", Unit::kBytes) == wrong);
  REQUIRE(metric("prefixmesh_a_share", Unit::kShare) == wrong);
  const Figure first{.path = "a", .meaning = "x", .metric = "prefixmesh_a"};
  const Figure second{.path = "b", .meaning = "x", .metric = "prefixmesh_a"};
  REQUIRE(ProblemOf(first, second) == "repeats a metric");
}

TEST_CASE("Figures: every group has a name of its own") {
  std::set<std::string_view> names;
  for (const FigureGroup* group : kFigureGroups) REQUIRE(names.insert(group->name).second);
}

TEST_CASE("Readings: the last one of a figure and label counts; what is no number says why") {
  const Figure count{.path = "n", .meaning = "x", .null_when = "nobody counted"};
  const Figure by_peer{.path = "from.*.bytes", .unit = Unit::kBytes, .meaning = "x", .label = kPeer};
  Readings readings;
  readings.Set(count, std::uint64_t{3});
  readings.Set(count, std::uint64_t{4});
  readings.Set(by_peer, "b", std::uint64_t{5});
  readings.Set(by_peer, "c", std::uint64_t{6});
  REQUIRE(readings.Count(count) == 4);
  REQUIRE(readings.Count(by_peer, "b") == 5);
  REQUIRE(readings.Number(by_peer, "c") == 6.0);
  REQUIRE(readings.Find(by_peer, "b")->Path() == "from.b.bytes");
  REQUIRE(readings.Find(by_peer, "d") == nullptr);
  REQUIRE_FALSE(readings.Number(by_peer, "d").has_value());

  readings.Set(count, std::nan(""));
  REQUIRE_FALSE(readings.Number(count).has_value());
  REQUIRE(*readings.Find(count)->reason() == "nobody counted");
  readings.SetNotMeasured(count, "it was asleep");
  REQUIRE(*readings.Find(count)->reason() == "it was asleep");
  readings.Set(count, std::optional<double>(1.5));
  REQUIRE(readings.Number(count) == 1.5);
  REQUIRE(readings.Find(count)->reason() == nullptr);
}

TEST_CASE("Readings: what was not read gets a reason, also for each value of a closed label") {
  const Figure figures[] = {{.path = "a", .meaning = "x"},
                            {.path = "b.*", .meaning = "x", .label = kShortSpectrum},
                            {.path = "c.*", .meaning = "x", .label = kPeer}};
  Readings readings;
  readings.Set(figures[0], std::uint64_t{1});
  readings.Set(figures[1], "p99", std::uint64_t{2});
  readings.Complete(figures, "it did not answer");
  REQUIRE(readings.Count(figures[0]) == 1);
  REQUIRE(readings.Count(figures[1], "p99") == 2);
  REQUIRE(*readings.Find(figures[1], "p50")->reason() == "it did not answer");
  REQUIRE(*readings.Find(figures[1], "max")->reason() == "it did not answer");
  REQUIRE(readings.Find(figures[2]) == nullptr);  // an open set: nobody knows its names
}

}  // namespace
}  // namespace prefixmesh
