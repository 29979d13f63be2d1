#include "bench/run/run.h"

#include <algorithm>
#include <ctime>
#include <map>

#include "bench/process/proc.h"
#include "bench/report/report.h"
#include "bench/result/read_json.h"
#include "bench/result/utc.h"
#include "bench/run/cluster.h"
#include "bench/run/faults/fault.h"
#include "bench/run/live_targets.h"
#include "bench/result/write/build_result.h"
#include "bench/run/memory_cap.h"
#include "bench/run/objectives.h"
#include "bench/run/preflight.h"
#include "bench/run/progress.h"
#include "bench/run/sampler.h"
#include "bench/run/silence.h"
#include "impl/base/whole_file.h"
#include "impl/figures/router_figures.h"
#include "impl/figures/run_figures.h"
#include "impl/router/strategies.h"
#include "loadgen/plan/plan.h"

namespace prefixmesh::bench {
namespace {

Time Seconds(double seconds) { return Time(static_cast<std::int64_t>(seconds * 1e9)); }

// What the load process had begun to write when it was ended.
void RemovePartials(const std::string& out) {
  for (const char* file : {"load.json", "requests.log"}) std::remove(PartialName(out + "/" + file).c_str());
}

// A run in which nothing came back ok has measured nothing.
Status CheckReplies(const Measured& measured) {
  if (!measured.load.is_object()) return Error{ErrorCode::kNotFound, "load.json cannot be read"};
  const nlohmann::json& load = measured.load.at("load");
  if (load.at("ok") != 0) return {};
  return Error{ErrorCode::kInvalid,
               "no request of the load phase came back ok (" + load.at("sent").dump() + " were sent)"};
}

class Runner {
 public:
  // `live` may be null.
  Runner(const RunRequest& request, Measured& measured, const LiveTargets* live)
      : request_(request),
        measured_(measured),
        settings_(measured.settings),
        cluster_({settings_, request.strategy, measured.index_kind, request.seed, request.out, request.bin_dir,
                  request.first_router_environment, live}),
        sampler_(cluster_),
        faults_(cluster_, sampler_, settings_),
        cap_(CapBytes(settings_)) {}

  // All phases. What was measured is in `measured` even when this fails.
  Status Run() {
    const Status done = Phases();
    cap_.Stop();
    if (cap_.hit().has_value()) Killed(*cap_.hit());
    measured_.samples = sampler_.samples();
    KeepLastTold();
    measured_.faults = faults_.Take();
    if (!cluster_.Stop()) measured_.notes.push_back("a process did not end by itself and was killed");
    RemovePartials(request_.out);
    progress_.Finish();
    SumUpFailures();
    ReadLoadJson();
    return cap_.hit().has_value() ? Status() : done;  // a router that is dead because of its cap is no failure
  }

 private:
  using Event = Cluster::Event;

  Status Phases() {
    progress_.Say("starting " + std::to_string(settings_.workers.count) + " workers, " +
                  std::to_string(settings_.routers.count) + " routers (" + request_.strategy + ", " +
                  measured_.index_kind + " index)");
    for (const auto step : {&Cluster::StartWorkers, &Cluster::StartRouters, &Cluster::StartLoad})
      if (Status started = (cluster_.*step)(); !started.ok()) return started;
    if (Status ready = Ready(); !ready.ok()) return ready;
    for (const auto phase : {&Runner::Load, &Runner::Settle, &Runner::Idle, &Runner::Drain})
      if (Status done = (this->*phase)(); !done.ok()) return done;
    measured_.verdict = Verdict::kOk;
    return {};
  }

  // Memory of the start-up is not part of any peak, CPU of it not part of any figure.
  Status Ready() {
    for (const Cluster::Router& router : cluster_.routers()) {
      measured_.routers.emplace_back().name = router.name;
      cpu_at_ready_.emplace_back();
      if (router.child != nullptr) RouterReady(measured_.routers.size() - 1);
    }
    silence_.Begin();
    ResetPeak(cluster_.workers()->pid());
    workers_cpu_at_ready_ = ReadCpuSeconds(cluster_.workers()->pid());
    sampler_.Begin();
    if (Status told = cluster_.TellTargets(); !told.ok()) return told;
    if (request_.live) progress_.Say("targets for Prometheus: " + std::string(LiveTargets::kPath));
    std::vector<std::pair<std::string, pid_t>> routers;
    for (const Cluster::Router& router : cluster_.routers())
      if (router.child != nullptr) routers.emplace_back(router.name, router.child->pid());
    return cap_.Start(routers, sampler_.begin());
  }

  // The run ends here; the peaks are what was reached by now.
  void Killed(const CapHit& hit) {
    measured_.verdict = Verdict::kKilled;
    measured_.killed = hit;
    for (std::size_t i = 0; i < measured_.routers.size(); ++i) {
      const Cluster::Router& router = cluster_.routers()[i];
      if (router.child == nullptr) continue;
      const auto memory = router.name == hit.router ? std::optional(hit.memory) : ReadMemory(router.child->pid());
      if (memory.has_value()) measured_.routers[i].readings.Set(RouterFigure("peak_rss_bytes"), memory->peak_rss_bytes);
    }
    const std::string reason = CapHitText(hit);
    measured_.notes.insert(
        measured_.notes.begin(),
        {reason, "the cap is limits.router_rss_mib, sampled every " + std::to_string(MemoryCap::kEvery.count()) +
                     " ms; the growth is the Theil-Sen slope of the readings before, the last " +
                     "30 s at most; peaks are those up to the kill"});
    progress_.Say(reason);
  }

  // Of a run that ended before settle was over: what each router had told by then.
  void KeepLastTold() {
    std::string kept;
    for (std::size_t i = 0; i < measured_.routers.size() && i < sampler_.last_told().size(); ++i) {
      MeasuredRouter& router = measured_.routers[i];
      const auto& last = sampler_.last_told()[i];
      if (router.settled || !last) continue;
      Readings readings = last->report.readings;
      readings.Add(router.readings);
      router.readings = std::move(readings);
      char at[32];
      std::snprintf(at, sizeof at, "%.1f s", last->t_s);
      kept += (kept.empty() ? "" : ", ") + router.name + " at " + at;
    }
    if (!kept.empty()) measured_.notes.push_back("totals are the last that were told before the end: " + kept);
  }

  void RouterReady(std::size_t i) {
    const pid_t pid = cluster_.routers()[i].child->pid();
    if (!ResetPeak(pid)) measured_.notes.push_back("peak RSS includes the start: clear_refs refused");
    cpu_at_ready_[i] = ReadCpuSeconds(pid);
  }

  // The router that joins serves: what is counted of it begins here.
  Status JoinerReady(std::size_t i) {
    cluster_.JoinerServes();
    if (Status told = cluster_.TellTargets(); !told.ok()) return told;
    RouterReady(i);
    faults_.RouterServes();
    measured_.routers[i].ready_s = sampler_.elapsed_s();
    silence_.HeardRouter(i, measured_.routers[i].ready_s);
    if (measured_.load_begin.has_value()) measured_.load_begin->routers[i] = sampler_.SampleNow().routers[i];
    return cap_.Watch(measured_.routers[i].name, cluster_.routers()[i].child->pid());
  }

  void BeginPhase(const std::string& phase) {
    for (Cluster::Router& router : cluster_.routers())
      if (router.answering() != nullptr) (void)router.answering()->BeginPhase(phase);
    phase_ = phase;
    phase_began_s_ = sampler_.elapsed_s();
  }

  // What every wait does meanwhile: sample once a second, show where the run is. An error: a process fell silent,
  // or the generator cannot write its log.
  Status Tick(const std::optional<Event>& event) {
    if (event.has_value() && event->from == "load") {
      silence_.HeardLoad(sampler_.elapsed_s());
      const std::string name = event->body.value("event", "");
      if (name == "phase") {
        const std::string phase = event->body.value("phase", "");
        if (phase == "load") {
          measured_.load_begin = sampler_.SampleNow();
          faults_.LoadBegan();
        }
        if (phase == "load_end") {
          std::vector<RouterReport> reports;
          measured_.load_end = sampler_.SampleNow(&reports);
          faults_.LoadEnded(reports);
        }
        if (phase == "warmup" || phase == "load") BeginPhase(phase);
      } else if (name == "progress") {
        line_.rps = event->body.value("rps", 0.0);
        line_.lag_ms = event->body.value("schedule_delay_p99_us", 0.0) * 1e-3;
        line_.cached_share = event->body["cached_share"].is_number() ? event->body["cached_share"].get<double>() : -1;
      } else if (name == "failure" && event->body.contains("router")) {
        NoteFailure(event->body);
      } else if (name == "failure") {
        return Error{ErrorCode::kExhausted, event->body.value("message", "")};
      }
    }
    if (event.has_value() && event->body.value("event", "") == "ready")
      for (std::size_t i = 0; i < measured_.routers.size(); ++i)
        if (measured_.routers[i].name == event->from)
          if (Status watched = JoinerReady(i); !watched.ok()) return watched;
    if (Status done = faults_.Tick(); !done.ok()) return done;
    cluster_.set_turn(faults_.watching() ? kWatchingTurn : kTurn);
    if (!sampler_.SampleIfDue()) return {};
    ShowProgress();
    return silence_.Check(sampler_.samples().back());
  }

  Status AllAnswered(const Sample& sample) {
    for (std::size_t i = 0; i < sample.routers.size(); ++i)
      if (!sample.routers[i].counters.has_value())
        return Error{ErrorCode::kTimeout, cluster_.routers()[i].name + " did not answer at the end of " + phase_};
    return {};
  }

  // What a phase may take: settle and drain end sooner, the load waits for its last answers.
  double PhaseLength() const {
    const load::Settings::Phases& phases = settings_.phases;
    if (phase_ == "warmup") return phases.warmup_s;
    if (phase_ == "load") return phases.load_s;
    if (phase_ == "settle") return phases.settle_s;
    return phase_ == "idle" ? phases.idle_s : phases.drain_s;
  }

  void ShowProgress() {
    const std::vector<Sample>& samples = sampler_.samples();
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
    progress_.Show(line_);
  }

  // What the generator says of requests that failed, summed up per router and status; the first message stands for all.
  void NoteFailure(const nlohmann::json& event) {
    Failures& failures = failures_[{event.value("router", ""), event.value("status", "")}];
    failures.requests += event.value("requests", std::uint64_t{0});
    if (failures.message.empty()) failures.message = event.value("message", "");
  }

  void SumUpFailures() {
    for (const auto& [where, failures] : failures_)
      measured_.notes.push_back(std::to_string(failures.requests) + " requests of warm-up and load failed at " +
                                where.first + ": " + where.second +
                                (failures.message.empty() ? "" : ", " + failures.message));
  }

  Status WaitForLoad(const std::string& event, double patience_s) {
    const auto got = cluster_.WaitFor("load", event, Seconds(patience_s), [this](const auto& e) { return Tick(e); });
    return got.ok() ? Status() : Status(got.error());
  }

  Status Load() {
    phase_ = "warmup";
    phase_began_s_ = sampler_.elapsed_s();
    if (!cluster_.load()->WriteLine("start"))
      return Error{ErrorCode::kUnavailable, "the load process no longer listens"};
    silence_.LoadSpeaks(sampler_.elapsed_s());
    const Status done =
        WaitForLoad("load_done", settings_.phases.warmup_s + settings_.phases.load_s + settings_.load.timeout_s + 30);
    silence_.LoadMayBeSilent();
    return done;
  }

  // Until all counters stand still for a second, at most settle_s.
  Status Settle() {
    BeginPhase("settle");
    line_.rps = 0;
    const double begin = sampler_.elapsed_s();
    double still_since = begin;
    std::vector<std::uint64_t> last;
    while (sampler_.elapsed_s() - begin < settings_.phases.settle_s) {
      Result<std::optional<Event>> event =
          cluster_.NextEvent(faults_.watching() ? kWatchingTurn : std::chrono::milliseconds(200));
      if (!event.ok()) return event.error();
      if (Status ticked = Tick(*event); !ticked.ok()) return ticked;
      if (faults_.watching()) {
        still_since = sampler_.elapsed_s();
        continue;
      }
      std::vector<std::uint64_t> counters;
      const Sample now = sampler_.SampleNow();
      bool all_answered = true;
      for (const RouterSample& router : now.routers) {
        all_answered = all_answered && router.counters.has_value();
        if (router.counters.has_value())
          counters.insert(counters.end(),
                          {router.counters->news_bytes, router.counters->records, router.counters->in_flight});
      }
      if (counters != last || !all_answered) still_since = now.t_s;
      last = counters;
      if (now.t_s - still_since >= 1) break;
    }
    faults_.Settled();
    std::vector<RouterReport> reports;
    const Sample end = sampler_.SampleNow(&reports);
    if (Status heard = AllAnswered(end); !heard.ok()) return heard;
    for (std::size_t i = 0; i < cluster_.routers().size(); ++i) {
      const Cluster::Router& router = cluster_.routers()[i];
      MeasuredRouter& measured = measured_.routers[i];
      measured.settled = true;
      measured.readings = std::move(reports[i].readings);
      const pid_t pid = router.child->pid();
      const auto memory = ReadMemory(pid);
      const auto of_memory = [&](auto field) {
        return memory.has_value() ? std::optional((*memory).*field) : std::nullopt;
      };
      measured.readings.Set(RouterFigure("peak_rss_bytes"), of_memory(&ProcessMemory::peak_rss_bytes));
      measured.readings.Set(RouterFigure("end_rss_bytes"), of_memory(&ProcessMemory::rss_bytes));
      measured.readings.Set(RouterFigure("pss_bytes"), ReadPss(pid));
      measured.readings.Set(RouterFigure("cpu_s"), CpuSince(cpu_at_ready_[i], pid));
      measured.readings.Set(RouterFigure("sync.delivered_bytes"), end.routers[i].counters->delivered_bytes);
    }
    if (const auto memory = ReadMemory(cluster_.workers()->pid()))
      measured_.workers.Set(WorkersFigure("peak_rss_bytes"), memory->peak_rss_bytes);
    measured_.workers.Set(WorkersFigure("cpu_s"), CpuSince(workers_cpu_at_ready_, cluster_.workers()->pid()));
    std::uint64_t cached_blocks = 0;
    for (const auto& [name, address] : cluster_.worker_addresses()) {
      v1::WorkerStatus status;
      if (!ReadWorkerStatus(address, status).ok())
        return Error{ErrorCode::kTimeout, "worker " + name + " did not answer at the end of " + phase_};
      cached_blocks += status.cached_blocks();
    }
    measured_.workers.Set(WorkersFigure("cached_blocks"), cached_blocks);
    return {};
  }

  static std::optional<double> CpuSince(const std::optional<double>& before, pid_t pid) {
    const std::optional<double> now = ReadCpuSeconds(pid);
    return before.has_value() && now.has_value() ? std::optional(*now - *before) : std::nullopt;
  }

  Status Idle() {
    BeginPhase("idle");
    measured_.idle_begin_s = sampler_.elapsed_s();
    const Sample begin = sampler_.SampleNow();
    while (sampler_.elapsed_s() - measured_.idle_begin_s < settings_.phases.idle_s) {
      Result<std::optional<Event>> event = cluster_.NextEvent(std::chrono::milliseconds(100));
      if (!event.ok()) return event.error();
      if (Status ticked = Tick(*event); !ticked.ok()) return ticked;
    }
    measured_.idle_end_s = sampler_.elapsed_s();
    const Sample end = sampler_.SampleNow();
    if (Status heard = AllAnswered(end); !heard.ok()) return heard;
    measured_.idle_end = end;
    for (std::size_t i = 0; i < end.routers.size(); ++i) {
      const auto &first = begin.routers[i].counters, &last = end.routers[i].counters;
      if (settings_.phases.idle_s > 0 && first.has_value() && last.has_value())
        measured_.routers[i].readings.Set(
            RouterFigure("sync.idle_bytes_per_s"),
            static_cast<double>(last->built_bytes - first->built_bytes) / (last->at_s - first->at_s));
    }
    return {};
  }

  Status Drain() {
    BeginPhase("drain");
    if (!cluster_.load()->WriteLine("probe"))
      return Error{ErrorCode::kUnavailable, "the load process no longer listens"};
    if (Status probed = WaitForLoad("probed", settings_.phases.drain_s + 60); !probed.ok()) return probed;
    return AllAnswered(sampler_.SampleNow());
  }

  void ReadLoadJson() {
    if (Result<nlohmann::json> load = ReadJson(request_.out + "/load.json"); load.ok())
      measured_.load = std::move(*load);
  }

  const RunRequest& request_;
  Measured& measured_;
  const load::Settings& settings_;
  Progress progress_;
  Cluster cluster_;
  Sampler sampler_;
  Faults faults_;
  MemoryCap cap_;
  std::string phase_ = "start";
  double phase_began_s_ = 0;
  ProgressLine line_;
  struct Failures {
    std::uint64_t requests = 0;
    std::string message;
  };
  std::map<std::pair<std::string, std::string>, Failures> failures_;  // by router and status
  static constexpr Time kTurn = std::chrono::milliseconds(50);
  static constexpr Time kWatchingTurn = std::chrono::milliseconds(5);
  Silence silence_{cluster_};
  std::vector<std::optional<double>> cpu_at_ready_;
  std::optional<double> workers_cpu_at_ready_;
};

Status WriteOutcome(const nlohmann::ordered_json& result, const RunOutcome& outcome) {
  const std::string text = result.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  if (Status written = WriteWholeFile(outcome.result_path, text); !written.ok()) return written;
  const Result<std::string> report = RenderReport({nlohmann::json(result)});
  if (!report.ok()) return report.error();
  return WriteWholeFile(outcome.report_path, *report);
}

}  // namespace

Result<RunOutcome> Run(const RunRequest& request) {
  const Result<StrategyDescription> strategy = FindStrategy(request.strategy);
  if (!strategy.ok()) return strategy.error();
  const Result<IndexKind> kind = ResolveIndexKind(*strategy, request.settings.index.kind);
  if (!kind.ok()) return kind.error();
  if (const auto mended = ResolveMended(*strategy, request.settings.generations.mended); !mended.ok())
    return mended.error();
  if (Status valid = load::Validate(request.settings); !valid.ok()) return valid.error();
  Measured measured;
  measured.settings = request.settings;
  measured.strategy = request.strategy;
  measured.seed = request.seed;
  AddSyncObjectives(request.strategy, measured.settings);
  measured.index_kind = IndexKindName(*kind);
  measured.machine = ReadMachine();
  if (Status enough = CheckMachine(request, measured.machine); !enough.ok()) return enough.error();
  // The plan is built here too: an unreadable trace is found before anything starts, and the oracle needs it.
  Result<load::Plan> plan = load::BuildPlan(request.settings, request.seed);
  if (!plan.ok()) return plan.error();
  std::unique_ptr<LiveTargets> live;
  if (request.live) {
    auto taken = LiveTargets::Take(request.settings, request.strategy);
    if (!taken.ok()) return taken.error();
    live = std::move(*taken);
    measured.notes.push_back("every process served /metrics, and may have been scraped (--live)");
  }
  const Result<FolderLock> folder = PrepareFolder(request.out);
  if (!folder.ok()) return folder.error();

  const std::int64_t now_unix_s = std::time(nullptr);
  measured.started_at = UtcText(now_unix_s);
  measured.plan_fingerprint = load::FingerprintText(plan->fingerprint());
  measured.run_id = UtcCompactText(now_unix_s) + "-" + request.strategy + "-" + std::to_string(request.seed) + "-" +
                    measured.plan_fingerprint.substr(0, 6);
  std::replace(measured.run_id.begin(), measured.run_id.end(), '/', '.');
  measured.noise = MeasureSpinNoise();
  measured.floor = MeasureMachineFloor();
  std::string failure;
  const auto fail = [&](const std::string& reason) {
    measured.verdict = Verdict::kFailed;
    measured.notes.insert(measured.notes.begin(), "failed: " + reason);
    failure = "run failed: " + reason;
  };
  {
    Runner runner(request, measured, live.get());
    if (Status ran = runner.Run(); !ran.ok()) fail(ran.error().message);
  }
  live = nullptr;
  if (measured.verdict == Verdict::kOk)
    if (Status replied = CheckReplies(measured); !replied.ok()) fail(replied.error().message);
  if (measured.verdict == Verdict::kOk) {
    const auto records = load::ReadRequestLog(request.out + "/requests.log", plan->fingerprint());
    if (records.ok()) {
      measured.ladder = RunLadder(*plan, request.settings, *records, VisibilityOf(measured));
    } else {
      fail(records.error().message);
    }
  }
  const nlohmann::ordered_json result = BuildResult(measured);
  RunOutcome outcome;
  outcome.result_path = request.out + "/result.json";
  outcome.report_path = request.out + "/report.html";
  if (Status written = WriteOutcome(result, outcome); !written.ok())
    return Error{ErrorCode::kExhausted, failure + (failure.empty() ? "" : "; ") + written.error().message};
  if (!failure.empty()) std::fprintf(stderr, "prefixmesh: %s\n", failure.c_str());
  outcome.verdict = VerdictNamed(result.at("verdict").get<std::string>()).value_or(Verdict::kFailed);
  return outcome;
}

}  // namespace prefixmesh::bench
