// result.cc — from what was measured to result.json, value by value as docs/results.md defines them.

#include <algorithm>
#include <cmath>

#include "bench/ab/statistics/theil_sen.h"
#include "bench/build_info.h"
#include "bench/result/json_at.h"
#include "bench/result/result_schema.h"
#include "bench/result/slo.h"
#include "bench/result/verdict.h"
#include "bench/scenario/measured.h"
#include "bench/scenario/nulls.h"
#include "bench/text/quantity.h"
#include "impl/env/real/process.h"
#include "impl/figures/figure_json.h"
#include "impl/figures/figures.h"

namespace prefixmesh::bench {
namespace {

using Json = nlohmann::ordered_json;

std::optional<double> Median(std::vector<double> values) {
  if (values.empty()) return std::nullopt;
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

// Of fixed work: with p99 above this many times the median something else takes the machine's time.
constexpr double kNoisy = 2;

std::string Microseconds(double value) { return QuantityText(Quantity::kMicroseconds, value); }

template <typename T>
Json OrNull(const std::optional<T>& value) {
  return value.has_value() ? Json(*value) : Json(nullptr);
}

// Median RSS of one router over [from, to] seconds.
std::optional<std::uint64_t> MedianRss(const Measured& m, std::size_t router, double from, double to) {
  std::vector<double> values;
  for (const Sample& sample : m.samples)
    if (sample.t_s >= from && sample.t_s <= to && sample.routers[router].rss_bytes.has_value())
      values.push_back(static_cast<double>(*sample.routers[router].rss_bytes));
  const std::optional<double> median = Median(std::move(values));
  return median ? std::optional(static_cast<std::uint64_t>(std::llround(*median))) : std::nullopt;
}

// The slopes of one router's memory over the load phase, as the kernel and as the router itself counts it.
void SetGrowth(const Measured& m, std::size_t router, Readings& readings) {
  constexpr std::size_t kSamplesMin = 10;
  const auto set = [&](const Figure& figure, auto bytes_of) {
    std::vector<double> t_s, bytes;
    for (const Sample& sample : m.samples) {
      if (!m.load_begin || !m.load_end || sample.t_s < m.load_begin->t_s || sample.t_s > m.load_end->t_s) continue;
      const std::optional<std::uint64_t> value = bytes_of(sample.routers[router]);
      if (!value) continue;
      t_s.push_back(sample.t_s);
      bytes.push_back(static_cast<double>(*value));
    }
    const auto slope = t_s.size() < kSamplesMin ? std::nullopt : ab::TheilSen(t_s, bytes);
    if (!slope) return;
    for (const auto& [label, value] : {std::pair{"slope", slope->slope}, {"low", slope->low}, {"high", slope->high}})
      readings.Set(figure, label, value);
  };
  set(RouterFigure("growth.rss_bytes_per_s.*"), [](const RouterSample& sample) { return sample.rss_bytes; });
  set(RouterFigure("growth.accounted_bytes_per_s.*"), [](const RouterSample& sample) {
    return sample.counters ? std::optional(sample.counters->AccountedBytes()) : std::nullopt;
  });
}

// What a router answered at the two ends of the load phase; nothing when either was not seen.
std::optional<std::pair<RouterCounters, RouterCounters>> EndsOfLoad(const Measured& m, std::size_t router) {
  if (!m.load_begin.has_value() || !m.load_end.has_value()) return std::nullopt;
  const std::optional<RouterCounters>&first = m.load_begin->routers[router].counters,
        &last = m.load_end->routers[router].counters;
  if (!first.has_value() || !last.has_value() || last->at_s <= first->at_s) return std::nullopt;
  return std::pair(*first, *last);
}

// Growth of a counter between them, per second.
template <typename Read>
std::optional<double> RateOverLoad(const Measured& m, std::size_t router, Read read) {
  const auto ends = EndsOfLoad(m, router);
  if (!ends.has_value()) return std::nullopt;
  const auto& [first, last] = *ends;
  const std::optional<std::uint64_t> before = read(first), after = read(last);
  if (!before.has_value() || !after.has_value()) return std::nullopt;
  return static_cast<double>(*after - *before) / (last.at_s - first.at_s);
}

// The generator's half, as its process told it.
Readings ReadLoadGroup(const Measured& m, const FigureGroup& group) {
  Readings readings;
  if (m.load.is_object()) {
    const Reasons reasons = m.load.value("not_measured", Reasons());
    readings = ReadFigures(group, m.load.at(std::string(group.name)), reasons);
  }
  readings.Complete(group.figures, m.load.is_object() ? std::string_view() : group.unheard);
  return readings;
}

// delivered / (learned x (routers - 1) x applied / pairs): the cost of one placement that arrived, over all routers,
// so every router's own share of the learned placements is taken from the whole.
void SetBytesPerApplied(const Measured& m, const Readings& placements, Readings& readings) {
  const Figure& figure = RouterFigure("sync.bytes_per_applied_placement");
  const auto share = placements.Number(PlacementFigure("applied_share")),
             learned = placements.Number(PlacementFigure("learned"));
  if (!share || !learned) {
    const Reading* why = placements.Find(PlacementFigure("applied_share"));
    return readings.SetNotMeasured(figure, *why->reason());
  }
  double delivered = 0;
  for (const MeasuredRouter& each : m.routers) {
    const auto one = each.readings.Number(RouterFigure("sync.delivered_bytes"));
    if (!one) return readings.SetNotMeasured(figure, kNotEveryPeer);
    delivered += *one;
  }
  const double arrived = *learned * static_cast<double>(m.routers.size() - 1) * *share;
  readings.Set(figure, arrived > 0 ? std::optional(delivered / arrived) : std::nullopt);
}

Readings RouterReadings(const Measured& m, const Readings& placements, std::size_t i) {
  Readings readings = m.routers[i].readings;
  std::optional<std::uint64_t> steady, after_idle;
  if (m.load_begin.has_value() && m.load_end.has_value()) {
    const double begin = m.load_begin->t_s, end = m.load_end->t_s;
    steady = MedianRss(m, i, end - (end - begin) / 4, end);
  }
  readings.Set(RouterFigure("steady_rss_bytes"), steady);
  const bool idle_asked = m.request.settings.phases.idle_s > 0;
  if (m.idle_end_s > m.idle_begin_s)
    after_idle = MedianRss(m, i, std::max(m.idle_begin_s, m.idle_end_s - 10), m.idle_end_s);
  for (const Figure* figure : {&RouterFigure("after_idle_rss_bytes"), &RouterFigure("sync.idle_bytes_per_s")})
    if (readings.Find(*figure) == nullptr)
      readings.SetNotMeasured(*figure, idle_asked ? "the idle phase was not seen whole" : figure->null_when);
  if (after_idle && idle_asked) readings.Set(RouterFigure("after_idle_rss_bytes"), after_idle);

  const auto built = RateOverLoad(m, i, [](const RouterCounters& c) { return std::optional(c.built_bytes); });
  readings.Set(RouterFigure("sync.built_bytes_per_s"), built);
  readings.Set(RouterFigure("sync.bytes_per_s"), built);
  readings.Set(RouterFigure("sync.delivered_bytes_per_s"),
               RateOverLoad(m, i, [](const RouterCounters& c) { return c.delivered_bytes; }));
  readings.Set(RouterFigure("sync.wire_bytes_per_s"),
               RateOverLoad(m, i, [](const RouterCounters& c) { return std::optional(c.wire_bytes); }));
  if (const auto ends = EndsOfLoad(m, i))
    readings.Set(RouterFigure("sync.oversize_by_phase.*"), "load", ends->second.oversize - ends->first.oversize);
  if (!idle_asked) readings.SetNotMeasured(RouterFigure("sync.oversize_by_phase.*"), kNoIdlePhase, "idle");
  if (idle_asked && m.idle_end.has_value() && m.routers[i].settled)  // silence goes on from the totals
    readings.Set(RouterFigure("sync.oversize_by_phase.*"), "idle",
                 m.idle_end->routers[i].counters->oversize - readings.Count(RouterFigure("sync.oversize_warnings")));
  // What a loop that ended no round built is not 0: it had not come to it.
  if (const auto ends = EndsOfLoad(m, i);
      ends && ends->first.rounds_ended && ends->first.rounds_ended == ends->second.rounds_ended && built == 0.0)
    for (const Figure* rate : {&RouterFigure("sync.built_bytes_per_s"), &RouterFigure("sync.bytes_per_s"),
                               &RouterFigure("sync.delivered_bytes_per_s")})
      readings.SetNotMeasured(*rate, kStarved);
  SetBytesPerApplied(m, placements, readings);
  SetGrowth(m, i, readings);
  for (const char* percentile : {"p50", "p99"}) {
    const std::optional<double> cpu_us = readings.Number(RouterFigure("decision_cpu_us.*"), percentile);
    readings.Set(RouterFigure("decision_cpu_per_floor.*"), percentile,
                 cpu_us.has_value() ? std::optional(*cpu_us / m.floor.p50_us) : std::nullopt);
  }
  readings.Complete(kRouterFigures, m.routers[i].settled ? std::string_view() : kRouterGroup.unheard);
  return readings;
}

// What each router's strategy held in its buffers, by their names.
Json BufferSeries(const Measured& m) {
  Json series = Json::object();
  for (std::size_t i = 0; i < m.routers.size(); ++i) {
    Json& router = series[m.routers[i].name] = Json::object();
    for (std::size_t row = 0; row < m.samples.size(); ++row) {
      const std::optional<RouterCounters>& counters = m.samples[row].routers[i].counters;
      if (!counters.has_value()) continue;
      for (const auto& [name, buffer] : counters->buffers) {
        if (!router.contains(name))
          for (const char* what : {"bytes", "entries"})
            router[name][what] = Json::array_t(m.samples.size());  // null until it is told
        router[name]["bytes"][row] = buffer.bytes;
        router[name]["entries"][row] = buffer.entries;
      }
    }
  }
  return series;
}

// One row a second over the whole run; the generator's rows end with the load.
Json SeriesJson(const Measured& m) {
  Json t = Json::array(), rss = Json::object(), built = Json::object(), oversize = Json::object();
  for (const MeasuredRouter& router : m.routers)
    for (Json* column : {&rss, &built, &oversize}) (*column)[router.name] = Json::array();
  const std::size_t rows = m.samples.size();
  for (const Sample& sample : m.samples) {
    t.push_back(std::round(sample.t_s * 1000) / 1000);
    for (std::size_t i = 0; i < m.routers.size(); ++i) {
      const std::optional<RouterCounters>& counters = sample.routers[i].counters;
      rss[m.routers[i].name].push_back(OrNull(sample.routers[i].rss_bytes));
      built[m.routers[i].name].push_back(counters.has_value() ? Json(counters->built_bytes) : Json(nullptr));
      oversize[m.routers[i].name].push_back(counters.has_value() ? Json(counters->oversize) : Json(nullptr));
    }
  }
  Json series = {
      {"t_s", t}, {"rss_bytes", rss}, {"sync_bytes", built}, {"oversize", oversize}, {"buffers", BufferSeries(m)}};
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

constexpr const char* kNoPromptByte = "no counted prompt had a byte";

void SetOracle(const Measured& m, Readings& routing) {
  const Figure &oracle_share = RoutingFigure("oracle_cached_share"), &ratio = RoutingFigure("cached_share_ratio"),
               &oracle_cov = RoutingFigure("oracle_load_cov");
  if (!m.ladder.has_value()) {
    for (const Figure* figure : {&oracle_share, &ratio, &oracle_cov})
      routing.SetNotMeasured(*figure, oracle_share.null_when);
    return;
  }
  const std::optional<double> best = m.ladder->Share(m.ladder->Of(World::kOneRouter));
  routing.Set(oracle_share, best);
  if (!best) routing.SetNotMeasured(oracle_share, kNoPromptByte);
  routing.Set(oracle_cov, m.ladder->oracle_load_cov);
  const auto cached = routing.Number(RoutingFigure("cached_share"));
  routing.Set(ratio, cached && best.value_or(0) > 0 ? std::optional(*cached / *best) : std::nullopt);
}

// `visibility`: why there is none, where there is none.
Readings LadderReadings(const Measured& m, const Readings& visibility) {
  Readings readings;
  if (m.ladder.has_value()) {
    const Ladder& ladder = *m.ladder;
    const Reading* seen = visibility.Find(VisibilityFigure("visible_share"));
    const std::string no_delays = seen != nullptr && seen->reason() != nullptr ? *seen->reason() : std::string(kNoNews);
    const bool one_router = m.request.settings.routers.count == 1;
    const auto set = [&](const Figure& figure, std::string_view label, const auto& value, std::string_view otherwise) {
      value.has_value() ? readings.Set(figure, label, *value) : readings.SetNotMeasured(figure, otherwise, label);
    };
    for (std::size_t i = 0; i < kStepCount; ++i)
      set(LadderFigure("cached_bytes.*"), kLadderWorldValues[i].name, ladder.cached_bytes[i], no_delays);
    set(LadderFigure("cached_bytes.*"), "unsynced", ladder.unsynced, kOneRouter);
    for (std::size_t i = 0; i < kStepCount; ++i)
      set(LadderFigure("step.*"), kLadderStepValues[i].name, ladder.Share(ladder.Step(i)),
          ladder.prompt_bytes == 0 ? std::string_view(kNoPromptByte) : no_delays);
    set(LadderFigure("gained_by_sync"), {}, ladder.Share(ladder.GainedBySync()),
        one_router ? kOneRouter : std::string_view(kNoPromptByte));
  }
  readings.Complete(kLadderFigures, m.load.is_object() ? std::string_view() : kLadderGroup.unheard);
  return readings;
}

Readings MachineReadings(const Measured& m) {
  Readings machine;
  machine.Set(MachineFigure("cores"), std::uint64_t{m.machine.cores});
  machine.Set(MachineFigure("memory_bytes"), m.machine.memory_bytes);
  machine.Set(MachineFigure("noise.spin_p50_us"), m.noise.p50_us);
  machine.Set(MachineFigure("noise.spin_p99_us"), m.noise.p99_us);
  machine.Set(MachineFigure("floor.hash_p50_us"), m.floor.p50_us);
  machine.Set(MachineFigure("floor.hash_p99_us"), m.floor.p99_us);
  return machine;
}

}  // namespace

std::optional<Visibility> VisibilityOf(const Measured& m) {
  if (m.request.strategy == "off") return Visibility();
  const std::string encoded = TextAt(m.load, "load.hdr.visibility_us", "");
  const Result<load::Histogram> delays = load::Histogram::Decode(encoded);
  const double never = NumberAt(m.load, "visibility.never").value_or(0);
  if (!delays.ok() || (delays->count() == 0 && never == 0)) return std::nullopt;
  return Visibility(*delays, static_cast<std::uint64_t>(never));
}

nlohmann::ordered_json BuildResult(const Measured& m) {
  const load::Settings& settings = m.request.settings;
  const bool have_load = m.load.is_object();
  Json result;
  NullReasons reasons;
  // An object of what is no figure, then the group's figures.
  const auto add = [&](const FigureGroup& group, const Readings& readings, Json words = Json::object()) {
    words.update(FiguresJson(group, readings));
    reasons.Add(group, readings);
    result[std::string(group.name)] = std::move(words);
  };
  result["schema_version"] = kResultSchemaVersion;
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
  add(kMachineGroup, MachineReadings(m), {{"cpu", m.machine.cpu}, {"kernel", m.machine.kernel}});
  Json trust = {{"ok", false},
                {"reasons",
                 {m.verdict == Verdict::kKilled ? "the run was killed before the generator had finished"
                                                : "the generator did not finish"}}};
  if (have_load) trust = {{"ok", m.load.at("trust").at("ok")}, {"reasons", m.load.at("trust").at("reasons")}};
  add(kTrustGroup, ReadLoadGroup(m, kTrustGroup), trust);
  add(kLoadGroup, ReadLoadGroup(m, kLoadGroup));
  result["load"]["hdr"] = have_load ? Json(m.load.at("load").at("hdr")) : Json::object();
  Readings routing = ReadLoadGroup(m, kRoutingGroup);
  SetOracle(m, routing);
  add(kRoutingGroup, routing);
  result["routing"]["workers"] = have_load ? Json(m.load.at("routing").at("workers")) : Json::array();
  const Readings placements = ReadLoadGroup(m, kPlacementsGroup), visibility = ReadLoadGroup(m, kVisibilityGroup);
  add(kLadderGroup, LadderReadings(m, visibility));
  add(kPlacementsGroup, placements);
  add(kVisibilityGroup, visibility);
  for (const MeasuredFault& fault : m.faults) {
    add(*fault.group, fault.readings, fault.words);
    const std::string name(fault.group->name);
    result[name]["equal_at_rest"] = OrNull(fault.equal_at_rest);
    if (!fault.equal_at_rest) reasons.Add(name + ".equal_at_rest", fault.why_not_equal);
  }
  if (m.killed.has_value()) {
    Readings killed;
    killed.Set(KilledFigure("rss_bytes"), m.killed->memory.rss_bytes);
    killed.Set(KilledFigure("at_s"), m.killed->at_s);
    killed.Set(KilledFigure("growth_bytes_per_s"), m.killed->bytes_per_s);
    add(kKilledGroup, killed, {{"router", m.killed->router}});
  }
  result["routers"] = Json::array();
  for (std::size_t i = 0; i < m.routers.size(); ++i) {
    const Readings readings = RouterReadings(m, placements, i);
    Json router = {{"name", m.routers[i].name}};
    router.update(FiguresJson(kRouterGroup, readings));
    result["routers"].push_back(std::move(router));
    reasons.Add(kRouterGroup, readings, m.routers[i].name);
  }
  Readings workers = m.workers;
  workers.Set(WorkersFigure("count"), settings.workers.count);
  workers.Complete(kWorkersFigures);
  add(kWorkersGroup, workers);
  add(kLoadgenGroup, ReadLoadGroup(m, kLoadgenGroup));
  result["series"] = SeriesJson(m);

  Json notes = Json::array();
  for (const std::string& note : m.notes) notes.push_back(note);
  if (have_load)
    for (const auto& note : m.load.at("notes")) notes.push_back(Json(note));
  if (m.noise.p99_us > kNoisy * m.noise.p50_us)
    notes.push_back("noisy machine: before the run a loop of fixed work took " + Microseconds(m.noise.p50_us) +
                    " at the median and " + Microseconds(m.noise.p99_us) + " at p99");
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
      row["value"] = OrNull(outcome.value);
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
  for (std::string& note : reasons.Explain(result)) notes.push_back(std::move(note));
  result["verdict"] = VerdictName(verdict);
  result["notes"] = std::move(notes);
  return result;
}

}  // namespace prefixmesh::bench
