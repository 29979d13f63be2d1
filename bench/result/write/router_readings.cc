#include "bench/result/write/router_readings.h"

#include <algorithm>
#include <cmath>

#include "bench/ab/statistics/theil_sen.h"
#include "impl/figures/figures.h"

namespace prefixmesh::bench {
namespace {

std::optional<double> Median(std::vector<double> values) {
  if (values.empty()) return std::nullopt;
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
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

}  // namespace

Readings RouterReadings(const Measured& m, const Readings& placements, std::size_t i) {
  Readings readings = m.routers[i].readings;
  std::optional<std::uint64_t> steady, after_idle;
  if (m.load_begin.has_value() && m.load_end.has_value()) {
    const double begin = m.load_begin->t_s, end = m.load_end->t_s;
    steady = MedianRss(m, i, end - (end - begin) / 4, end);
  }
  readings.Set(RouterFigure("steady_rss_bytes"), steady);
  const bool idle_asked = m.settings.phases.idle_s > 0;
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

}  // namespace prefixmesh::bench
