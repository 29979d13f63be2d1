#include "bench/report/figures.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace prefixmesh::bench {
namespace {

using Json = nlohmann::json;
using Value = std::optional<double>;

// Over all routers; nothing when one of them has no such value, or there are none.
template <typename Fold>
Value OverRouters(const Json& result, std::string_view path, Fold&& fold) {
  Value folded;
  for (const Json& router : ArrayAt(result, "routers")) {
    const Value value = NumberAt(router, path);
    if (!value.has_value()) return std::nullopt;
    folded = folded.has_value() ? fold(*folded, *value) : *value;
  }
  return folded;
}
Value Largest(const Json& result, std::string_view path) {
  return OverRouters(result, path, [](double a, double b) { return std::max(a, b); });
}
Value Sum(const Json& result, std::string_view path) {
  return OverRouters(result, path, [](double a, double b) { return a + b; });
}

// docs/results.md's formula with the totals of all routers.
Value BytesPerApplied(const Json& result) {
  const Value delivered = Sum(result, "sync.delivered_bytes"), applied_share = AppliedShare(result),
              learned = NumberAt(result, "placements.learned");
  const double peers = static_cast<double>(ArrayAt(result, "routers").size()) - 1;
  if (!delivered || !applied_share || !learned || peers < 1) return std::nullopt;
  const double applied = *learned * peers * *applied_share;
  return applied > 0 ? Value(*delivered / applied) : std::nullopt;
}

Value DecidedByCache(const Json& result) {
  const Json& decisions = NodeAt(result, "routing.decisions");
  double all = 0;
  if (!decisions.is_object()) return std::nullopt;
  for (const Json& count : decisions) all += count.is_number() ? count.get<double>() : 0;
  const Value cache = NumberAt(decisions, "cache");
  return all > 0 && cache.has_value() ? Value(*cache / all) : std::nullopt;
}

Value SumOfLayers(const Json& result, std::string_view path) {
  const Json& layers = NodeAt(result, path);
  if (!layers.is_object()) return std::nullopt;
  double sum = 0;
  for (const Json& bytes : layers) {
    if (!bytes.is_number()) return std::nullopt;
    sum += bytes.get<double>();
  }
  return sum;
}

// The most that a router grew while another was stopped.
Value LargestGrowthAtStop(const Json& result) {
  const Json& routers = NodeAt(result, "stop.rss_bytes");
  if (!routers.is_object()) return std::nullopt;
  Value largest;
  for (const Json& row : routers) {
    const Value before = NumberAt(row, "before"), max = NumberAt(row, "max");
    if (before && max) largest = std::max(largest.value_or(0), *max - *before);
  }
  return largest;
}

Value SlowestAtStop(const Json& result, std::string_view when) {
  const Json& routers = NodeAt(result, "stop.decision_cpu_p99_us");
  if (!routers.is_object()) return std::nullopt;
  Value slowest;
  for (const Json& row : routers)
    if (const Value p99 = NumberAt(row, when)) slowest = std::max(slowest.value_or(0), *p99);
  return slowest;
}

// Of the router that joined, or of the slowest of the others.
Value SlowestAtJoin(const Json& result, std::string_view when, bool joiner) {
  const Json& routers = NodeAt(result, "join.decision_cpu_p99_us");
  if (!routers.is_object()) return std::nullopt;
  Value slowest;
  for (const auto& [name, row] : routers.items()) {
    if ((name == TextAt(result, "join.router")) != joiner) continue;
    if (const Value p99 = NumberAt(row, when)) slowest = std::max(slowest.value_or(0), *p99);
  }
  return slowest;
}

// A figure that one path names.
#define PREFIXMESH_AT(path) [](const Json& r) { return NumberAt(r, path); }
#define PREFIXMESH_LARGEST(path) [](const Json& r) { return Largest(r, path); }
#define PREFIXMESH_SUM(path) [](const Json& r) { return Sum(r, path); }

constexpr bool kBar = true, kTerminal = true;

constexpr Figure kMemory[] = {
    {"peak RSS", "Largest resident memory from ready to the end of settle (VmHWM)", Quantity::kBytes, PeakRssBytes,
     kBar, kTerminal},
    {"steady RSS", "Median of the last quarter of the load phase", Quantity::kBytes,
     PREFIXMESH_LARGEST("steady_rss_bytes"), kBar, kTerminal},
    {"RSS after idle", "Median of the last 10 s of idle", Quantity::kBytes, PREFIXMESH_LARGEST("after_idle_rss_bytes"),
     kBar, kTerminal},
    {"index", "What the routing index accounts for", Quantity::kBytes, PREFIXMESH_LARGEST("index.bytes"), kBar},
};
constexpr Figure kSync[] = {
    {"built", "Payload encoded per second of load, sum of all routers", Quantity::kBytesPerSecond, BuiltBytesPerSecond,
     kBar, kTerminal},
    {"delivered", "Payload that peers confirmed per second of load, sum of all routers", Quantity::kBytesPerSecond,
     DeliveredBytesPerSecond, kBar, kTerminal},
    {"per applied placement", "Delivered bytes for each placement that reached a peer", Quantity::kBytes,
     BytesPerApplied, kBar, kTerminal},
    {"a round, mean", "Payload of a round that built something; rounds differ between strategies", Quantity::kBytes,
     PREFIXMESH_LARGEST("sync.bytes_per_round.mean"), kBar},
    {"a round, largest", "Largest payload of one round", Quantity::kBytes,
     PREFIXMESH_LARGEST("sync.bytes_per_round.max"), kBar},
    {"at the socket", "Bytes counted at the sockets of the sync streams, ready to settle", Quantity::kBytes,
     PREFIXMESH_SUM("sync.wire_bytes"), kBar},
    {"refused by a limit", "Payload that was encoded and then refused, ready to settle", Quantity::kBytes,
     PREFIXMESH_SUM("sync.refused_bytes"), kBar},
    {"built when idle", "Payload per second in the idle phase, the busiest router, membership apart",
     Quantity::kBytesPerSecond, PREFIXMESH_LARGEST("sync.idle_bytes_per_s"), kBar},
    {"oversize warnings", "Messages that a limit refused or skipped", Quantity::kCount,
     PREFIXMESH_SUM("sync.oversize_warnings"), false, kTerminal},
    {"sync CPU", "CPU time of the mesh loops, sum of all routers", Quantity::kSeconds, PREFIXMESH_SUM("sync.cpu_s"),
     kBar},
};
constexpr Figure kPlacements[] = {
    {"learned", "Good requests whose placement a router inserted", Quantity::kCount,
     PREFIXMESH_AT("placements.learned")},
    {"applied", "Of the sampled pairs: the peer knows the whole prompt", Quantity::kShare, AppliedShare, false,
     kTerminal},
    {"partial", "Pairs where the peer knows more than before, but not all", Quantity::kCount,
     PREFIXMESH_AT("placements.partial")},
    {"superseded", "Pairs that the worker itself made obsolete", Quantity::kCount,
     PREFIXMESH_AT("placements.superseded")},
    {"forgotten", "Pairs that the peer held and dropped to stay in budget", Quantity::kCount,
     PREFIXMESH_AT("placements.forgotten")},
    {"lost", "Pairs that never reached the peer", Quantity::kCount, PREFIXMESH_AT("placements.lost"), false, kTerminal},
    {"visible at a peer, p50", "From the reply to the peer's changed answer", Quantity::kMilliseconds,
     PREFIXMESH_AT("visibility.ms.p50"), false, kTerminal},
    {"visible at a peer, p99", "From the reply to the peer's changed answer", Quantity::kMilliseconds,
     PREFIXMESH_AT("visibility.ms.p99"), false, kTerminal},
};
constexpr Figure kRouting[] = {
    {"cached share", "Cached prompt bytes / prompt bytes, as the workers counted", Quantity::kShare,
     PREFIXMESH_AT("routing.cached_share"), false, kTerminal},
    {"oracle's cached share", "The same for one router that saw all the traffic", Quantity::kShare,
     PREFIXMESH_AT("routing.oracle_cached_share"), false, kTerminal},
    {"ratio to the oracle", "Cached share / the oracle's", Quantity::kRatio,
     PREFIXMESH_AT("routing.cached_share_ratio"), false, kTerminal},
    {"load CoV", "Standard deviation / mean of requests per worker; 0 is even", Quantity::kRatio,
     PREFIXMESH_AT("routing.load_cov"), false, kTerminal},
    {"oracle's load CoV", "The same for the oracle", Quantity::kRatio, PREFIXMESH_AT("routing.oracle_load_cov")},
    {"decided by cache", "Requests whose worker was chosen for what it had cached", Quantity::kShare, DecidedByCache},
    {"same worker follow-ups", "Follow-up requests that reached the worker of the one before", Quantity::kShare,
     PREFIXMESH_AT("routing.same_worker_followups")},
};
constexpr Figure kDecision[] = {
    {"wall p50", "From request in to worker chosen", Quantity::kMicroseconds, PREFIXMESH_LARGEST("decision_us.p50"),
     false, kTerminal},
    {"wall p99", "From request in to worker chosen", Quantity::kMicroseconds, PREFIXMESH_LARGEST("decision_us.p99"),
     false, kTerminal},
    {"CPU p50", "The same in thread CPU time, which the scheduler does not blur", Quantity::kMicroseconds,
     PREFIXMESH_LARGEST("decision_cpu_us.p50"), false, kTerminal},
    {"CPU p99", "The same in thread CPU time, which the scheduler does not blur", Quantity::kMicroseconds,
     PREFIXMESH_LARGEST("decision_cpu_us.p99"), false, kTerminal},
};
constexpr Figure kLoad[] = {
    {"offered", "Requests that the plan has per second of load", Quantity::kPerSecond,
     PREFIXMESH_AT("load.offered_rps")},
    {"sent", "Requests of the load phase", Quantity::kCount, PREFIXMESH_AT("load.sent"), false, kTerminal},
    {"failed", "Answered with an error, or not in time", Quantity::kCount, PREFIXMESH_AT("load.failed"), false,
     kTerminal},
    {"dropped", "Not sent by the end of the load phase", Quantity::kCount, PREFIXMESH_AT("load.dropped"), false,
     kTerminal},
    {"late", "Sent later than intended by more than the trust limit", Quantity::kCount, PREFIXMESH_AT("load.late")},
    {"schedule delay p99", "From intended to real send time: the generator's own fault", Quantity::kMicroseconds,
     PREFIXMESH_AT("load.schedule_delay_us.p99")},
    {"latency p50, from intended", "To the last message, from the planned send time", Quantity::kMicroseconds,
     PREFIXMESH_AT("load.latency_from_intended_us.p50"), false, kTerminal},
    {"latency p99, from intended", "To the last message, from the planned send time", Quantity::kMicroseconds,
     PREFIXMESH_AT("load.latency_from_intended_us.p99"), false, kTerminal},
    {"latency p50, from sent", "To the last message, from the real send time", Quantity::kMicroseconds,
     PREFIXMESH_AT("load.latency_from_sent_us.p50"), false, kTerminal},
    {"latency p99, from sent", "To the last message, from the real send time", Quantity::kMicroseconds,
     PREFIXMESH_AT("load.latency_from_sent_us.p99"), false, kTerminal},
    {"first token p50", "From the real send time", Quantity::kMicroseconds, PREFIXMESH_AT("load.ttft_us.p50")},
    {"first token p99", "From the real send time", Quantity::kMicroseconds, PREFIXMESH_AT("load.ttft_us.p99")},
};
constexpr Figure kPartition[] = {
    {"began", "On the clock of the plots", Quantity::kSeconds, PREFIXMESH_AT("partition.began_s"), false, kTerminal},
    {"healed", "On the clock of the plots", Quantity::kSeconds, PREFIXMESH_AT("partition.healed_s"), false, kTerminal},
    {"missing at the heal", "Records that some router lacked, summed over routers", Quantity::kCount,
     PREFIXMESH_AT("partition.records"), false, kTerminal},
    {"streams up after", "From the heal until every router saw all its streams up", Quantity::kMilliseconds,
     PREFIXMESH_AT("partition.connected_after_ms"), false, kTerminal},
    {"complete after", "From the heal until every router had all that any had written before it",
     Quantity::kMilliseconds, PREFIXMESH_AT("partition.complete_after_ms"), true, kTerminal},
    {"built until then", "Payload of all routers and layers from the heal until it was complete", Quantity::kBytes,
     [](const Json& r) { return SumOfLayers(r, "partition.built_bytes"); }, kBar, kTerminal},
};
constexpr Figure kJoin[] = {
    {"started", "On the clock of the plots", Quantity::kSeconds, PREFIXMESH_AT("join.at_s"), false, kTerminal},
    {"ready after", "From its start until it served", Quantity::kMilliseconds, PREFIXMESH_AT("join.ready_after_ms"),
     false, kTerminal},
    {"records to learn", "That the others had written before its start", Quantity::kCount,
     PREFIXMESH_AT("join.records"), false, kTerminal},
    {"streams up after", "From its start until it saw all its streams up", Quantity::kMilliseconds,
     PREFIXMESH_AT("join.connected_after_ms"), false, kTerminal},
    {"complete after", "From its start until it had all that the others had written before it", Quantity::kMilliseconds,
     PREFIXMESH_AT("join.complete_after_ms"), true, kTerminal},
    {"built until then", "Payload of all routers and layers from its start until it was complete", Quantity::kBytes,
     [](const Json& r) { return SumOfLayers(r, "join.built_bytes"); }, kBar, kTerminal},
    {"CPU p99 before, others", "Decision time of the slowest of the others, from the load's begin to the join",
     Quantity::kMicroseconds, [](const Json& r) { return SlowestAtJoin(r, "before", false); }, false, kTerminal},
    {"CPU p99 after, others", "The same from the join to the load's end", Quantity::kMicroseconds,
     [](const Json& r) { return SlowestAtJoin(r, "after", false); }, false, kTerminal},
    {"CPU p99 after, the joiner", "Decision time of the one that joined", Quantity::kMicroseconds,
     [](const Json& r) { return SlowestAtJoin(r, "after", true); }, false, kTerminal},
};
constexpr Figure kStop[] = {
    {"stopped", "On the clock of the plots", Quantity::kSeconds, PREFIXMESH_AT("stop.began_s"), false, kTerminal},
    {"went on", "On the clock of the plots", Quantity::kSeconds, PREFIXMESH_AT("stop.ended_s"), false, kTerminal},
    {"growth of a peer", "Most that the resident memory of a peer rose meanwhile above where it was", Quantity::kBytes,
     LargestGrowthAtStop, kBar, kTerminal},
    {"CPU p99 before, peers", "Decision time of the slowest peer, from the load's begin to the stop",
     Quantity::kMicroseconds, [](const Json& r) { return SlowestAtStop(r, "before"); }, false, kTerminal},
    {"CPU p99 during, peers", "The same while it was stopped", Quantity::kMicroseconds,
     [](const Json& r) { return SlowestAtStop(r, "during"); }, false, kTerminal},
    {"records to learn", "That it lacked when it went on", Quantity::kCount, PREFIXMESH_AT("stop.records"), false,
     kTerminal},
    {"streams up after", "From then until it saw all its streams up", Quantity::kMilliseconds,
     PREFIXMESH_AT("stop.connected_after_ms"), false, kTerminal},
    {"complete after", "From then until it had all that the others had written before it", Quantity::kMilliseconds,
     PREFIXMESH_AT("stop.complete_after_ms"), true, kTerminal},
    {"built until then", "Payload of all routers and layers from then until it was complete", Quantity::kBytes,
     [](const Json& r) { return SumOfLayers(r, "stop.built_bytes"); }, kBar, kTerminal},
};
#undef PREFIXMESH_AT
#undef PREFIXMESH_LARGEST
#undef PREFIXMESH_SUM

constexpr FigureGroup kGroups[] = {
    {"Memory of the largest router", kMemory},    {"Sync, all routers", kSync},
    {"Placements and visibility", kPlacements},   {"Routing", kRouting},
    {"Decision time, slowest router", kDecision}, {"Load", kLoad},
    {"Cut and healed", kPartition, "partition"},  {"A router that joined", kJoin, "join"},
    {"A router that was stopped", kStop, "stop"},
};

constexpr std::string_view kLayers[] = {"placements", "structure", "repair", "digest", "control", "membership", "crdt"};

constexpr VerdictWords kVerdicts[] = {
    {"✓", "ok", "ok", "every planned request was sent and measured"},
    {"✕", "failed", "failed", "the run did not finish, or nothing came back ok"},
    {"■", "killed", "killed", "hit its stated memory cap"},
    {"?", "untrusted", "untrusted", "the load generator was not good enough: no verdict"},
    {"▼", "SLO missed", "slo_missed", "an objective of the scenario was missed"},
};

}  // namespace

std::span<const FigureGroup> KeyFigures() { return kGroups; }

bool FigureGroup::Concerns(std::span<const Json> results) const {
  return only_with.empty() || std::any_of(results.begin(), results.end(),
                                          [&](const Json& result) { return NodeAt(result, only_with).is_object(); });
}

std::span<const std::string_view> LayerNames() { return kLayers; }

Value PeakRssBytes(const Json& result) { return Largest(result, "peak_rss_bytes"); }

Value BuiltBytesPerSecond(const Json& result) {
  const Value built = Sum(result, "sync.built_bytes_per_s");
  return built.has_value() ? built : Sum(result, "sync.bytes_per_s");
}
Value DeliveredBytesPerSecond(const Json& result) { return Sum(result, "sync.delivered_bytes_per_s"); }

Value AppliedShare(const Json& result) {
  const Value applied = NumberAt(result, "placements.applied"), pairs = NumberAt(result, "placements.pairs");
  return applied.has_value() && pairs.value_or(0) > 0 ? Value(*applied / *pairs) : std::nullopt;
}

Value LayerBytes(const Json& result, std::string_view layer) {
  return Sum(result, "sync.by_layer." + std::string(layer) + ".bytes");
}

VerdictWords VerdictOf(const Json& result) {
  const std::string verdict = TextAt(result, "verdict", "");
  for (const VerdictWords& words : kVerdicts) {
    if (words.css_class == verdict) return words;
  }
  return {"?", "no verdict", "untrusted", "the file has no verdict that this report knows"};
}

}  // namespace prefixmesh::bench
