#include "loadgen/drive/summary.h"

#include <cmath>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>

#include "impl/figures/figure_json.h"
#include "impl/figures/load_figures.h"

namespace prefixmesh::load {
namespace {

using Json = nlohmann::ordered_json;

// Every percentile of a label's closed set, by its name; of nothing there is none.
void SetPercentiles(Readings& readings, const Figure& figure, const Histogram& histogram) {
  const std::pair<std::string_view, double> shares[] = {{"p50", 50}, {"p90", 90}, {"p99", 99}, {"p999", 99.9}};
  for (const LabelValue& value : figure.label.values) {
    if (histogram.count() == 0) {
      readings.SetNotMeasured(figure, {}, value.name);
    } else if (value.name == "max") {
      readings.Set(figure, value.name, histogram.max());
    } else {
      for (const auto& [name, share] : shares)
        if (name == value.name) readings.Set(figure, name, histogram.Percentile(share));
    }
  }
}

std::string Text(double value) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.3g", value);
  return buffer;
}

std::string_view DecisionName(std::uint8_t reason) {
  return reason >= 1 && reason <= std::size(kDecisionValues) ? kDecisionValues[reason - 1].name : "unknown";
}

std::optional<double> ShareOf(std::uint64_t part, std::uint64_t whole) {
  return whole > 0 ? std::optional(static_cast<double>(part) / static_cast<double>(whole)) : std::nullopt;
}

Readings ReadLoad(const SummaryInput& input) {
  const PlanStatistics& statistics = input.plan.statistics();
  const SendRecorder& sends = input.sends;
  const ReplyRecorder& replies = input.replies;
  Readings load;
  load.Set(LoadFigure("offered_rps"), statistics.offered_rps);
  load.Set(LoadFigure("achieved_rps"), static_cast<double>(sends.sent()) / input.settings.phases.load_s);
  load.Set(LoadFigure("planned"), statistics.load_requests);
  load.Set(LoadFigure("sent"), sends.sent());
  load.Set(LoadFigure("ok"), replies.ok());
  load.Set(LoadFigure("failed"), replies.failed());
  load.Set(LoadFigure("failed_share"), ShareOf(replies.failed(), sends.sent()));
  load.Set(LoadFigure("timeouts"), replies.timeouts());
  load.Set(LoadFigure("dropped"), sends.dropped());
  load.Set(LoadFigure("late"), sends.late());
  SetPercentiles(load, LoadFigure("schedule_delay_us.*"), sends.schedule_delay_us());
  SetPercentiles(load, LoadFigure("wakeup_delay_us.*"), sends.wakeup_us());
  SetPercentiles(load, LoadFigure("latency_from_intended_us.*"), replies.from_intended_us());
  SetPercentiles(load, LoadFigure("latency_from_sent_us.*"), replies.from_sent_us());
  SetPercentiles(load, LoadFigure("ttft_us.*"), replies.ttft_us());
  const Histogram& ttft = replies.ttft_us();
  load.Set(LoadFigure("ttft_mean_us"), ttft.count() > 0 ? std::optional(ttft.Mean()) : std::nullopt);
  load.Set(LoadFigure("goodput_share"), GoodputShare(input.plan, input.records, input.settings.goodput));
  load.Set(LoadFigure("warmup.planned"), statistics.warmup_requests);
  load.Set(LoadFigure("warmup.sent"), sends.sent_all() - sends.sent());
  load.Set(LoadFigure("warmup.dropped"), sends.dropped_warmup());
  load.Set(LoadFigure("warmup.failed"), replies.failed_all() - replies.failed());
  return load;
}

Json HistogramsJson(const SummaryInput& input) {
  Json histograms = {{"latency_from_intended_us", input.replies.from_intended_us().Encode()},
                     {"latency_from_sent_us", input.replies.from_sent_us().Encode()},
                     {"ttft_us", input.replies.ttft_us().Encode()},
                     {"schedule_delay_us", input.sends.schedule_delay_us().Encode()},
                     {"wakeup_delay_us", input.sends.wakeup_us().Encode()}};
  if (input.visibility.has_value()) {
    Histogram visible_us;
    for (const std::int64_t each : input.visibility->visible_ns)
      visible_us.Record(static_cast<std::uint64_t>(each) / 1000);
    histograms["visibility_us"] = visible_us.Encode();
  }
  return histograms;
}

Readings ReadRouting(const SummaryInput& input) {
  const ReplyRecorder& replies = input.replies;
  Readings routing;
  routing.Set(RoutingFigure("cached_share"), ShareOf(replies.cached_bytes(), replies.prompt_bytes()));
  routing.Set(RoutingFigure("prompt_bytes"), replies.prompt_bytes());
  routing.Set(RoutingFigure("cached_bytes"), replies.cached_bytes());
  routing.Set(RoutingFigure("load_cov"), LoadCov(replies, input.settings.workers.count));
  routing.Set(RoutingFigure("same_worker_followups"), SameWorkerFollowups(input.plan, input.records));
  for (const LabelValue& value : kAnswerDecisionValues)
    routing.Set(RoutingFigure("decisions.*"), value.name, std::uint64_t{0});
  std::uint64_t decided = 0;
  for (const auto& [reason, requests] : replies.requests_by_reason()) {
    const std::string_view name = DecisionName(reason);
    routing.Set(RoutingFigure("decisions.*"), name, routing.Count(RoutingFigure("decisions.*"), name) + requests);
    decided += requests;
  }
  routing.Set(RoutingFigure("decided_by_cache"),
              ShareOf(routing.Count(RoutingFigure("decisions.*"), "cache"), decided));
  return routing;
}

Json WorkersJson(const SummaryInput& input) {
  Json workers = Json::array();
  for (const auto& [worker, requests] : input.replies.requests_by_worker()) {
    const std::string name = worker < input.worker_names.size() ? input.worker_names[worker] : "";
    workers.push_back({{"name", name}, {"requests", requests}});
  }
  return workers;
}

Readings ReadPlacements(const SummaryInput& input) {
  Readings placements;
  if (!input.ledger.has_value()) {
    placements.Complete(kPlacementFigures, input.no_ledger);
    return placements;
  }
  const LedgerCounts& counts = *input.ledger;
  placements.Set(PlacementFigure("learned"), counts.learned);
  placements.Set(PlacementFigure("sampled"), counts.sampled);
  placements.Set(PlacementFigure("pairs"), counts.pairs);
  if (counts.pairs == 0) {  // "0 lost" would be a promise
    placements.Complete(kPlacementFigures, PlacementFigure("applied_share").null_when);
    return placements;
  }
  placements.Set(PlacementFigure("applied"), counts.applied);
  placements.Set(PlacementFigure("applied_share"), ShareOf(counts.applied, counts.pairs));
  placements.Set(PlacementFigure("partial"), counts.partial);
  placements.Set(PlacementFigure("superseded"), counts.superseded);
  placements.Set(PlacementFigure("forgotten"), counts.forgotten);
  placements.Set(PlacementFigure("lost"), counts.lost);
  placements.Set(PlacementFigure("unanswered"), counts.unanswered);
  return placements;
}

Readings ReadVisibility(const SummaryInput& input) {
  Readings visibility;
  if (!input.visibility.has_value()) {
    visibility.Complete(kVisibilityFigures, input.no_visibility);
    return visibility;
  }
  const VisibilityCounts& counts = *input.visibility;
  visibility.Set(VisibilityFigure("visible_share"), counts.VisibleShare());
  const Figure& ms = VisibilityFigure("ms.*");
  for (const auto& [name, share] : {std::pair{"p50", 50.0}, {"p99", 99.0}, {"max", 100.0}}) {
    const std::optional<double> percentile = counts.PercentileMs(share);
    if (percentile.has_value()) {
      visibility.Set(ms, name, *percentile);
    } else {
      visibility.SetNotMeasured(ms, counts.VisibleShare().has_value() ? ms.null_when : kNoNews, name);
    }
  }
  visibility.Set(VisibilityFigure("requests"), counts.requests);
  visibility.Set(VisibilityFigure("pairs"), counts.pairs);
  visibility.Set(VisibilityFigure("visible"), counts.visible);
  visibility.Set(VisibilityFigure("never"), counts.never);
  visibility.Set(VisibilityFigure("already_full"), counts.already_full);
  visibility.Set(VisibilityFigure("not_learned"), counts.not_learned);
  visibility.Set(VisibilityFigure("failed"), counts.failed);
  if (counts.requests > 0) return visibility;
  for (const Figure& figure : kVisibilityFigures) {
    if (figure.null_when.empty()) continue;
    if (!figure.labelled()) visibility.SetNotMeasured(figure, kNothingSampled);
    if (!figure.labelled()) continue;
    for (const LabelValue& value : figure.label.values) visibility.SetNotMeasured(figure, kNothingSampled, value.name);
  }
  return visibility;
}

Json SeriesJson(const SummaryInput& input) {
  Json t = Json::array(), rps = Json::array(), ok = Json::array(), failed = Json::array(), cached = Json::array(),
       delay = Json::array();
  const std::vector<SendSecond> sends = input.sends.Seconds();
  const std::vector<ReplySecond>& replies = input.replies.seconds();
  for (std::size_t i = 0; i < std::max(sends.size(), replies.size()); ++i) {
    const SendSecond send = i < sends.size() ? sends[i] : SendSecond{};
    const ReplySecond reply = i < replies.size() ? replies[i] : ReplySecond{};
    t.push_back(i);
    rps.push_back(send.sent);
    delay.push_back(send.sent > 0 ? Json(send.schedule_delay_p99_us) : Json(nullptr));
    ok.push_back(reply.ok);
    failed.push_back(reply.failed);
    cached.push_back(reply.prompt_bytes == 0
                         ? Json(nullptr)
                         : Json(static_cast<double>(reply.cached_bytes) / static_cast<double>(reply.prompt_bytes)));
  }
  return {{"t_s", t}, {"rps", rps},      {"schedule_delay_p99_us", delay}, {"cached_share", cached},
          {"ok", ok}, {"failed", failed}};
}

}  // namespace

TrustVerdict JudgeTrust(const SendRecorder& sends, double cpu_cores, const Settings& settings) {
  TrustVerdict verdict;
  const auto refuse = [&](std::string reason) {
    verdict.ok = false;
    verdict.reasons.push_back(std::move(reason));
  };
  const double p99_ms = static_cast<double>(sends.schedule_delay_us().Percentile(99)) * 1e-3;
  const double max_ms = static_cast<double>(sends.schedule_delay_us().max()) * 1e-3;
  if (sends.dropped() > 0) refuse("dropped requests: " + std::to_string(sends.dropped()));
  if (p99_ms > settings.trust.schedule_delay_p99_ms) {
    refuse("schedule delay p99 " + Text(p99_ms) + " ms is above " + Text(settings.trust.schedule_delay_p99_ms) + " ms");
  }
  if (max_ms > settings.trust.schedule_delay_max_ms) {
    refuse("schedule delay max " + Text(max_ms) + " ms is above " + Text(settings.trust.schedule_delay_max_ms) + " ms");
  }
  if (cpu_cores > settings.trust.cpu_cores) {
    refuse("the generator used " + Text(cpu_cores) + " cores, above " + Text(settings.trust.cpu_cores));
  }
  return verdict;
}

std::optional<double> LoadCov(const ReplyRecorder& replies, std::uint64_t workers) {
  double sum = 0, squares = 0;
  for (const auto& [worker, requests] : replies.requests_by_worker()) {
    sum += static_cast<double>(requests);
    squares += static_cast<double>(requests) * static_cast<double>(requests);
  }
  if (sum == 0) return std::nullopt;
  const double mean = sum / static_cast<double>(workers);
  return std::sqrt(std::max(0.0, squares / static_cast<double>(workers) - mean * mean)) / mean;
}

std::optional<double> SameWorkerFollowups(const Plan& plan, const std::vector<RequestRecord>& records) {
  std::map<std::pair<std::uint32_t, std::uint16_t>, std::uint16_t> last;  // (family, model) → worker
  std::uint64_t followups = 0, same = 0;
  for (std::size_t i = 0; i < records.size(); ++i) {
    const PlannedRequest& request = plan.requests()[i];
    if (records[i].outcome != Outcome::kOk || request.family == UINT32_MAX) continue;
    const auto [found, first] = last.try_emplace({request.family, request.model}, records[i].worker);
    if (!first && request.phase == Phase::kLoad) {
      ++followups;
      if (found->second == records[i].worker) ++same;
    }
    found->second = records[i].worker;
  }
  if (followups == 0) return std::nullopt;
  return static_cast<double>(same) / static_cast<double>(followups);
}

std::optional<double> GoodputShare(const Plan& plan, const std::vector<RequestRecord>& records,
                                   const Settings::Goodput& goodput) {
  const auto within = [](std::int64_t from_ns, std::int64_t to_ns, double limit_ms) {
    return static_cast<double>(to_ns - from_ns) <= limit_ms * 1e6;
  };
  std::uint64_t planned = 0, good = 0;
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (plan.requests()[i].phase != Phase::kLoad) continue;
    ++planned;
    const RequestRecord& record = records[i];
    good += record.outcome == Outcome::kOk && within(record.intended_ns, record.first_token_ns, goodput.ttft_ms) &&
            within(record.intended_ns, record.done_ns, goodput.latency_ms);
  }
  return ShareOf(good, planned);
}

std::string SummaryJson(const SummaryInput& input) {
  std::vector<std::string> notes = input.plan.notes();
  if (input.ledger.has_value() && input.ledger->unanswered > 0) {
    notes.push_back(std::to_string(input.ledger->unanswered) + " ledger probes failed and count as lost");
  }
  const TrustVerdict trust = JudgeTrust(input.sends, input.load_cpu_cores, input.settings);
  Json json;
  json["schema_version"] = 2;
  json["strategy"] = input.strategy;
  json["seed"] = input.plan.seed();
  json["plan_fingerprint"] = FingerprintText(input.plan.fingerprint());
  Readings judged, process;
  judged.Set(TrustFigure("cpu_cores"), input.load_cpu_cores);
  process.Set(LoadgenFigure("peak_rss_bytes"), input.peak_rss_bytes);
  process.Set(LoadgenFigure("cpu_s"), input.cpu_s);
  Reasons not_measured;
  const auto add = [&](const FigureGroup& group, const Readings& readings) {
    json[std::string(group.name)] = FiguresJson(group, readings);
    AddReasons(group, readings, not_measured);
  };
  add(kLoadGroup, ReadLoad(input));
  json["load"]["failed_by_status"] = input.replies.failed_by_status();
  json["load"]["hdr"] = HistogramsJson(input);
  add(kRoutingGroup, ReadRouting(input));
  json["routing"]["workers"] = WorkersJson(input);
  add(kPlacementsGroup, ReadPlacements(input));
  add(kVisibilityGroup, ReadVisibility(input));
  add(kTrustGroup, judged);
  json["trust"]["ok"] = trust.ok;
  json["trust"]["reasons"] = trust.reasons;
  add(kLoadgenGroup, process);
  json["series"] = SeriesJson(input);
  json["not_measured"] = not_measured;
  json["notes"] = notes;
  return json.dump(1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace prefixmesh::load
