#include "loadgen/drive/summary.h"

#include <cmath>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>

namespace prefixmesh::load {
namespace {

using Json = nlohmann::ordered_json;

Json OrNull(const std::optional<double>& value) { return value.has_value() ? Json(*value) : Json(nullptr); }

Json Spectrum(const Histogram& histogram) {
  if (histogram.count() == 0) {
    return {{"p50", nullptr}, {"p90", nullptr}, {"p99", nullptr}, {"p999", nullptr}, {"max", nullptr}};
  }
  return {{"p50", histogram.Percentile(50)},
          {"p90", histogram.Percentile(90)},
          {"p99", histogram.Percentile(99)},
          {"p999", histogram.Percentile(99.9)},
          {"max", histogram.max()}};
}

Json Short(const Histogram& histogram) {
  if (histogram.count() == 0) return {{"p50", nullptr}, {"p99", nullptr}, {"max", nullptr}};
  return {{"p50", histogram.Percentile(50)}, {"p99", histogram.Percentile(99)}, {"max", histogram.max()}};
}

std::string Text(double value) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.3g", value);
  return buffer;
}

const char* ReasonName(std::uint8_t reason) {
  static constexpr const char* kNames[] = {"unknown", "cache", "min_load", "balance", "fallback"};
  return reason < std::size(kNames) ? kNames[reason] : "unknown";
}

Json LoadJson(const SummaryInput& input) {
  const PlanStatistics& statistics = input.plan.statistics();
  const SendRecorder& sends = input.sends;
  const ReplyRecorder& replies = input.replies;
  return {{"offered_rps", statistics.offered_rps},
          {"achieved_rps", static_cast<double>(sends.sent()) / input.settings.phases.load_s},
          {"planned", statistics.load_requests},
          {"sent", sends.sent()},
          {"ok", replies.ok()},
          {"failed", replies.failed()},
          {"timeouts", replies.timeouts()},
          {"dropped", sends.dropped()},
          {"late", sends.late()},
          {"schedule_delay_us", Short(sends.schedule_delay_us())},
          {"wakeup_delay_us", Short(sends.wakeup_us())},
          {"latency_from_intended_us", Spectrum(replies.from_intended_us())},
          {"latency_from_sent_us", Spectrum(replies.from_sent_us())},
          {"ttft_us", Spectrum(replies.ttft_us())},
          {"hdr",
           {{"latency_from_intended_us", replies.from_intended_us().Encode()},
            {"latency_from_sent_us", replies.from_sent_us().Encode()},
            {"ttft_us", replies.ttft_us().Encode()},
            {"schedule_delay_us", sends.schedule_delay_us().Encode()},
            {"wakeup_delay_us", sends.wakeup_us().Encode()}}},
          {"warmup",
           {{"planned", statistics.warmup_requests},
            {"sent", sends.sent_all() - sends.sent()},
            {"dropped", sends.dropped_warmup()},
            {"failed", replies.failed_all() - replies.failed()}}}};
}

Json RoutingJson(const SummaryInput& input) {
  Json decisions = Json::object();
  for (std::uint8_t reason = 1; reason <= 4; ++reason) decisions[ReasonName(reason)] = 0;
  for (const auto& [reason, requests] : input.replies.requests_by_reason()) {
    decisions[ReasonName(reason)] = requests;
  }
  std::optional<double> cached_share;
  if (input.replies.prompt_bytes() > 0) {
    cached_share =
        static_cast<double>(input.replies.cached_bytes()) / static_cast<double>(input.replies.prompt_bytes());
  }
  Json workers = Json::array();
  for (const auto& [worker, requests] : input.replies.requests_by_worker()) {
    const std::string name = worker < input.worker_names.size() ? input.worker_names[worker] : "";
    workers.push_back({{"name", name}, {"requests", requests}});
  }
  return {{"cached_share", OrNull(cached_share)},
          {"prompt_bytes", input.replies.prompt_bytes()},
          {"cached_bytes", input.replies.cached_bytes()},
          {"load_cov", OrNull(LoadCov(input.replies, input.settings.workers.count))},
          {"same_worker_followups", OrNull(SameWorkerFollowups(input.plan, input.records))},
          {"decisions", decisions},
          {"workers", workers}};
}

Json PlacementsJson(const LedgerCounts& counts) {
  return {{"learned", counts.learned},     {"sampled", counts.sampled}, {"pairs", counts.pairs},
          {"applied", counts.applied},     {"partial", counts.partial}, {"superseded", counts.superseded},
          {"forgotten", counts.forgotten}, {"lost", counts.lost},       {"unanswered", counts.unanswered}};
}

Json VisibilityJson(const VisibilityCounts& counts) {
  return {{"visible_share", OrNull(counts.VisibleShare())},
          {"ms",
           {{"p50", OrNull(counts.PercentileMs(50))},
            {"p99", OrNull(counts.PercentileMs(99))},
            {"max", OrNull(counts.PercentileMs(100))}}},
          {"requests", counts.requests},
          {"pairs", counts.pairs},
          {"visible", counts.visible},
          {"never", counts.never},
          {"already_full", counts.already_full},
          {"not_learned", counts.not_learned},
          {"failed", counts.failed}};
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
  if (sends.dropped() > 0) refuse(std::to_string(sends.dropped()) + " requests dropped");
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

std::string SummaryJson(const SummaryInput& input) {
  std::vector<std::string> notes = input.plan.notes();
  notes.insert(notes.end(), input.notes.begin(), input.notes.end());
  if (!input.visibility.has_value()) {
    notes.push_back(input.strategy == "off" ? "visibility is not sampled for off" : "visibility was not sampled");
  }
  if (input.ledger.has_value() && input.ledger->unanswered > 0) {
    notes.push_back(std::to_string(input.ledger->unanswered) + " ledger probes failed and count as lost");
  }
  if (!input.ledger.has_value()) notes.push_back("placements: the ledger was not probed");
  const TrustVerdict trust = JudgeTrust(input.sends, input.load_cpu_cores, input.settings);
  Json json;
  json["schema_version"] = 1;
  json["strategy"] = input.strategy;
  json["seed"] = input.plan.seed();
  json["plan_fingerprint"] = FingerprintText(input.plan.fingerprint());
  json["load"] = LoadJson(input);
  json["routing"] = RoutingJson(input);
  json["placements"] = input.ledger.has_value() ? PlacementsJson(*input.ledger) : Json(nullptr);
  json["visibility"] = input.visibility.has_value() ? VisibilityJson(*input.visibility) : Json(nullptr);
  json["trust"] = {{"ok", trust.ok}, {"reasons", trust.reasons}, {"cpu_cores", input.load_cpu_cores}};
  json["loadgen"] = {{"peak_rss_bytes", input.peak_rss_bytes}, {"cpu_s", input.cpu_s}};
  json["series"] = SeriesJson(input);
  json["notes"] = notes;
  return json.dump(1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace prefixmesh::load
