#include "bench/scenario/disturbance.h"

#include <algorithm>

#include "impl/figures/router_figures.h"
#include "impl/wire/prefixmesh.pb.h"

namespace prefixmesh::bench {
namespace {

constexpr auto kLookEvery = std::chrono::milliseconds(5);

double MsSince(std::chrono::steady_clock::time_point since, std::chrono::steady_clock::time_point at) {
  return std::chrono::duration<double, std::milli>(at - since).count();
}

std::map<std::string, std::uint64_t> BuiltByLayer(const std::vector<RouterReport>& reports) {
  std::map<std::string, std::uint64_t> bytes;
  for (const LabelValue& layer : kLayerValues)
    for (const RouterReport& report : reports)
      bytes[std::string(layer.name)] += report.readings.Count(RouterFigure("sync.by_layer.*.bytes"), layer.name);
  return bytes;
}

}  // namespace

Disturbance::Disturbance(Cluster& cluster, Sampler& sampler, Measured& measured)
    : cluster_(cluster), sampler_(sampler), measured_(measured), settings_(measured.request.settings) {
  const std::size_t last = settings_.routers.count - 1;
  if (settings_.partition.direction != "none") {
    measured_.partition.emplace();
    for (std::size_t i = 1; i <= last; ++i) measured_.partition->links.push_back(RouterName(0) + "/" + RouterName(i));
  }
  if (settings_.join.at > 0) {
    measured_.join.emplace();
    measured_.join->router = last;
    join_.who = last;
  }
  if (settings_.stop.from < settings_.stop.to) {
    measured_.stop.emplace();
    measured_.stop->router = last;
    stop_.who = last;
  }
}

void Disturbance::LoadBegan() { load_began_ = Clock::now(); }

Status Disturbance::Tick() {
  if (!load_began_) return {};
  const double share = std::chrono::duration<double>(Clock::now() - *load_began_).count() / settings_.phases.load_s;
  if (auto& partition = measured_.partition) {
    const bool over = load_ended_ || share >= settings_.partition.to;
    if (!partition->began_s && !over && share >= settings_.partition.from) Cut();
    if (partition->began_s && !partition->healed_s && over) Heal();
  }
  if (auto& stop = measured_.stop) {
    const bool over = load_ended_ || share >= settings_.stop.to;
    if (!stop->began_s && !over && share >= settings_.stop.from) Stop();
    if (stop->began_s && !stop->ended_s && over) GoOn();
  }
  if (measured_.join && !measured_.join->at_s && share >= settings_.join.at)
    if (Status joined = Join(); !joined.ok()) return joined;
  if (!watching() || Clock::now() - looked_at_ < kLookEvery) return {};
  std::vector<v1::SyncPositions> positions;
  const std::vector<bool> answered = ReadPositions(positions);
  looked_at_ = Clock::now();
  for (Watch* watch : {&heal_, &join_, &stop_})
    if (watch->open) Look(*watch, answered, positions, looked_at_);
  return {};
}

void Disturbance::Cut() {
  cluster_.SetCut(true);
  measured_.partition->began_s = sampler_.elapsed_s();
}

void Disturbance::Heal() {
  std::vector<RouterReport> before;
  (void)sampler_.SampleNow(&before);
  Open(heal_, std::move(before), measured_.partition->heal);
  heal_.since = Clock::now();
  cluster_.SetCut(false);
  measured_.partition->healed_s = sampler_.elapsed_s();
}

Status Disturbance::Join() {
  MeasuredJoin& join = *measured_.join;
  std::vector<RouterReport> before;
  (void)sampler_.SampleNow(&before);
  for (const std::optional<double>& p99 : TurnPhase(before, "join"))
    join.decision_cpu_p99_us.emplace_back(p99, std::nullopt);
  Open(join_, std::move(before), join.caught_up);
  join_.since = Clock::now();
  join.at_s = sampler_.elapsed_s();
  return cluster_.StartJoiner();
}

void Disturbance::Stop() {
  MeasuredStop& stop = *measured_.stop;
  std::vector<RouterReport> before;
  const Sample sample = sampler_.SampleNow(&before);
  for (const std::optional<double>& p99 : TurnPhase(before, "stop"))
    stop.decision_cpu_p99_us.emplace_back(p99, std::nullopt);
  std::vector<v1::SyncPositions> positions;
  if (ReadPositions(positions)[stop.router]) positions_when_stopped_ = std::move(positions[stop.router]);
  report_when_stopped_ = std::move(before[stop.router]);
  cluster_.SetStopped(true);
  stop.began_s = sampler_.elapsed_s();
  for (const RouterSample& router : sample.routers) stop.rss_bytes.emplace_back(router.rss_bytes, router.rss_bytes);
}

void Disturbance::GoOn() {
  MeasuredStop& stop = *measured_.stop;
  std::vector<RouterReport> before;
  (void)sampler_.SampleNow(&before);
  const std::vector<std::optional<double>> during = TurnPhase(before, "going on");
  before[stop.router] = report_when_stopped_;
  for (std::size_t i = 0; i < during.size(); ++i) stop.decision_cpu_p99_us[i].second = during[i];
  Open(stop_, std::move(before), stop.caught_up);
  stop_.since = Clock::now();
  stop.ended_s = sampler_.elapsed_s();
  cluster_.SetStopped(false);
  for (const Sample& sample : sampler_.samples()) {
    if (sample.t_s < *stop.began_s || sample.t_s > *stop.ended_s) continue;
    for (std::size_t i = 0; i < sample.routers.size(); ++i)
      stop.rss_bytes[i].second = std::max(stop.rss_bytes[i].second, sample.routers[i].rss_bytes);
  }
}

std::vector<std::optional<double>> Disturbance::TurnPhase(const std::vector<RouterReport>& reports,
                                                          const std::string& phase) {
  std::vector<std::optional<double>> p99;
  for (const RouterReport& report : reports)
    p99.push_back(report.readings.Number(RouterFigure("decision_cpu_phase_us.p99")));
  for (Cluster::Router& router : cluster_.routers())
    if (router.answering() != nullptr) (void)router.answering()->BeginPhase(phase);
  return p99;
}

// What is missing is counted before the deed, so that nothing written later is asked for.
void Disturbance::Open(Watch& watch, std::vector<RouterReport> before, Convergence& answer) {
  watch.before = std::move(before);
  watch.answer = &answer;
  std::vector<v1::SyncPositions> positions;
  const std::vector<bool> answered = ReadPositions(positions);
  const std::vector<Cluster::Router>& routers = cluster_.routers();
  if (watch.who && routers[*watch.who].stopped) positions[*watch.who] = positions_when_stopped_;
  for (std::size_t i = 0; i < routers.size(); ++i) {
    const bool asked = watch.who != i;
    if (asked && !answered[i]) return;  // nobody knows what it had: the question cannot be put
    if (asked) AddOwnLog(routers[i].name, positions[i], watch.heads);
  }
  if (watch.heads.empty()) return;  // a strategy without logs, or nothing was written
  answer.records = 0;
  for (std::size_t i = 0; i < routers.size(); ++i)
    if (!watch.who || watch.who == i) *answer.records += Lacking(watch.heads, positions[i]);
  watch.open = true;
}

void Disturbance::Look(Watch& watch, const std::vector<bool>& answered, const std::vector<v1::SyncPositions>& positions,
                       Clock::time_point at) {
  bool connected = true, complete = true;
  for (std::size_t i = 0; i < positions.size(); ++i) {
    if (watch.who && watch.who != i) continue;
    connected = connected && answered[i] && positions[i].peers_up() + 1 == positions.size();
    complete = complete && answered[i] && Lacking(watch.heads, positions[i]) == 0;
  }
  Convergence& answer = *watch.answer;
  if (connected && !answer.connected_after_ms) answer.connected_after_ms = MsSince(watch.since, at);
  if (!complete) return;
  watch.open = !answer.connected_after_ms;  // what it lacked may have come through a third
  if (answer.complete_after_ms) return;
  answer.complete_after_ms = MsSince(watch.since, at);
  std::vector<RouterReport> after;
  const Sample sample = sampler_.SampleNow(&after);
  if (std::any_of(sample.routers.begin(), sample.routers.end(), [](const auto& r) { return !r.counters; })) return;
  answer.built_bytes = BuiltByLayer(after);
  for (const auto& [layer, bytes] : BuiltByLayer(watch.before)) (*answer.built_bytes)[layer] -= bytes;
}

void Disturbance::JoinerServes() {
  if (measured_.join) measured_.join->ready_after_ms = MsSince(join_.since, Clock::now());
}

void Disturbance::LoadEnded(const std::vector<RouterReport>& reports) {
  load_ended_ = true;
  if (!measured_.join) return;
  for (std::size_t i = 0; i < reports.size() && i < measured_.join->decision_cpu_p99_us.size(); ++i)
    measured_.join->decision_cpu_p99_us[i].second =
        reports[i].readings.Number(RouterFigure("decision_cpu_phase_us.p99"));
}

void Disturbance::Settled() {
  if (!measured_.partition && !measured_.join && !measured_.stop) return;
  heal_.open = join_.open = stop_.open = false;
  std::vector<v1::SyncPositions> positions;
  const std::vector<bool> answered = ReadPositions(positions);
  if (std::find(answered.begin(), answered.end(), false) != answered.end()) return;
  const bool no_logs =
      std::all_of(positions.begin(), positions.end(), [](const auto& each) { return each.logs().empty(); });
  if (no_logs) return;
  const bool same = SamePositions(positions);
  if (measured_.partition) measured_.partition->heal.equal_at_rest = same;
  if (measured_.join) measured_.join->caught_up.equal_at_rest = same;
  if (measured_.stop) measured_.stop->caught_up.equal_at_rest = same;
}

// By router; one that does not run yet has not answered.
std::vector<bool> Disturbance::ReadPositions(std::vector<v1::SyncPositions>& positions) {
  std::vector<RouterClient*> clients;
  for (const Cluster::Router& router : cluster_.routers()) clients.push_back(router.answering());
  return bench::ReadPositions(clients, positions);
}

}  // namespace prefixmesh::bench
