#include "bench/result/write/build_result.h"

#include <nlohmann/json.hpp>

#include "bench/build_info.h"
#include "bench/result/json_at.h"
#include "bench/result/result_schema.h"
#include "bench/result/slo.h"
#include "bench/result/verdict.h"
#include "bench/result/write/nulls.h"
#include "bench/result/write/router_readings.h"
#include "bench/result/write/series.h"
#include "bench/text/quantity.h"
#include "impl/env/real/process.h"
#include "impl/figures/figure_json.h"
#include "impl/figures/figures.h"
#include "loadgen/record/histogram.h"

namespace prefixmesh::bench {
namespace {

using Json = nlohmann::ordered_json;

// Of fixed work: with p99 above this many times the median something else takes the machine's time.
constexpr double kNoisy = 2;
constexpr std::string_view kTellsNothing = "routers of this strategy tell each other nothing";
// A sample is taken each second; recorded runs took them 0.3 s late at most.
constexpr double kSuiteLateMax_s = 3;

std::string Microseconds(double value) { return QuantityText(Quantity::kMicroseconds, value); }

template <typename T>
Json OrNull(const std::optional<T>& value) {
  return value.has_value() ? Json(*value) : Json(nullptr);
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
    const bool one_router = m.settings.routers.count == 1;
    const auto set = [&](const Figure& figure, std::string_view label, const auto& value, std::string_view otherwise) {
      value.has_value() ? readings.Set(figure, label, *value) : readings.SetNotMeasured(figure, otherwise, label);
    };
    for (std::size_t i = 0; i < kStepCount; ++i)
      set(LadderFigure("cached_bytes.*"), kLadderWorldValues[i].name, ladder.cached_bytes[i], no_delays);
    set(LadderFigure("cached_bytes.*"), "unsynced", ladder.unsynced, kOneRouter);
    for (std::size_t i = 0; i < kStepCount; ++i)
      set(LadderFigure("step.*"), kLadderStepValues[i].name, ladder.Share(ladder.Step(i)),
          ladder.prompt_bytes == 0 ? std::string_view(kNoPromptByte) : no_delays);
    const bool tells = m.strategy != "off", by_events = m.settings.index.listens();
    const std::string_view otherwise = one_router ? std::string_view(kOneRouter) : kNoPromptByte;
    set(LadderFigure("gained_by_sync"), {}, tells && !by_events ? ladder.Share(ladder.GainedBySync()) : std::nullopt,
        !tells      ? kTellsNothing
        : by_events ? kBelievesWorkers
                    : otherwise);
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
  if (m.settings.index.listens()) return std::nullopt;
  if (m.strategy == "off") return Visibility();
  const std::string encoded = TextAt(m.load, "load.hdr.visibility_us", "");
  const Result<load::Histogram> delays = load::Histogram::Decode(encoded);
  const double never = NumberAt(m.load, "visibility.never").value_or(0);
  if (!delays.ok() || (delays->count() == 0 && never == 0)) return std::nullopt;
  return Visibility(*delays, static_cast<std::uint64_t>(never));
}

nlohmann::ordered_json BuildResult(const Measured& m) {
  const load::Settings& settings = m.settings;
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
  result["strategy"] = m.strategy;
  result["index_kind"] = m.index_kind;
  result["seed"] = m.seed;
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
  if (m.suite_late_s > kSuiteLateMax_s) {
    trust["ok"] = false;
    trust["reasons"].push_back("the suite itself did not run for " + QuantityText(Quantity::kSeconds, m.suite_late_s) +
                               ": what it reads at the ends of phases came late");
  }
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
  const bool trusted = result["trust"]["ok"].get<bool>();
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
    const Json& streams = result["routers"][i]["kv_events"]["streams"];
    if (streams.is_number() && streams.get<std::uint64_t>() < settings.workers.count)
      notes.push_back(m.routers[i].name + " heard the KV events of " + streams.dump() + " of " +
                      std::to_string(settings.workers.count) + " workers at the end");
  }
  for (std::string& note : reasons.Explain(result)) notes.push_back(std::move(note));
  result["verdict"] = VerdictName(verdict);
  result["notes"] = std::move(notes);
  return result;
}

}  // namespace prefixmesh::bench
