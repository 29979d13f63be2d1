// Goal: many runs fit one small page that shows every figure of every scenario and strategy, the three that are judged
// first before all others. Method: made runs. What a browser makes of it is in browser_test.py.
#include "bench/trends/trends.h"

#include <catch2/catch.hpp>

#include "tests/bench/trends/sample.h"

namespace prefixmesh::bench {
namespace {

std::size_t Count(const std::string& text, std::string_view what) {
  std::size_t count = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++count;
  return count;
}

TEST_CASE("Trends: a hundred runs are one page of at most 2 MB, with a dot per run and figure, and no script") {
  const std::string html = *RenderTrends(SampleRuns(2, 2, 25));
  CHECK(html.size() <= 2'000'000);
  CHECK(Count(html, "<section id=\"group-") == 4);
  CHECK(Count(html, "<circle ") == 100 * kHistoryFigureCount);
  CHECK(Count(html, "class=\"apart\"") == 0);
  CHECK(Count(html, "script-src 'none'") == 1);
  CHECK(Count(html, " style=") == 0);  // the policy would refuse it
}

TEST_CASE("Trends: the first row of each part is peak RSS, sync bytes per round, oversize warnings") {
  std::string html = *RenderTrends(SampleRuns(1, 3, 4));
  std::size_t parts = 0;
  for (std::size_t at = html.find("trends first"); at != std::string::npos; at = html.find("trends first", at + 1)) {
    const std::string row = html.substr(at, html.find("</div>", at) - at);
    CHECK(Count(row, "<figure>") == 3);
    const std::size_t rss = row.find(">peak router RSS<"), round = row.find(">sync bytes per round<"),
                      over = row.find(">oversize warnings<");
    CHECK(rss < round);
    CHECK(round < over);
    CHECK(over != std::string::npos);
    ++parts;
  }
  CHECK(parts == 3);
}

TEST_CASE("Trends: a year of nights shows the newest runs of each part, and says of how many") {
  const std::string html = *RenderTrends(SampleRuns(5, 8, 365));
  CHECK(html.size() <= kTrendsBytesMax);
  CHECK(Count(html, " of 365 runs, ") == 40);
  CHECK(Count(html, "to 2026-12-31; the newest is ok") == 40);
}

TEST_CASE("Trends: what cannot stand beside the newest run is hollow and not joined") {
  std::vector<RunLine> runs = SampleRuns(1, 1, 6);
  runs[1].trusted = false;
  runs[2].machine = "another";
  runs[3].settings = "sync.interval_ms=500";
  runs[5].settings = "none";
  const std::string plot = TrendPlot(runs, kHistoryPeakRss);
  CHECK(Count(plot, "<circle ") == 6);
  CHECK(Count(plot, "<circle class=\"apart\"") == 3);
  CHECK(Count(plot, ", other machine</title>") == 1);
  CHECK(Count(plot, ", other settings: sync.interval_ms=500</title>") == 1);
  CHECK(Count(plot, "L") == 2);  // three are joined
}

TEST_CASE("Trends: higher is up, and noise of a steady figure is not blown up to the plot's height") {
  const auto heights = [](double first, double second) {
    std::vector<RunLine> runs = SampleRuns(1, 1, 2);
    runs[0].figures[kHistoryPeakRss] = first;
    runs[1].figures[kHistoryPeakRss] = second;
    const std::string plot = TrendPlot(runs, kHistoryPeakRss);
    std::vector<double> cy;
    for (std::size_t at = plot.find(" cy=\""); at != std::string::npos; at = plot.find(" cy=\"", at + 1))
      cy.push_back(std::stod(plot.substr(at + 5)));
    REQUIRE(cy.size() == 2);
    return cy;
  };
  CHECK(heights(100, 200) == std::vector<double>{54, 6});
  CHECK(heights(200, 100) == std::vector<double>{6, 54});
  CHECK(heights(0, 0) == std::vector<double>{30, 30});
  const std::vector<double> steady = heights(1000, 1001);
  CHECK(steady[0] - steady[1] < 1);
}

TEST_CASE(
    "Trends: a figure that no run has is named and not drawn; a newest run without one of the three has no number") {
  std::vector<RunLine> runs = SampleRuns(1, 1, 3);
  for (RunLine& run : runs) run.figures[HistoryIndex("workers", "starved")].reset();
  runs.back().figures[kHistoryBytesPerRound].reset();
  const std::string html = *RenderTrends(runs);
  CHECK(Count(html, "Not measured: workers without a request.") == 1);
  CHECK(Count(html, "<circle ") == 3 * (kHistoryFigureCount - 1) - 1);
  CHECK(Count(html, "<b>–</b>") == 1);
}

TEST_CASE("Trends: names stay text") {
  std::vector<RunLine> runs = SampleRuns(1, 1, 2);
  for (RunLine& run : runs) run.scenario = run.strategy = run.machine = "</title><script>alert(1)</script>";
  const std::string html = *RenderTrends(runs);
  CHECK(Count(html, "<script>alert") == 0);
  CHECK(Count(html, "&lt;script&gt;alert") > 0);
}

TEST_CASE("Trends: no run is refused, and so are more parts than fit") {
  CHECK(RenderTrends({}).error().code == ErrorCode::kInvalid);
  CHECK(RenderTrends(SampleRuns(40, 10, 1)).error().code == ErrorCode::kTooBig);
}

TEST_CASE("Trends: the terminal's table has a line per scenario and strategy in 80 columns") {
  std::vector<RunLine> runs = SampleRuns(2, 2, 3);
  runs.back().figures[kHistoryPeakRss].reset();
  const std::string table = TrendsTable(runs);
  CHECK(Count(table, "\n") == 5);
  std::size_t begin = 0;
  for (std::size_t end = table.find('\n'); end != std::string::npos; begin = end + 1, end = table.find('\n', begin))
    CHECK(end - begin <= 80);
}

}  // namespace
}  // namespace prefixmesh::bench
