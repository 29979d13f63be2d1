// Goal: what is drawn of an A/B says what its analysis says, fits the terminal, and cannot run. Method: a made-up A/B
// with something of everything.
#include "bench/ab/overview.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "bench/ab/ab_json.h"
#include "bench/ab/ab_report.h"
#include "bench/ab/ab_table.h"
#include "bench/ab/analysis.h"
#include "bench/ab/compare.h"
#include "bench/ab/statistics/bootstrap.h"
#include "bench/text/safe_text.h"
#include "tests/bench/ab/sample.h"

namespace prefixmesh::bench::ab {
namespace {

TEST_CASE("AbOverview: one sentence says who is better at what") {
  const auto sentence = [](const ValueFunction& value, std::size_t pairs = 9) {
    const Experiment experiment = SampleExperiment({"off", "two-layer"}, pairs, value);
    return InOneSentence(experiment, Analyse(experiment).comparisons[0]);
  };
  CHECK(sentence(Worse) == "B (two-layer) is worse than A (off) at peak RSS; no difference at 11, no verdict at 0.");
  CHECK(sentence(Same) ==
        "B (two-layer) is neither better nor worse than A (off); no difference at 12, no verdict at 0.");
  CHECK(sentence(Worse, 3) == "Nothing is decided between A (off) and B (two-layer), no verdict at 12.");
  Experiment unusable = SampleExperiment({"off", "two-layer"}, 9, Worse);
  for (FinishedRun& run : unusable.runs) run.facts.trusted = false;
  const Analysis nothing = Analyse(unusable);
  CHECK(InOneSentence(unusable, nothing.comparisons[0]) ==
        "Nothing was compared: there is no pair of A (off) and B (two-layer) that can be.");
  CHECK(sentence([](auto pair, auto arm, auto metric) {
          const double factor = arm == 0 ? 1 : metric == 1 ? 0.5 : metric == 0 ? 1.2 : 1;
          return std::optional<double>(*Same(pair, arm, metric) * factor);
        }) ==
        "B (two-layer) is better than A (off) at router CPU, worse at peak RSS; no difference at 10, no verdict at 0.");
}

TEST_CASE("AbOutput: 80 printable columns, the verdict last, and nothing of a name can run") {
  const Experiment experiment = RichExperiment();
  const Analysis analysis = Analyse(experiment);
  const std::string table = RenderAbTable(experiment, analysis);
  for (std::size_t at = 0; at < table.size();) {
    const std::size_t end = table.find('\n', at);
    REQUIRE(end != std::string::npos);
    CHECK(Columns(table.substr(at, end - at)) <= 80);
    at = end + 1;
  }
  CHECK(table.find('\x1b') == std::string::npos);
  CHECK(table.ends_with("\nverdict: regressed\n"));
  const std::string report = RenderAbReport(experiment, analysis);
  CHECK(report.find("<script>alert") == std::string::npos);
  CHECK(report.find("&lt;script&gt;alert") != std::string::npos);
  // A dot per pair and metric that both arms measured, twice 13 pairs, but for one in 3 of them; nulls have none.
  std::size_t dots = 0;
  for (std::size_t at = 0; (at = report.find("<circle", at)) != std::string::npos; ++at) ++dots;
  CHECK(dots == 13 * (12 + 1) + 13 * 10 + 3);
  const nlohmann::ordered_json json = AbJson(experiment, analysis);
  CHECK(json["verdict"] == "regressed");
  CHECK(json["runs"].size() == 39);
  CHECK(json["metrics"][0]["verdict"] == "regressed");
  CHECK(json["metrics"][2]["median_change"] == -1);
}

TEST_CASE("AbOverview: what every arm has, and what its comparison with the first says; two arms need none") {
  const Experiment experiment = RichExperiment();
  const Analysis analysis = Analyse(experiment);
  const Overview overview = OverviewOf(experiment, analysis);
  REQUIRE(overview.arms == std::vector<std::size_t>{0, 1, 2});
  REQUIRE(overview.rows.size() == experiment.request.metrics.size() + 1);  // a run was killed
  for (const OverviewRow& row : overview.rows) {
    REQUIRE(row.cells.size() == 3);
    CHECK_FALSE(row.cells[0].verdict.has_value());
    for (const std::size_t arm : {1, 2}) {
      const ArmComparison& comparison = analysis.comparisons[arm - 1];
      const auto compared = std::find_if(
          comparison.metrics.begin(), comparison.metrics.end(),
          [&](const MetricResult& each) { return each.metric.declared.name == row.metric->declared.name; });
      REQUIRE(row.cells[arm].verdict.has_value() == (compared != comparison.metrics.end()));
      if (compared != comparison.metrics.end()) CHECK(row.cells[arm].verdict == compared->comparison.verdict);
    }
  }
  // The killed run's figures are not among its arm's, a value that is missing in some run has no median.
  std::vector<double> rss;
  for (const FinishedRun& run : experiment.runs)
    if (run.scheduled.arm == 1 && !run.facts.killed()) rss.push_back(*run.facts.values[0]);
  CHECK(overview.rows[0].cells[1].value == Median(rss));
  CHECK_FALSE(overview.rows[4].cells[2].value.has_value());
  CHECK(overview.rows.back().cells[0].value == 0);
  CHECK(overview.rows.back().cells[1].value == 1);

  const std::string table = RenderAbTable(experiment, analysis);
  CHECK(table.find("\nall against A              B  C\npeak RSS                   -  x\n") != std::string::npos);
  CHECK(table.find("\nkilled at the memory cap   =  .\n") != std::string::npos);
  CHECK(RenderAbReport(experiment, analysis).find("id=\"overview\"") != std::string::npos);

  const Experiment two = SampleExperiment({"off", "two-layer"}, 9, Worse);
  CHECK(OverviewOf(two, Analyse(two)).rows.empty());
  CHECK(RenderAbReport(two, Analyse(two)).find("id=\"overview\"") == std::string::npos);
}

TEST_CASE("AbCompare: two results side by side, without a verdict; other plans are refused") {
  const Experiment experiment = SampleExperiment({"off", "two-layer"}, 2, Worse);
  RunFacts a = experiment.runs[0].facts, b = experiment.runs[1].facts;
  b.machine = "another";
  const Result<std::string> text = RenderComparison(a, b, experiment.request.metrics);
  REQUIRE(text.ok());
  CHECK(text->find("no verdict") != std::string::npos);
  CHECK(text->find("different machines") != std::string::npos);
  // Of a run in which many fail only the others are fast and cached.
  CHECK(text->find("not comparable") == std::string::npos);
  b.guards[0] = 0.18;
  b.missed = {"at most 1 % of the requests fail"};
  b.samples.assign(b.values.size(), std::nullopt);
  b.samples[9] = 2;
  const std::string failing = *RenderComparison(a, b, experiment.request.metrics);
  CHECK(failing.find("failed share                       0.00 %      18.00 %  +18.00 points\n") != std::string::npos);
  for (const char* name : {"cached share", "load CoV", "latency p99"}) {
    const std::size_t row = failing.find(std::string("\n") + name), next = failing.find('\n', row + 1);
    REQUIRE(row != std::string::npos);
    CHECK(failing.substr(row, next - row).ends_with("not comparable"));
  }
  CHECK(failing.find("0.00 % and 18.00 %") != std::string::npos);
  CHECK(failing.find("not comparable: visibility p99 is of 2 samples; it takes 100") != std::string::npos);
  CHECK(failing.find("note: B missed objectives: 'at most 1 % of the requests fail'") != std::string::npos);
  b.plan_fingerprint = "other";
  const Result<std::string> refused = RenderComparison(a, b, experiment.request.metrics);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().message.find("did not run the same plan") != std::string::npos);
}

}  // namespace
}  // namespace prefixmesh::bench::ab
