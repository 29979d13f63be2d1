// Goal: rates come from the two ends of the load phase and nothing else; what was not measured is null, never zero, and
// every null has a note that names it. Method: results of hand-made measurements, the generator's half made by its own
// writer.
#include <catch2/catch.hpp>
#include <set>

#include "bench/result/write/build_result.h"
#include "impl/figures/figures.h"
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
  m.strategy = "two-layer";
  m.settings.phases.idle_s = 10;
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
                                                  .no_ledger = "the ledger was not probed",
                                                  .visibility = std::nullopt,
                                                  .no_visibility = "there is one router",
                                                  .load_cpu_cores = 0,
                                                  .cpu_s = 1,
                                                  .peak_rss_bytes = 1}));
}

// Paths of null leaves, and for each all that a note may name it by: itself or a group it is in.
void Unexplained(const Json& node, std::vector<std::string> names, const std::vector<std::string>& notes,
                 std::vector<std::string>& missing) {
  if (node.is_null()) {
    for (const std::string& note : notes)
      for (const std::string& name : names) {
        for (auto at = note.find(name); at != std::string::npos; at = note.find(name, at + 1)) {
          const char after = at + name.size() < note.size() ? note[at + name.size()] : ',';
          if (after == ',' || after == ' ' || after == ':') return;
        }
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
Readings IdleReadings() {
  Readings readings;
  for (const Figure& figure : kRouterFigures) {
    if (!figure.null_when.empty()) continue;
    if (!figure.labelled()) readings.Set(figure, std::uint64_t{0});
    if (!figure.labelled()) continue;
    for (const LabelValue& value : figure.label.values) readings.Set(figure, value.name, std::uint64_t{0});
  }
  return readings;
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
  REQUIRE(Unexplained(result) == std::vector<std::string>());
}

TEST_CASE("BuildResult: growth is the slope over the load phase alone, of resident and of accounted memory") {
  Measured m = Begun();
  m.load_begin = SampleAt(5, 1000);
  m.load_end = SampleAt(17, 21000);
  for (int second = 0; second < 25; ++second) {
    Sample& sample = m.samples.emplace_back(SampleAt(second, 1));
    const bool of_load = second >= 5 && second <= 17;
    sample.routers[0].rss_bytes = of_load ? 1'000'000u * static_cast<unsigned>(second) : 99'000'000;
    sample.routers[0].counters->index_bytes = of_load ? 5000 : 0;
    sample.routers[0].counters->buffers["log"] = {.bytes = 100u * static_cast<unsigned>(second), .entries = 1};
    if (second > 13) sample.routers[1] = {};  // nine samples are left
  }
  m.samples[9].routers[0].rss_bytes = 500'000'000;  // an outlier
  const Json result = BuildResult(m);
  const Json& growth = result["routers"][0]["growth"];
  CHECK(growth["rss_bytes_per_s"]["slope"] == 1e6);
  CHECK(growth["rss_bytes_per_s"]["low"].get<double>() <= 1e6);
  CHECK(growth["rss_bytes_per_s"]["high"].get<double>() >= 1e6);
  CHECK(growth["accounted_bytes_per_s"] == Json::parse(R"({"slope": 100.0, "low": 100.0, "high": 100.0})"));
  CHECK(result["routers"][1]["growth"]["rss_bytes_per_s"]["slope"].is_null());
  CHECK(Unexplained(result) == std::vector<std::string>());
}

TEST_CASE("BuildResult: a loop that ended no round in the load phase has no rates; one that built nothing has 0") {
  Measured m = Begun();
  m.load_begin = SampleAt(5, 1000);
  m.load_end = SampleAt(15, 1000);
  for (std::size_t i = 0; i < 2; ++i) {
    m.load_begin->routers[i].counters->rounds_ended = 7;
    m.load_end->routers[i].counters->rounds_ended = i == 0 ? 7 : 8;
  }
  const Json result = BuildResult(m);
  for (const char* rate : {"bytes_per_s", "built_bytes_per_s", "delivered_bytes_per_s"}) {
    REQUIRE(result["routers"][0]["sync"][rate].is_null());
    REQUIRE(result["routers"][1]["sync"][rate] == 0);
  }
  const std::vector<std::string> notes = result["notes"];
  REQUIRE(std::any_of(notes.begin(), notes.end(), [](const std::string& note) {
    return note.find("the mesh loop was starved: no round ended in the load phase: routers[router-a].sync") !=
           std::string::npos;
  }));
}

TEST_CASE("BuildResult: a router that was silent at an end of the load phase has no rates, and they are null") {
  Measured m = Begun();
  m.load_begin = SampleAt(5, 1000);
  m.load_end = SampleAt(15, 21000);
  m.load_end->routers[1].counters.reset();
  m.load_end->routers[0].counters->delivered_bytes.reset();  // its peer did not say
  m.samples = {SampleAt(4, 1), *m.load_end};
  m.samples[1].routers[0].counters->buffers["log"] = {.bytes = 96, .entries = 2};
  const Json result = BuildResult(m);
  REQUIRE(result["series"]["buffers"] ==
          Json::parse(R"({"router-a": {"log": {"bytes": [null, 96], "entries": [null, 2]}}, "router-b": {}})"));
  REQUIRE(result["routers"][0]["sync"]["bytes_per_s"].get<double>() == Approx(2000));
  REQUIRE(result["routers"][0]["sync"]["delivered_bytes_per_s"].is_null());
  REQUIRE(result["routers"][1]["sync"]["bytes_per_s"].is_null());
  REQUIRE(result["series"]["sync_bytes"]["router-b"] == Json({2, nullptr}));
  REQUIRE(Unexplained(result) == std::vector<std::string>());
  const std::vector<std::string> notes = result["notes"];
  REQUIRE(std::count(notes.begin(), notes.end(),
                     "router-b did not answer 1 of 2 samples: they are null in the series") == 1);
}

TEST_CASE("BuildResult: a router that did not hear all workers' KV events is named") {
  Measured m = Begun();
  m.settings.workers.count = 20;
  const auto noted = [&] {
    const std::vector<std::string> notes = BuildResult(m)["notes"];
    return std::count(notes.begin(), notes.end(), "router-b heard the KV events of 19 of 20 workers at the end");
  };
  for (auto& router : m.routers) router.readings.Set(RouterFigure("kv_events.streams"), std::uint64_t{20});
  REQUIRE(noted() == 0);
  m.routers[1].readings.Set(RouterFigure("kv_events.streams"), std::uint64_t{19});
  REQUIRE(noted() == 1);
}

TEST_CASE("BuildResult: with KV events nothing is said of what peers saw, and so nothing of what sync brought") {
  Measured m = Begun();
  for (const char* strategy : {"off", "two-layer"}) {
    m.strategy = strategy;
    m.settings.index.source = "routed";
    REQUIRE(VisibilityOf(m).has_value() == (m.strategy == "off"));  // who tells nothing is never seen
    m.settings.index.source = "events";
    REQUIRE(!VisibilityOf(m).has_value());
    m.ladder = Ladder{};
    m.ladder->prompt_bytes = 100;
    m.ladder->unsynced = 10;
    const Json result = BuildResult(m);
    REQUIRE(result["ladder"]["gained_by_sync"].is_null());
    m.ladder.reset();
  }
}

TEST_CASE("BuildResult: how far indexes are the caches is a series where routers believe workers, and none elsewhere") {
  Measured m = Begun();
  m.samples = {SampleAt(4, 1), SampleAt(5, 2)};
  m.samples[1].routers[0].precision = 0.5;
  m.samples[1].routers[0].recall = 0.25;
  REQUIRE_FALSE(BuildResult(m)["series"].contains("index_recall"));
  m.settings.index.source = "events";
  const Json series = BuildResult(m)["series"];
  REQUIRE(series["index_precision"] == Json::parse(R"({"router-a": [null, 0.5], "router-b": [null, null]})"));
  REQUIRE(series["index_recall"] == Json::parse(R"({"router-a": [null, 0.25], "router-b": [null, null]})"));
  m.index_kind = "text";
  REQUIRE_FALSE(BuildResult(m)["series"].contains("index_recall"));
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
  m.settings.slo.push_back({"small", "routers.peak_rss_bytes <= 100"});
  Json result = BuildResult(m);
  for (const char* part : {"routers", "routing", "ladder", "placements", "visibility", "load", "loadgen"})
    NoNumbers(result[part], part);
  Json workers = result["workers"];
  workers.erase("count");
  NoNumbers(workers, "workers");
  REQUIRE(result["slo"][0]["ok"] == false);
  result["slo"] = Json::object();  // named by its own name
  REQUIRE(Unexplained(result) == std::vector<std::string>());
}

TEST_CASE("BuildResult: what the generator could not measure is explained as well") {
  Measured m = Begun();
  m.load = EmptyLoad(m.settings);
  m.verdict = Verdict::kOk;
  for (auto& router : m.routers) {
    router.settled = true;
    router.readings = IdleReadings();
    for (const Figure* figure : {&RouterFigure("peak_rss_bytes"), &RouterFigure("pss_bytes"),
                                 &RouterFigure("end_rss_bytes"), &RouterFigure("sync.delivered_bytes")})
      router.readings.Set(*figure, std::uint64_t{1});
    for (const Figure* figure : {&RouterFigure("cpu_s"), &RouterFigure("rss_above_live_bytes")})
      router.readings.Set(*figure, 1.0);
  }
  m.routers[1].readings.SetNotMeasured(RouterFigure("pss_bytes"));
  const Json result = BuildResult(m);
  REQUIRE(result["load"]["ok"] == 0);
  REQUIRE(result["load"]["latency_from_sent_us"]["p50"].is_null());
  REQUIRE(Unexplained(result) == std::vector<std::string>());
  const std::vector<std::string> notes = result["notes"];
  REQUIRE(std::count(notes.begin(), notes.end(),
                     "null, because the kernel did not tell: routers[router-b].pss_bytes") == 1);
  REQUIRE(std::count(notes.begin(), notes.end(), "null, because there is one router: visibility") == 1);
  REQUIRE(std::none_of(notes.begin(), notes.end(),
                       [](const std::string& note) { return note.find("nobody said why") != std::string::npos; }));
}

TEST_CASE("BuildResult: the ladder has bytes of worlds and signed steps; a step without a measured delay says why") {
  Measured m = Begun();
  m.load = EmptyLoad(m.settings);
  m.ladder =
      Ladder{.prompt_bytes = 1000, .cached_bytes = {800, 700, 750, 500, 510}, .unsynced = 300, .oracle_load_cov = 0.1};
  Json ladder = BuildResult(m)["ladder"];
  CHECK(ladder["cached_bytes"] ==
        Json::parse(R"({"unlimited": 800, "fleet_lru": 700, "one_router": 750, "routers": 500, "unsynced": 300})"));
  CHECK(ladder["step"] == Json::parse(R"({"capacity": 0.1, "workers": -0.05, "routers": 0.25, "run": -0.01})"));
  CHECK(ladder["gained_by_sync"] == 0.21);

  m.ladder->cached_bytes[static_cast<std::size_t>(World::kRouters)].reset();
  m.load["not_measured"]["visibility.visible_share"] = "nothing was sampled";
  const Json result = BuildResult(m);
  CHECK(result["ladder"]["step"]["workers"] == -0.05);
  CHECK(result["ladder"]["step"]["routers"].is_null());
  CHECK(result["ladder"]["step"]["run"].is_null());
  CHECK(Unexplained(result) == std::vector<std::string>());
  const std::vector<std::string> notes = result["notes"];
  CHECK(std::any_of(notes.begin(), notes.end(), [](const std::string& note) {
    return note.starts_with("null, because nothing was sampled: ") &&
           note.find("ladder.step.routers, ladder.step.run") != std::string::npos;
  }));
}

TEST_CASE("VisibilityOf: never without sync; else the delays that the generator saw, or nothing where it saw none") {
  Measured m = Begun();
  m.strategy = "off";
  REQUIRE(VisibilityOf(m).has_value());
  CHECK_FALSE(VisibilityOf(m)->ever());
  m.strategy = "two-layer";
  CHECK_FALSE(VisibilityOf(m).has_value());  // no load.json
  load::Histogram delays;
  m.load = {{"load", {{"hdr", {{"visibility_us", delays.Encode()}}}}}, {"visibility", {{"never", 0}}}};
  CHECK_FALSE(VisibilityOf(m).has_value());  // all was known before
  m.load["visibility"]["never"] = 3;
  REQUIRE(VisibilityOf(m).has_value());
  CHECK_FALSE(VisibilityOf(m)->ever());
  delays.Record(20'000);
  m.load["load"]["hdr"]["visibility_us"] = delays.Encode();
  m.load["visibility"]["never"] = 0;
  REQUIRE(VisibilityOf(m).has_value());
  Prng prng(1);
  CHECK(VisibilityOf(m)->Draw(prng).value() >= std::chrono::milliseconds(20));
  CHECK(VisibilityOf(m)->Draw(prng).value() < std::chrono::microseconds(20'050));
}

TEST_CASE("BuildResult: what a fault did stands there under its name; what was not reached is null and explained") {
  Measured m = Begun();
  REQUIRE_FALSE(BuildResult(m).contains("join"));
  MeasuredFault& join = m.faults.emplace_back();
  join.group = &kJoinGroup;
  join.words = {{"router", "router-b"}};
  join.why_not_equal = "it ended before";
  join.readings.Complete(kJoinFigures, kNotReached);
  REQUIRE(Unexplained(BuildResult(m)) == std::vector<std::string>());  // the load never got there

  join.readings.Set(JoinFigure("at_s"), 8.0);
  join.readings.Set(JoinFigure("records"), std::uint64_t{17});
  join.readings.Set(JoinFigure("built_bytes.*"), "control", std::uint64_t{20});
  join.readings.Set(JoinFigure("decision_cpu_p99_us.*.before"), "router-a", 50.0);
  join.readings.Set(JoinFigure("decision_cpu_p99_us.*.after"), "router-a", 60.0);
  join.readings.SetNotMeasured(JoinFigure("decision_cpu_p99_us.*.after"), kDecidedNothingThen, "router-b");
  join.equal_at_rest = true;
  const Json result = BuildResult(m);
  REQUIRE(Unexplained(result) == std::vector<std::string>());
  const Json& part = result["join"];
  REQUIRE(part["router"] == "router-b");
  REQUIRE(part["at_s"] == 8.0);
  REQUIRE(part["records"] == 17);
  REQUIRE(part["built_bytes"]["control"] == 20);
  REQUIRE(part["built_bytes"]["placements"].is_null());
  REQUIRE(part["complete_after_ms"].is_null());
  REQUIRE(part["equal_at_rest"] == true);
  REQUIRE(part["decision_cpu_p99_us"] ==
          Json::parse(R"({"router-a":{"before":50.0,"after":60.0},"router-b":{"after":null}})"));
  const std::vector<std::string> notes = result["notes"];
  REQUIRE(std::any_of(notes.begin(), notes.end(), [](const std::string& note) {
    return note.starts_with("null, because " + std::string(kNotReached)) &&
           note.find("join.complete_after_ms") != std::string::npos;
  }));
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
