// result.cc — from what was measured to result.json, value by value as docs/results.md defines them.

#include <algorithm>
#include <cmath>

#include "bench/build_info.h"
#include "bench/result/slo.h"
#include "bench/scenario/measured.h"
#include "bench/scenario/nulls.h"
#include "impl/env/real/process.h"
#include "impl/figures/router_figures.h"

namespace prefixmesh::bench {
namespace {

using Json = nlohmann::ordered_json;

double Median(std::vector<double> values) {
  if (values.empty()) return NAN;
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

// A number, or null when it could not be measured.
Json OrNull(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }
Json OrNullBytes(double value) {
  return std::isfinite(value) ? Json(static_cast<std::uint64_t>(std::llround(value))) : Json(nullptr);
}
template <typename T>
Json OrNull(const std::optional<T>& value) {
  return value.has_value() ? Json(*value) : Json(nullptr);
}

// Median RSS of one router over [from, to] seconds.
double MedianRss(const Measured& m, std::size_t router, double from, double to) {
  std::vector<double> values;
  for (const Sample& sample : m.samples)
    if (sample.t_s >= from && sample.t_s <= to && sample.routers[router].rss_bytes.has_value())
      values.push_back(static_cast<double>(*sample.routers[router].rss_bytes));
  return Median(std::move(values));
}

// Growth of a counter between the two ends of the load phase, per second; null when either was not seen.
template <typename Read>
double RateOverLoad(const Measured& m, std::size_t router, Read read) {
  if (!m.load_begin.has_value() || !m.load_end.has_value()) return NAN;
  const std::optional<RouterCounters>&first = m.load_begin->routers[router].counters,
        &last = m.load_end->routers[router].counters;
  if (!first.has_value() || !last.has_value() || last->at_s <= first->at_s) return NAN;
  const std::optional<std::uint64_t> before = read(*first), after = read(*last);
  if (!before.has_value() || !after.has_value()) return NAN;
  return static_cast<double>(*after - *before) / (last->at_s - first->at_s);
}

// What a router said at the end of settle of one figure; null: there was no number, or no router to ask.
Json Settled(const MeasuredRouter& router, const Figure& figure, std::string_view label = {}) {
  const Reading* reading = router.settled.has_value() ? router.settled->readings.Find(figure, label) : nullptr;
  if (reading == nullptr || reading->reason() != nullptr) return nullptr;
  if (const auto* count = std::get_if<std::uint64_t>(&reading->value)) return *count;
  return *reading->number();
}

Json SyncJson(const Measured& m, std::size_t i) {
  const MeasuredRouter& router = m.routers[i];
  const auto said = [&](const Figure& figure, std::string_view label = {}) { return Settled(router, figure, label); };
  Json by_layer, records;
  for (const LabelValue& layer : kLayerValues)
    by_layer[std::string(layer.name)] = {{"bytes", said(RouterFigure("sync.by_layer.*.bytes"), layer.name)},
                                         {"messages", said(RouterFigure("sync.by_layer.*.messages"), layer.name)}};
  for (const LabelValue& record : kRecordValues)
    records[std::string(record.name)] = said(RouterFigure("sync.records.*"), record.name);
  // delivered / (learned x (routers − 1) x applied / pairs): the cost of one placement that arrived, over all routers,
  // so every router's own share of the learned placements is taken from the whole.
  double per_applied = NAN;
  if (m.load.is_object() && m.load.at("placements").is_object()) {
    const auto& placements = m.load.at("placements");
    const double applied = placements.at("applied"), pairs = placements.at("pairs"), learned = placements.at("learned");
    double delivered = 0;
    for (const MeasuredRouter& each : m.routers)
      delivered += each.delivered_bytes.has_value() ? static_cast<double>(*each.delivered_bytes) : NAN;
    const double arrived = pairs > 0 ? learned * static_cast<double>(m.routers.size() - 1) * applied / pairs : 0;
    if (arrived > 0) per_applied = delivered / arrived;
  }
  Json errors = Json::object();
  if (router.settled.has_value())
    for (const Reading& reading : router.settled->readings)
      if (reading.figure == &RouterFigure("sync.decode_errors.*")) errors[reading.label] = *reading.number();
  const auto rate = [&](auto read) { return OrNull(RateOverLoad(m, i, read)); };
  const Json built_per_s = rate([](const RouterCounters& c) -> std::optional<std::uint64_t> { return c.built_bytes; });
  Json json = {
      {"round_ms", said(RouterFigure("sync.round_ms"))},
      {"rounds", said(RouterFigure("sync.rounds"))},
      {"bytes_per_round",
       {{"mean", said(RouterFigure("sync.bytes_per_round.mean"))},
        {"p50", said(RouterFigure("sync.bytes_per_round.p50"))},
        {"p99", said(RouterFigure("sync.bytes_per_round.p99"))},
        {"max", said(RouterFigure("sync.bytes_per_round.max"))}}},
      {"bytes_per_s", built_per_s},
      {"built_bytes_per_s", built_per_s},
      {"delivered_bytes_per_s", rate([](const RouterCounters& c) { return c.delivered_bytes; })},
      {"wire_bytes_per_s", rate([](const RouterCounters& c) -> std::optional<std::uint64_t> { return c.wire_bytes; })},
      {"bytes_per_applied_placement", OrNull(per_applied)},
      {"built_bytes", said(RouterFigure("sync.built_bytes"))},
      {"refused_bytes", said(RouterFigure("sync.refused_bytes"))},
      {"queued_bytes", said(RouterFigure("sync.queued_bytes"))},
      {"delivered_bytes", OrNull(router.delivered_bytes)},
      {"wire_bytes", said(RouterFigure("sync.wire_bytes"))},
      {"messages", said(RouterFigure("sync.messages"))},
      {"by_layer", by_layer},
      {"idle_bytes_per_s", OrNull(router.idle_bytes_per_s)},
      {"oversize_warnings", said(RouterFigure("sync.oversize_warnings"))},
      {"records", records},
      {"offers_dropped", said(RouterFigure("sync.offers_dropped"))},
      {"decode_errors", errors},
      {"cpu_s", said(RouterFigure("sync.cpu_s"))}};
  return json;
}

Json RouterJson(const Measured& m, std::size_t i) {
  const MeasuredRouter& router = m.routers[i];
  const auto said = [&](const Figure& figure, std::string_view label = {}) { return Settled(router, figure, label); };
  double steady = NAN;
  if (m.load_begin.has_value() && m.load_end.has_value()) {
    const double begin = m.load_begin->t_s, end = m.load_end->t_s;
    steady = MedianRss(m, i, end - (end - begin) / 4, end);
  }
  const bool idle = m.idle_end_s > m.idle_begin_s;
  return {
      {"name", router.name},
      {"peak_rss_bytes", OrNull(router.peak_rss_bytes)},
      {"steady_rss_bytes", OrNullBytes(steady)},
      {"end_rss_bytes", OrNull(router.end_rss_bytes)},
      {"after_idle_rss_bytes",
       idle ? OrNullBytes(MedianRss(m, i, std::max(m.idle_begin_s, m.idle_end_s - 10), m.idle_end_s)) : Json(nullptr)},
      {"pss_bytes", OrNull(router.pss_bytes)},
      {"cpu_s", OrNull(router.cpu_s)},
      {"allocator_live_bytes", said(RouterFigure("allocator_live_bytes"))},
      {"index",
       {{"nodes", said(RouterFigure("index.nodes"))},
        {"bytes", said(RouterFigure("index.bytes"))},
        {"budget_bytes", said(RouterFigure("index.budget_bytes"))}}},
      {"decision_us",
       {{"p50", said(RouterFigure("decision_us.*"), "p50")}, {"p99", said(RouterFigure("decision_us.*"), "p99")}}},
      {"decision_cpu_us",
       {{"p50", said(RouterFigure("decision_cpu_us.*"), "p50")},
        {"p99", said(RouterFigure("decision_cpu_us.*"), "p99")}}},
      {"sync", SyncJson(m, i)}};
}

// Seconds on the clock of the series, to the millisecond.
Json Seconds(const std::optional<double>& value) {
  return value.has_value() ? Json(std::round(*value * 1000) / 1000) : Json(nullptr);
}

void AddConvergence(Json& json, const Convergence& answer) {
  json["records"] = OrNull(answer.records);
  json["connected_after_ms"] = OrNull(answer.connected_after_ms);
  json["complete_after_ms"] = OrNull(answer.complete_after_ms);
  Json& bytes = json["built_bytes"];
  for (const char* layer : {"placements", "structure", "repair", "digest", "control"}) {
    bytes[layer] = nullptr;
    if (!answer.built_bytes.has_value()) continue;
    const auto at = answer.built_bytes->find(layer);
    bytes[layer] = at != answer.built_bytes->end() ? at->second : 0;
  }
  json["equal_at_rest"] = OrNull(answer.equal_at_rest);
}

Json PartitionJson(const Measured& m) {
  Json json = {{"direction", m.request.settings.partition.direction},
               {"links", m.partition->links},
               {"began_s", Seconds(m.partition->began_s)},
               {"healed_s", Seconds(m.partition->healed_s)}};
  AddConvergence(json, m.partition->heal);
  return json;
}

Json JoinJson(const Measured& m) {
  const MeasuredJoin& join = *m.join;
  Json json = {{"router", join.router < m.routers.size() ? Json(m.routers[join.router].name) : Json(nullptr)},
               {"at_s", Seconds(join.at_s)},
               {"ready_after_ms", OrNull(join.ready_after_ms)}};
  AddConvergence(json, join.caught_up);
  Json& cpu = json["decision_cpu_p99_us"] = Json::object();
  for (std::size_t i = 0; i < m.routers.size(); ++i) {
    Json& row = cpu[m.routers[i].name];
    const bool known = i < join.decision_cpu_p99_us.size();
    if (i != join.router) row["before"] = known ? OrNull(join.decision_cpu_p99_us[i].first) : Json(nullptr);
    row["after"] = known ? OrNull(join.decision_cpu_p99_us[i].second) : Json(nullptr);
  }
  return json;
}

Json StopJson(const Measured& m) {
  const MeasuredStop& stop = *m.stop;
  Json json = {{"router", stop.router < m.routers.size() ? Json(m.routers[stop.router].name) : Json(nullptr)},
               {"began_s", Seconds(stop.began_s)},
               {"ended_s", Seconds(stop.ended_s)}};
  AddConvergence(json, stop.caught_up);
  Json &cpu = json["decision_cpu_p99_us"] = Json::object(), &rss = json["rss_bytes"] = Json::object();
  for (std::size_t i = 0; i < m.routers.size(); ++i) {
    if (i == stop.router) continue;
    const bool known = i < stop.decision_cpu_p99_us.size() && i < stop.rss_bytes.size();
    cpu[m.routers[i].name] = {{"before", known ? OrNull(stop.decision_cpu_p99_us[i].first) : Json(nullptr)},
                              {"during", known ? OrNull(stop.decision_cpu_p99_us[i].second) : Json(nullptr)}};
    rss[m.routers[i].name] = {{"before", known ? OrNull(stop.rss_bytes[i].first) : Json(nullptr)},
                              {"max", known ? OrNull(stop.rss_bytes[i].second) : Json(nullptr)}};
  }
  return json;
}

// One row a second over the whole run; the generator's rows end with the load.
Json SeriesJson(const Measured& m) {
  Json t = Json::array(), rss = Json::object(), built = Json::object();
  for (const MeasuredRouter& router : m.routers) {
    rss[router.name] = Json::array();
    built[router.name] = Json::array();
  }
  const std::size_t rows = m.samples.size();
  for (const Sample& sample : m.samples) {
    t.push_back(std::round(sample.t_s * 1000) / 1000);
    for (std::size_t i = 0; i < m.routers.size(); ++i) {
      const std::optional<RouterCounters>& counters = sample.routers[i].counters;
      rss[m.routers[i].name].push_back(OrNull(sample.routers[i].rss_bytes));
      built[m.routers[i].name].push_back(counters.has_value() ? Json(counters->built_bytes) : Json(nullptr));
    }
  }
  Json series = {{"t_s", t}, {"rss_bytes", rss}, {"sync_bytes", built}};
  for (const char* key : {"rps", "cached_share", "ok", "failed", "schedule_delay_p99_us"}) {
    Json column = Json::array();
    const bool have = m.load.is_object() && m.load.contains("series") && m.load.at("series").contains(key);
    for (std::size_t row = 0; row < rows; ++row) {
      // The generator counts from its own start, which is the start of the first sample's clock to within a second.
      const auto second = static_cast<std::size_t>(m.samples[row].t_s);
      const bool inside = have && second < m.load.at("series").at(key).size();
      column.push_back(inside ? Json(m.load.at("series").at(key).at(second)) : Json(nullptr));
    }
    series[key] = std::move(column);
  }
  return series;
}

Json RoutingJson(const Measured& m) {
  Json routing = m.load.is_object() ? Json(m.load.at("routing")) : Json::object();
  if (!m.load.is_object())
    routing = {{"cached_share", nullptr}, {"prompt_bytes", nullptr},          {"cached_bytes", nullptr},
               {"load_cov", nullptr},     {"same_worker_followups", nullptr}, {"decisions", Json::object()},
               {"workers", Json::array()}};
  const OracleResult oracle = m.oracle.value_or(OracleResult{});
  routing["oracle_cached_share"] = OrNull(oracle.cached_share);
  routing["oracle_load_cov"] = OrNull(oracle.load_cov);
  routing["cached_share_ratio"] = nullptr;
  if (oracle.cached_share.value_or(0) > 0 && routing["cached_share"].is_number())
    routing["cached_share_ratio"] = routing["cached_share"].get<double>() / *oracle.cached_share;
  return routing;
}

}  // namespace

nlohmann::ordered_json BuildResult(const Measured& m) {
  const load::Settings& settings = m.request.settings;
  const bool have_load = m.load.is_object();
  Json result;
  result["schema_version"] = 1;
  result["run_id"] = m.run_id;
  result["started_at"] = m.started_at;
  result["scenario"] = {{"name", settings.scenario},
                        {"file_hash", settings.file_hash},
                        {"settings", Json::parse(load::SettingsValuesJson(settings))}};
  result["strategy"] = m.request.strategy;
  result["index_kind"] = m.index_kind;
  result["seed"] = m.request.seed;
  result["plan_fingerprint"] = m.plan_fingerprint;
  result["build"] = {{"commit", BuildCommit()},
                     {"dirty", BuildDirty()},
                     {"compiler", BuildCompiler()},
                     {"flags", BuildFlags()},
                     {"allocator", AllocatorPolicyName()}};
  result["machine"] = {{"cpu", m.machine.cpu},
                       {"cores", m.machine.cores},
                       {"memory_bytes", m.machine.memory_bytes},
                       {"kernel", m.machine.kernel},
                       {"noise", {{"spin_p50_us", m.noise.p50_us}, {"spin_p99_us", m.noise.p99_us}}}};
  result["trust"] = have_load
                        ? Json(m.load.at("trust"))
                        : Json{{"ok", false},
                               {"reasons",
                                {m.verdict == Verdict::kKilled ? "the run was killed before the generator had finished"
                                                               : "the generator did not finish"}},
                               {"cpu_cores", nullptr}};
  result["load"] = have_load ? Json(m.load.at("load")) : Json(nullptr);
  result["routing"] = RoutingJson(m);
  result["placements"] = have_load ? Json(m.load.at("placements")) : Json(nullptr);
  result["visibility"] = have_load ? Json(m.load.at("visibility")) : Json(nullptr);
  if (m.partition.has_value()) result["partition"] = PartitionJson(m);
  if (m.join.has_value()) result["join"] = JoinJson(m);
  if (m.stop.has_value()) result["stop"] = StopJson(m);
  if (m.killed.has_value())
    result["killed"] = {{"router", m.killed->router},
                        {"rss_bytes", m.killed->memory.rss_bytes},
                        {"at_s", m.killed->at_s},
                        {"growth_bytes_per_s", OrNull(m.killed->bytes_per_s)}};
  result["routers"] = Json::array();
  for (std::size_t i = 0; i < m.routers.size(); ++i) result["routers"].push_back(RouterJson(m, i));
  result["workers"] = {{"count", settings.workers.count},
                       {"peak_rss_bytes", OrNull(m.workers_peak_rss_bytes)},
                       {"cpu_s", OrNull(m.workers_cpu_s)},
                       {"cached_blocks", OrNull(m.workers_cached_blocks)}};
  result["loadgen"] = have_load ? Json(m.load.at("loadgen")) : Json{{"peak_rss_bytes", nullptr}, {"cpu_s", nullptr}};
  result["series"] = SeriesJson(m);

  Json notes = Json::array();
  for (const std::string& note : m.notes) notes.push_back(note);
  if (have_load)
    for (const auto& note : m.load.at("notes")) notes.push_back(Json(note));
  Verdict verdict = m.verdict;
  const bool trusted = have_load && m.load.at("trust").at("ok").get<bool>();
  if (verdict == Verdict::kOk && !trusted) verdict = Verdict::kUntrusted;
  bool slos_ok = true;
  result["slo"] = Json::array();
  for (const load::Slo& slo : settings.slo) {
    const Result<SloExpression> expression = ParseSlo(slo.expression);
    Json row = {{"name", slo.name}, {"expression", slo.expression}, {"value", nullptr}, {"ok", false}};
    if (expression.ok()) {
      const SloOutcome outcome = expression->Evaluate(nlohmann::json(result));
      row["value"] = outcome.value.has_value() ? Json(*outcome.value) : Json(nullptr);
      row["ok"] = outcome.ok;
    }
    slos_ok = slos_ok && row["ok"].get<bool>();
    result["slo"].push_back(std::move(row));
  }
  if (verdict == Verdict::kOk && !slos_ok) verdict = Verdict::kSloMissed;
  for (std::size_t i = 0; i < m.routers.size(); ++i) {
    std::size_t silent = 0;
    const double ready_s = m.routers[i].ready_s;
    for (const Sample& sample : m.samples)
      silent += sample.t_s < ready_s || sample.routers[i].counters.has_value() ? 0 : 1;
    if (silent > 0)
      notes.push_back(m.routers[i].name + " did not answer " + std::to_string(silent) + " of " +
                      std::to_string(m.samples.size()) + " samples: they are null in the series");
  }
  for (std::string& note : ExplainNulls(result)) notes.push_back(std::move(note));
  result["verdict"] = VerdictName(verdict);
  result["notes"] = std::move(notes);
  return result;
}

}  // namespace prefixmesh::bench
