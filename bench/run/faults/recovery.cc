#include "bench/run/faults/recovery.h"

#include <algorithm>

#include "impl/base/check.h"
#include "impl/figures/fault_figures.h"
#include "impl/figures/router_figures.h"
#include "impl/wire/prefixmesh.pb.h"

namespace prefixmesh::bench {
namespace {

double MsBetween(std::chrono::steady_clock::time_point since, std::chrono::steady_clock::time_point at) {
  return std::chrono::duration<double, std::milli>(at - since).count();
}

std::uint64_t Built(const std::vector<RouterReport>& reports, std::string_view layer) {
  std::uint64_t bytes = 0;
  for (const RouterReport& report : reports)
    bytes += report.readings.Count(RouterFigure("sync.by_layer.*.bytes"), layer);
  return bytes;
}

}  // namespace

Positions AskPositions(const Cluster& cluster) {
  Positions positions;
  std::vector<RouterClient*> clients;
  for (const Cluster::Router& router : cluster.routers()) clients.push_back(router.answering());
  positions.answered = ReadPositions(clients, positions.of);
  return positions;
}

Recovery::Recovery(const Cluster& cluster, Sampler& sampler, std::span<const Figure> figures, Readings& readings,
                   std::optional<std::size_t> who)
    : cluster_(cluster), sampler_(sampler), figures_(figures), readings_(readings), who_(who) {
  SetAll(kNotReached);
}

const Figure& Recovery::Row(std::string_view path) const {
  const Figure* figure = FindFigure(figures_, path);
  PREFIXMESH_CHECK(figure != nullptr);
  return *figure;
}

void Recovery::SetAll(std::string_view reason) {
  for (const char* path : {"records", "connected_after_ms", "complete_after_ms", "built_total_bytes"})
    readings_.SetNotMeasured(Row(path), reason);
  for (const LabelValue& layer : kLayerValues) readings_.SetNotMeasured(Row("built_bytes.*"), reason, layer.name);
}

double Recovery::MsSinceBegin() const { return MsBetween(since_, Clock::now()); }

// What is missing is counted before the deed, so that nothing written later is asked for.
void Recovery::Open(std::vector<RouterReport> before, const Positions& now) {
  before_ = std::move(before);
  const std::vector<Cluster::Router>& routers = cluster_.routers();
  for (std::size_t i = 0; i < routers.size(); ++i) {
    if (who_ == i) continue;
    if (!now.answered[i]) return SetAll("a router did not answer, so nobody knows what it had written");
    AddOwnLog(routers[i].name, now.of[i], heads_);
  }
  if (heads_.empty()) return SetAll(kNoLogs);
  std::uint64_t records = 0;
  for (std::size_t i = 0; i < routers.size(); ++i)
    if (!who_ || who_ == i) records += Lacking(heads_, now.of[i]);
  SetAll(kNotSeen);
  readings_.Set(Row("records"), records);
  open_ = true;
}

void Recovery::Look(const Positions& now, Clock::time_point at) {
  if (!open_) return;
  bool connected = true, complete = true;
  for (std::size_t i = 0; i < now.of.size(); ++i) {
    if (who_ && who_ != i) continue;
    connected = connected && now.answered[i] && now.of[i].peers_up() + 1 == now.of.size();
    complete = complete && now.answered[i] && Lacking(heads_, now.of[i]) == 0;
  }
  if (connected && !connected_) {
    connected_ = true;
    readings_.Set(Row("connected_after_ms"), MsBetween(since_, at));
  }
  if (!complete) return;
  open_ = !connected_;  // what it lacked may have come through a third
  if (complete_) return;
  complete_ = true;
  readings_.Set(Row("complete_after_ms"), MsBetween(since_, at));
  std::vector<RouterReport> after;
  const Sample sample = sampler_.SampleNow(&after);
  const bool all = std::all_of(sample.routers.begin(), sample.routers.end(), [](const auto& r) { return r.counters; });
  std::uint64_t total = 0;
  for (const LabelValue& layer : kLayerValues) {
    if (!all) {
      readings_.SetNotMeasured(Row("built_bytes.*"), "a router did not answer", layer.name);
      continue;
    }
    const std::uint64_t bytes = Built(after, layer.name) - Built(before_, layer.name);
    readings_.Set(Row("built_bytes.*"), layer.name, bytes);
    total += bytes;
  }
  if (all) readings_.Set(Row("built_total_bytes"), total);
}

}  // namespace prefixmesh::bench
