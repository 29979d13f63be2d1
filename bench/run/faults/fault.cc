#include "bench/run/faults/fault.h"

#include <algorithm>

#include "impl/base/check.h"
#include "impl/figures/fault_figures.h"
#include "impl/figures/router_figures.h"
#include "impl/wire/prefixmesh.pb.h"

namespace prefixmesh::bench {
namespace {

constexpr auto kLookEvery = std::chrono::milliseconds(5);
constexpr MakeFault kKinds[] = {MakeCut, MakeJoin, MakeStop, MakeClear, MakeRestart};

}  // namespace

// ---- one fault ------------------------------------------------------------------------------------------------------

Fault::Fault(const FaultWorld& world, const FigureGroup& group)
    : world_(world), measured_{&group, {}, nlohmann::ordered_json::object(), std::nullopt, std::string(kNotReached)} {
  measured_.readings.Complete(group.figures, group.unheard);
}

const Figure& Fault::Row(std::string_view path) const {
  const Figure* figure = FindFigure(measured_.group->figures, path);
  PREFIXMESH_CHECK(figure != nullptr);
  return *figure;
}

Reading Fault::DecisionsOf(const RouterReport& report) {
  const Figure& figure = RouterFigure("decision_cpu_phase_us.p99");
  const Reading* reading = report.readings.Find(figure);
  return reading != nullptr ? *reading : Reading{&figure, {}, NotMeasured{"the router did not answer"}};
}

std::vector<Reading> Fault::RollPhase(const std::vector<RouterReport>& reports, const std::string& phase) {
  std::vector<Reading> p99;
  for (const RouterReport& report : reports) p99.push_back(DecisionsOf(report));
  for (Cluster::Router& router : world_.cluster.routers())
    if (router.answering() != nullptr) (void)router.answering()->BeginPhase(phase);
  return p99;
}

void Fault::SetEach(std::string_view each, const std::vector<Reading>& values, std::optional<std::size_t> without) {
  for (std::size_t i = 0; i < values.size(); ++i)
    if (i != without) measured_.readings.Add({&Row(each), world_.cluster.routers()[i].name, values[i].value});
}

void Fault::SetLargest(std::string_view largest, std::string_view each, std::optional<std::size_t> without) {
  std::optional<double> most;
  for (std::size_t i = 0; i < world_.cluster.routers().size(); ++i) {
    if (i == without) continue;
    if (const auto one = measured_.readings.Number(Row(each), world_.cluster.routers()[i].name))
      most = std::max(most.value_or(*one), *one);
  }
  measured_.readings.Set(Row(largest), most);
}

// ---- all of a scenario ----------------------------------------------------------------------------------------------

Faults::Faults(Cluster& cluster, Sampler& sampler, const load::Settings& settings)
    : world_{cluster, sampler, settings} {
  for (const MakeFault make : kKinds)
    if (auto fault = make(world_)) faults_.push_back(std::move(fault));
}

void Faults::LoadBegan() { load_began_ = Recovery::Clock::now(); }

bool Faults::watching() const {
  return std::any_of(faults_.begin(), faults_.end(), [](const auto& fault) { return fault->watching(); });
}

Status Faults::Tick() {
  if (!load_began_) return {};
  const double share =
      std::chrono::duration<double>(Recovery::Clock::now() - *load_began_).count() / world_.settings.phases.load_s;
  for (const auto& fault : faults_)
    if (Status done = fault->Tick(share, load_over_); !done.ok()) return done;
  if (!watching() || Recovery::Clock::now() - looked_at_ < kLookEvery) return {};
  for (const auto& fault : faults_)
    if (fault->watching()) fault->Look();
  looked_at_ = Recovery::Clock::now();
  return {};
}

void Faults::RouterServes() {
  for (const auto& fault : faults_) fault->RouterServes();
}

void Faults::LoadEnded(const std::vector<RouterReport>& reports) {
  load_over_ = true;
  for (const auto& fault : faults_) fault->LoadEnded(reports);
}

void Faults::Settled() {
  if (faults_.empty()) return;
  const Positions positions = AskPositions(world_.cluster);
  const bool all = std::find(positions.answered.begin(), positions.answered.end(), false) == positions.answered.end();
  const bool no_logs =
      std::all_of(positions.of.begin(), positions.of.end(), [](const auto& each) { return each.logs().empty(); });
  for (const auto& fault : faults_) {
    fault->Close();
    MeasuredFault& measured = fault->measured();
    measured.why_not_equal = !all ? "a router did not answer" : kNoLogs;
    if (all && !no_logs) measured.equal_at_rest = SamePositions(positions.of);
  }
}

std::vector<MeasuredFault> Faults::Take() {
  std::vector<MeasuredFault> all;
  for (const auto& fault : faults_) all.push_back(std::move(fault->measured()));
  return all;
}

}  // namespace prefixmesh::bench
