// JUnit XML, the part that CI servers agree on (testsuites, testsuite, testcase; failure, error, skipped). An objective
// that was missed is a failure, a run that broke an error, one that its generator did not drive as planned is skipped:
// it says nothing.
#include "bench/export/export.h"
#include "bench/export/xml.h"

namespace prefixmesh::bench {
namespace {

// Seconds of load: what a line can tell of how long a run took.
double LoadSeconds(const RunLine& run) {
  const double rps = run.figures[HistoryIndex("load", "achieved_rps")].value_or(0);
  return rps > 0 ? run.figures[HistoryIndex("load", "sent")].value_or(0) / rps : 0;
}

}  // namespace

Result<ExportFiles> JUnit(const std::vector<RunLine>& runs) {
  std::string suites;
  for (const RunGroup& group : GroupsOf(runs)) {
    std::size_t failures = 0, errors = 0, skipped = 0;
    double seconds = 0;
    std::string cases;
    for (const RunLine& run : group.runs) {
      seconds += LoadSeconds(run);
      cases += "    <testcase name=\"" + Xml(run.run_id) + "\" classname=\"" + Xml(group.Name()) + "\" time=\"" +
               NumberText(LoadSeconds(run)) + "\"";
      const auto ended = [&](const char* element, std::size_t& count) {
        ++count;
        cases += std::string(">\n      <") + element + " message=\"" + Xml(run.why) + "\"" +
                 (element == std::string_view("skipped") ? "" : " type=\"" + Xml(run.verdict) + "\"") +
                 "/>\n    </testcase>\n";
      };
      if (run.verdict == "slo_missed")
        ended("failure", failures);
      else if (run.verdict == "failed")
        ended("error", errors);
      else if (run.verdict == "untrusted" || !run.trusted)
        ended("skipped", skipped);
      else
        cases += "/>\n";
    }
    suites += "  <testsuite name=\"" + Xml(group.Name()) + "\" tests=\"" + std::to_string(group.runs.size()) +
              "\" failures=\"" + std::to_string(failures) + "\" errors=\"" + std::to_string(errors) + "\" skipped=\"" +
              std::to_string(skipped) + "\" time=\"" + NumberText(seconds) + "\" timestamp=\"" +
              Xml(group.runs.front().started_at.substr(0, 19)) + "\" hostname=\"" + Xml(group.runs.front().machine) +
              "\">\n" + cases + "  </testsuite>\n";
  }
  return ExportFiles{
      {"junit.xml", "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n" + suites + "</testsuites>\n"}};
}

}  // namespace prefixmesh::bench
