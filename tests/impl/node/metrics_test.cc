// Goal: what a router reports survives its Status message, and its /metrics page is the report in base units.
// Oracle: the text of the page, line by line.
#include "impl/figures/metrics_text.h"

#include <catch2/catch.hpp>
#include <string>

#include "impl/figures/router_figures.h"
#include "impl/figures/router_report.h"
#include "impl/wire/prefixmesh.pb.h"
#include "impl/wire/status_message.h"

namespace prefixmesh {
namespace {

RouterReport Sample() {
  RouterReport report{"a", "two-layer", "block", {}};
  report.readings.Set(RouterFigure("index.bytes"), std::uint64_t{1} << 40);
  report.readings.Set(RouterFigure("requests.refused"), std::uint64_t{0});
  report.readings.Set(RouterFigure("decision_us.*"), "p99", 250.0);
  report.readings.SetNotMeasured(RouterFigure("decision_us.*"), "nothing was decided", "p50");
  report.readings.Set(RouterFigure("sync.received_bytes.*"), "b", std::uint64_t{7});
  report.readings.Set(RouterFigure("sync.round_ms"), 50.0);
  return report;
}

TEST_CASE("Status: a report comes out of its message as it went in") {
  const RouterReport sample = Sample();
  v1::RouterStatus status;
  WriteStatus(sample, status);
  v1::RouterStatus arrived;
  REQUIRE(arrived.ParseFromString(status.SerializeAsString()));
  const RouterReport report = ReadStatus(arrived);
  REQUIRE(report.name == "a");
  REQUIRE(report.strategy == "two-layer");
  REQUIRE(report.index_kind == "block");
  std::size_t count = 0;
  for (const Reading& reading : report.readings) {
    ++count;
    const Reading* sent = sample.readings.Find(*reading.figure, reading.label);
    REQUIRE(sent != nullptr);
    REQUIRE(sent->value.index() == reading.value.index());
    REQUIRE(sent->number() == reading.number());
    if (sent->reason() != nullptr) REQUIRE(*sent->reason() == *reading.reason());
  }
  REQUIRE(count == 6);
  REQUIRE(report.readings.Count(RouterFigure("index.bytes")) == std::uint64_t{1} << 40);
}

TEST_CASE("Status: what another version says and this one does not know is left out") {
  v1::RouterStatus status;
  const auto add = [&](const std::string& figure, const std::string& label) {
    v1::Reading& row = *status.add_readings();
    row.set_figure(figure);
    row.set_label(label);
    row.set_count(1);
  };
  add("index.colour", "");
  add("index.bytes", "red");         // has no label
  add("sync.received_bytes.*", "");  // needs one
  add("sync.received_bytes.*", std::string(kTextBytesMax + 1, 'x'));
  status.add_readings()->set_figure("index.nodes");  // no value
  add("index.budget_bytes", "");
  const RouterReport report = ReadStatus(status);
  REQUIRE(report.readings.Count(RouterFigure("index.budget_bytes")) == 1);
  REQUIRE(std::distance(report.readings.begin(), report.readings.end()) == 1);
}

TEST_CASE("Metrics: every figure with a metric is there, in base units, and one without a number is not") {
  const MetricsSource router{"a", Sample().readings};
  REQUIRE(MetricsText(kRouterFigures, "router", {&router, 1}) ==
          "# HELP prefixmesh_index_bytes bytes that the prefix index accounts for\n"
          "# TYPE prefixmesh_index_bytes gauge\n"
          "prefixmesh_index_bytes{router=\"a\"} 1099511627776\n"
          "# HELP prefixmesh_requests_refused_total requests that this bound refused\n"
          "# TYPE prefixmesh_requests_refused_total counter\n"
          "prefixmesh_requests_refused_total{router=\"a\"} 0\n"
          "# HELP prefixmesh_decision_seconds from request in to worker chosen, wall clock, load phase\n"
          "# TYPE prefixmesh_decision_seconds gauge\n"
          "prefixmesh_decision_seconds{router=\"a\",percentile=\"p99\"} 0.00025\n"
          "# HELP prefixmesh_sync_received_bytes_total payload that arrived, by peer\n"
          "# TYPE prefixmesh_sync_received_bytes_total counter\n"
          "prefixmesh_sync_received_bytes_total{router=\"a\",peer=\"b\"} 7\n");
}

}  // namespace
}  // namespace prefixmesh
