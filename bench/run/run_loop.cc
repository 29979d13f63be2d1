#include "bench/run/run_loop.h"

#include <algorithm>

namespace prefixmesh::bench {
namespace {

constexpr Time kPollInterval = std::chrono::milliseconds(50);
constexpr Time kWatchingPollInterval = std::chrono::milliseconds(5);

Time Seconds(double seconds) { return Time(static_cast<std::int64_t>(seconds * 1e9)); }

}  // namespace

RunLoop::RunLoop(const RunRequest& run_request, Measured& run_measured, const LiveTargets* live_targets)
    : request(run_request),
      measured(run_measured),
      settings(run_measured.settings),
      cluster({settings, request.strategy, measured.index_kind, request.seed, request.out, request.bin_dir,
               request.first_router_environment, live_targets}),
      sampler(cluster),
      faults(cluster, sampler, settings),
      cap(CapBytes(settings)),
      watchdog(cluster) {}

// ---- phases and routers ---------------------------------------------------------------------------------------------

void RunLoop::RouterReady(std::size_t router) {
  const pid_t pid = cluster.routers()[router].child->pid();
  if (!ResetPeak(pid)) measured.notes.push_back("peak RSS includes the start: clear_refs refused");
  cpu.Begin(pid);
}

void RunLoop::ShowPhase(const std::string& phase) {
  phase_ = phase;
  phase_began_s_ = sampler.elapsed_s();
}

void RunLoop::BeginPhase(const std::string& phase) {
  for (Cluster::Router& router : cluster.routers())
    if (router.answering() != nullptr) (void)router.answering()->BeginPhase(phase);
  ShowPhase(phase);
}

void RunLoop::LoadIsOver() {
  watchdog.DisarmLoad();
  line_.rps = 0;
  line_.cached_share = -1;
}

Status RunLoop::AllAnswered(const Sample& sample) const {
  for (std::size_t i = 0; i < sample.routers.size(); ++i)
    if (!sample.routers[i].counters.has_value())
      return Error{ErrorCode::kTimeout, cluster.routers()[i].name + " did not answer at the end of " + phase_};
  return {};
}

// The router that joins serves.
Status RunLoop::JoinerReady(std::size_t router) {
  cluster.JoinerServes();
  if (Status told = cluster.TellTargets(); !told.ok()) return told;
  RouterReady(router);
  faults.RouterServes();
  measured.routers[router].ready_s = sampler.elapsed_s();
  watchdog.HeardRouter(router, measured.routers[router].ready_s);
  if (measured.load_begin.has_value()) measured.load_begin->routers[router] = sampler.SampleNow().routers[router];
  return cap.Watch(measured.routers[router].name, cluster.routers()[router].child->pid());
}

// ---- the loop -------------------------------------------------------------------------------------------------------

Status RunLoop::Turn(Time timeout) {
  const Result<std::optional<Cluster::Event>> event =
      cluster.NextEvent(faults.watching() ? kWatchingPollInterval : timeout);
  return event.ok() ? Tick(*event) : Status(event.error());
}

Status RunLoop::WaitForLoad(const std::string& event, double timeout_s) {
  const auto got =
      cluster.WaitFor("load", event, Seconds(timeout_s), [this](const auto& other) { return Tick(other); });
  return got.ok() ? Status() : Status(got.error());
}

Status RunLoop::Tick(const std::optional<Cluster::Event>& event) {
  if (event.has_value() && event->from == "load") {
    watchdog.HeardLoad(sampler.elapsed_s());
    if (Status heard = OnLoadEvent(event->body); !heard.ok()) return heard;
  }
  if (event.has_value() && event->body.value("event", "") == "ready")
    for (std::size_t i = 0; i < measured.routers.size(); ++i)
      if (measured.routers[i].name == event->from)
        if (Status watched = JoinerReady(i); !watched.ok()) return watched;
  if (Status done = faults.Tick(); !done.ok()) return done;
  cluster.set_poll_interval(faults.watching() ? kWatchingPollInterval : kPollInterval);
  if (!sampler.SampleIfDue()) return {};
  ShowProgress();
  return watchdog.Check(sampler.samples().back());
}

// An error: the generator cannot write its log.
Status RunLoop::OnLoadEvent(const nlohmann::json& event) {
  const std::string name = event.value("event", "");
  if (name == "phase") {
    OnLoadPhase(event.value("phase", ""));
  } else if (name == "progress") {
    line_.rps = event.value("rps", 0.0);
    line_.lag_ms = event.value("schedule_delay_p99_us", 0.0) * 1e-3;
    line_.cached_share = event["cached_share"].is_number() ? event["cached_share"].get<double>() : -1;
  } else if (name == "failure" && event.contains("router")) {
    failures.Add(event);
  } else if (name == "failure") {
    return Error{ErrorCode::kExhausted, event.value("message", "")};
  }
  return {};
}

void RunLoop::OnLoadPhase(const std::string& phase) {
  if (phase == "load") {
    measured.load_begin = sampler.SampleNow();
    faults.LoadBegan();
  }
  if (phase == "load_end") {
    std::vector<RouterReport> reports;
    measured.load_end = sampler.SampleNow(&reports);
    faults.LoadEnded(reports);
  }
  if (phase == "warmup" || phase == "load") BeginPhase(phase);
}

// What a phase may take: settle and drain end sooner, the load waits for its last answers.
double RunLoop::PhaseLength() const {
  const load::Settings::Phases& phases = settings.phases;
  if (phase_ == "warmup") return phases.warmup_s;
  if (phase_ == "load") return phases.load_s;
  if (phase_ == "settle") return phases.settle_s;
  return phase_ == "idle" ? phases.idle_s : phases.drain_s;
}

void RunLoop::ShowProgress() {
  const std::vector<Sample>& samples = sampler.samples();
  const Sample& now = samples.back();
  line_.phase = phase_;
  line_.total_s = PhaseLength();
  line_.elapsed_s = std::min(now.t_s - phase_began_s_, line_.total_s);
  line_.rss_bytes = 0;
  line_.sync_bytes_per_s = 0;
  for (std::size_t i = 0; i < now.routers.size(); ++i) {
    line_.rss_bytes = std::max(line_.rss_bytes, now.routers[i].rss_bytes.value_or(0));
    if (samples.size() < 2) continue;
    const auto& last = now.routers[i].counters;
    const auto& before = samples[samples.size() - 2].routers[i].counters;
    if (last.has_value() && before.has_value())
      line_.sync_bytes_per_s +=
          static_cast<double>(last->built_bytes - before->built_bytes) / (last->at_s - before->at_s);
  }
  progress.Show(line_);
}

}  // namespace prefixmesh::bench
