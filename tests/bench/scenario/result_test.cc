// Goal: rates come from the two ends of the load phase and nothing else; what was not measured is null, never zero, and
// every null has a note that names it. Method: results of hand-made measurements, the generator's half made by its own
// writer.
#include <catch2/catch.hpp>
#include <set>

#include "bench/scenario/measured.h"
#include "impl/figures/router_figures.h"
#include "loadgen/drive/summary.h"

namespace prefixmesh::bench {
namespace {

using Json = nlohmann::ordered_json;

Sample SampleAt(double t_s, std::uint64_t built) {
  Sample sample;
  sample.t_s = t_s;
  for (const std::uint64_t factor : {1u, 2u}) {
    RouterSample router;
    router.rss_bytes = 20 << 20;
    router.counters = RouterCounters{t_s + 0.01, built * factor, built * factor * 2, 0, 0, 0, built * factor};
    sample.routers.push_back(router);
  }
  return sample;
}

Measured Begun() {
  Measured m;
  m.request.strategy = "two-layer";
  m.request.settings.phases.idle_s = 10;
  m.index_kind = "block";
  for (const char* name : {"router-a", "router-b"}) m.routers.emplace_back().name = name;
  return m;
}

// The generator's load.json of a run in which nothing was sent.
nlohmann::json EmptyLoad(const load::Settings& settings) {
  load::Settings small = settings;
  small.load.rps = 1;
  const Result<load::Plan> plan = load::BuildPlan(small, 1);
  REQUIRE(plan.ok());
  const load::SendRecorder sends(5'000'000);
  const load::ReplyRecorder replies;
  const std::vector<load::RequestRecord> records(plan->requests().size());
  return nlohmann::json::parse(load::SummaryJson({.plan = *plan,
                                                  .settings = small,
                                                  .strategy = "two-layer",
                                                  .sends = sends,
                                                  .replies = replies,
                                                  .records = records,
                                                  .worker_names = {},
                                                  .ledger = std::nullopt,
                                                  .visibility = std::nullopt,
                                                  .load_cpu_cores = 0,
                                                  .cpu_s = 1,
                                                  .peak_rss_bytes = 1,
                                                  .notes = {}}));
}

// Paths of null leaves, and for each all that a note may name it by: itself or a group it is in.
void Unexplained(const Json& node, std::vector<std::string> names, const std::vector<std::string>& notes,
                 std::vector<std::string>& missing) {
  if (node.is_null()) {
    for (const std::string& note : notes)
      for (const std::string& name : names) {
        const auto at = note.find(name);
        if (at == std::string::npos) continue;
        const char after = at + name.size() < note.size() ? note[at + name.size()] : ',';
        if (after == ',' || after == ' ' || after == ':') return;
      }
    missing.push_back(names.back());
  }
  if (!node.is_object()) return;
  const std::string here = names.back();
  for (const auto& [key, value] : node.items()) {
    names.push_back(here + "." + key);
    Unexplained(value, names, notes, missing);
    names.pop_back();
  }
}
std::vector<std::string> Unexplained(const Json& result) {
  std::vector<std::string> missing;
  const std::vector<std::string> notes = result.at("notes");
  for (const auto& [key, value] : result.items()) {
    if (key == "series" || key == "scenario" || key == "build" || key == "machine") continue;
    if (key != "routers") {
      Unexplained(value, {key}, notes, missing);
      continue;
    }
    for (const Json& router : value) {
      // Named for all routers or for this one.
      std::vector<std::string> all, own;
      Unexplained(router, {"routers[]"}, notes, all);
      Unexplained(router, {"routers[" + router.at("name").get<std::string>() + "]"}, notes, own);
      const std::set<std::string> own_set(own.begin(), own.end());
      for (const std::string& path : all)
        if (own_set.count("routers[" + router.at("name").get<std::string>() + path.substr(8)) > 0)
          missing.push_back(path);
    }
  }
  return missing;
}

// Of a router to which nothing happened: what it always counts is 0.
RouterReport IdleReport() {
  RouterReport report;
  for (const Figure& figure : kRouterFigures) {
    if (!figure.null_when.empty()) continue;
    if (figure.label == nullptr) report.readings.Set(figure, std::uint64_t{0});
    if (figure.label == nullptr) continue;
    for (const LabelValue& value : figure.label->values) report.readings.Set(figure, value.name, std::uint64_t{0});
  }
  return report;
}

TEST_CASE("BuildResult: rates are growth between the ends of the load phase over the time between the answers") {
  Measured m = Begun();
  m.load_begin = SampleAt(5, 1000);
  m.load_end = SampleAt(15, 21000);
  // The rows of the series lie elsewhere and know of bytes before and after.
  for (const double t : {0.0, 5.4, 14.2, 15.3}) m.samples.push_back(SampleAt(t, static_cast<std::uint64_t>(t * 1e6)));
  const Json result = BuildResult(m);
  const Json &a = result["routers"][0]["sync"], &b = result["routers"][1]["sync"];
  REQUIRE(a["bytes_per_s"].get<double>() == Approx(2000));
  REQUIRE(a["built_bytes_per_s"].get<double>() == Approx(2000));
  REQUIRE(a["delivered_bytes_per_s"].get<double>() == Approx(2000));
  REQUIRE(a["wire_bytes_per_s"].get<double>() == Approx(4000));
  REQUIRE(b["bytes_per_s"].get<double>() == Approx(4000));
  REQUIRE(Unexplained(result).empty());
}

TEST_CASE("BuildResult: a router that was silent at an end of the load phase has no rates, and they are null") {
  Measured m = Begun();
  m.load_begin = SampleAt(5, 1000);
  m.load_end = SampleAt(15, 21000);
  m.load_end->routers[1].counters.reset();
  m.load_end->routers[0].counters->delivered_bytes.reset();  // its peer did not say
  m.samples = {SampleAt(4, 1), *m.load_end};
  const Json result = BuildResult(m);
  REQUIRE(result["routers"][0]["sync"]["bytes_per_s"].get<double>() == Approx(2000));
  REQUIRE(result["routers"][0]["sync"]["delivered_bytes_per_s"].is_null());
  REQUIRE(result["routers"][1]["sync"]["bytes_per_s"].is_null());
  REQUIRE(result["series"]["sync_bytes"]["router-b"] == Json({2, nullptr}));
  REQUIRE(Unexplained(result).empty());
  const std::vector<std::string> notes = result["notes"];
  REQUIRE(std::count(notes.begin(), notes.end(),
                     "router-b did not answer 1 of 2 samples: they are null in the series") == 1);
}

// Every number below `node`, but for what is known without measuring.
void NoNumbers(const Json& node, const std::string& path) {
  INFO(path);
  REQUIRE_FALSE(node.is_number());
  if (!node.is_object() && !node.is_array()) return;
  for (const auto& [key, value] : node.items()) NoNumbers(value, path + "." + key);
}

TEST_CASE("BuildResult: a run that ended before its load is null throughout, not zero, and says why") {
  Measured m = Begun();
  m.request.settings.slo.push_back({"small", "routers.peak_rss_bytes <= 100"});
  Json result = BuildResult(m);
  for (const char* part : {"routers", "routing", "placements", "visibility", "load", "loadgen"})
    NoNumbers(result[part], part);
  Json workers = result["workers"];
  workers.erase("count");
  NoNumbers(workers, "workers");
  REQUIRE(result["slo"][0]["ok"] == false);
  result["slo"] = Json::object();  // named by its own name
  REQUIRE(Unexplained(result).empty());
}

TEST_CASE("BuildResult: what the generator could not measure is explained as well") {
  Measured m = Begun();
  m.load = EmptyLoad(m.request.settings);
  m.verdict = Verdict::kOk;
  for (MeasuredRouter& router : m.routers) {
    router.settled = IdleReport();
    router.peak_rss_bytes = router.pss_bytes = router.end_rss_bytes = 1;
    router.cpu_s = 1;
    router.delivered_bytes = 0;
  }
  m.routers[1].pss_bytes.reset();
  const Json result = BuildResult(m);
  REQUIRE(result["load"]["ok"] == 0);
  REQUIRE(result["load"]["latency_from_sent_us"]["p50"].is_null());
  REQUIRE(Unexplained(result).empty());
  const std::vector<std::string> notes = result["notes"];
  REQUIRE(std::count(notes.begin(), notes.end(),
                     "null, because the kernel did not tell: routers[router-b].pss_bytes") == 1);
}

TEST_CASE("BuildResult: a cut and a join stand there as measured; what was not reached is null and explained") {
  Measured m = Begun();
  REQUIRE_FALSE(BuildResult(m).contains("partition"));
  REQUIRE_FALSE(BuildResult(m).contains("join"));
  m.request.settings.partition.direction = "a_to_b";
  m.partition.emplace();
  m.partition->links = {"router-a/router-b"};
  m.join.emplace();
  m.join->router = 1;
  REQUIRE(Unexplained(BuildResult(m)).empty());  // the load never got there

  m.partition->began_s = 7.0004;
  m.partition->healed_s = 12.3456;
  m.join->at_s = 8;
  REQUIRE(Unexplained(BuildResult(m)).empty());  // a strategy without logs

  Convergence& heal = m.partition->heal;
  heal.records = 40;
  heal.connected_after_ms = 3;
  heal.equal_at_rest = false;
  m.join->caught_up.records = 17;
  m.join->decision_cpu_p99_us = {{50.0, 60.0}, {std::nullopt, 70.0}};
  Json result = BuildResult(m);  // not complete
  REQUIRE(Unexplained(result).empty());
  REQUIRE(result["partition"]["complete_after_ms"].is_null());
  REQUIRE(result["partition"]["built_bytes"]["placements"].is_null());

  heal.complete_after_ms = 5.5;
  heal.built_bytes = {{"placements", 100}, {"control", 20}, {"crdt", 0}};
  result = BuildResult(m);
  REQUIRE(Unexplained(result).empty());
  REQUIRE(result["partition"] ==
          Json::parse(R"({"direction":"a_to_b","links":["router-a/router-b"],"began_s":7.0,"healed_s":12.346,
                          "records":40,"connected_after_ms":3.0,"complete_after_ms":5.5,
                          "built_bytes":{"placements":100,"structure":0,"repair":0,"digest":0,"control":20},
                          "equal_at_rest":false})"));
  REQUIRE(result["join"]["router"] == "router-b");
  REQUIRE(result["join"]["decision_cpu_p99_us"] ==
          Json::parse(R"({"router-a":{"before":50.0,"after":60.0},"router-b":{"after":70.0}})"));
}

TEST_CASE("BuildResult: a router that joined is not silent before it was there") {
  Measured m = Begun();
  m.routers[1].ready_s = 6;
  for (const double t : {4.0, 5.0, 6.5, 7.5}) {
    m.samples.push_back(SampleAt(t, 1));
    if (t < 6) m.samples.back().routers[1] = {};
  }
  const auto silent = [&] {
    const std::vector<std::string> notes = BuildResult(m)["notes"];
    return std::count_if(notes.begin(), notes.end(),
                         [](const std::string& note) { return note.find("did not answer") != std::string::npos; });
  };
  REQUIRE(silent() == 0);
  m.samples.back().routers[1].counters.reset();
  REQUIRE(silent() == 1);
}

}  // namespace
}  // namespace prefixmesh::bench
