#include "loadgen/drive/session.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "impl/base/whole_file.h"
#include "impl/figures/load_figures.h"
#include "impl/figures/page_figures.h"
#include "loadgen/clock/process.h"
#include "loadgen/drive/control.h"
#include "loadgen/drive/ledger_probe.h"
#include "loadgen/drive/summary.h"
#include "loadgen/drive/visibility.h"

namespace prefixmesh::load {
namespace {

using Json = nlohmann::ordered_json;

constexpr Time kStartDelay = std::chrono::milliseconds(50);
constexpr Time kOverrun = std::chrono::seconds(2);  // beyond the last request's own timeout
constexpr Time kSecond = std::chrono::seconds(1);

class RealSession final : public Session {
 public:
  RealSession(SessionOptions options, Plan plan) : options_(std::move(options)), plan_(std::move(plan)) {}

  Status Open() {
    auto log = RequestLog::Create(options_.out_dir + "/requests.log", plan_.fingerprint(), plan_.requests().size());
    if (!log.ok()) return log.error();
    log_ = std::move(*log);
    auto driver = Driver::Connect(plan_, options_.settings, options_.routers, *log_, options_.connect_timeout);
    if (!driver.ok()) return driver.error();
    driver_ = std::move(*driver);
    if (options_.routers.size() > 1) {
      if (const Status allowed = ControlAllowed(options_.routers, options_.connect_timeout); !allowed.ok()) {
        may_probe_ = false;
        no_ledger_ = no_visibility_ = allowed.error().message + ", so what peers learned cannot be asked";
        Emit({{"event", "note"}, {"message", "placements and visibility are null: " + no_ledger_}});
      }
    }
    if (options_.settings.index.listens()) {
      may_probe_ = false;
      no_ledger_ = no_visibility_ = kBelievesWorkers;
    }
    if (options_.routers.size() < 2) no_visibility_ = kOneRouter;
    if (options_.strategy == "off") no_visibility_ = "visibility is not sampled for off";
    if (options_.settings.probe.visibility_share == 0) no_visibility_ = kNothingSampled;
    if (no_visibility_.empty()) {
      auto prober = VisibilityProber::Connect(plan_, options_.settings, options_.routers, options_.connect_timeout);
      if (!prober.ok()) return prober.error();
      prober_ = std::move(*prober);
      driver_->SetListener(prober_.get());
    }
    return {};
  }

  const Plan& plan() const override { return plan_; }
  bool trusted() const override { return trust_.ok; }
  bool answered() const override { return answered_; }

  Readings Live() const override {
    const DriverProgress progress = driver_->Progress(0);
    const ReplyRecorder replies = driver_->Replies();
    Readings out;
    out.Set(LoadPageFigure("sent"), progress.sent);
    out.Set(LoadPageFigure("ok"), progress.ok);
    out.Set(LoadPageFigure("failed"), progress.failed);
    out.Set(LoadPageFigure("dropped"), progress.dropped);
    out.Set(LoadPageFigure("in_flight"), progress.in_flight);
    const Histogram& latency = replies.from_intended_us();
    for (const auto& [label, percentile] : {std::pair("p50", 50.0), {"p99", 99.0}})
      if (latency.count() > 0) out.Set(LoadPageFigure("latency_us.*"), label, latency.Percentile(percentile));
    return out;
  }

  Status Run() override {
    const Time epoch = clock_.Now() + kStartDelay;
    if (prober_ != nullptr) prober_->Start(epoch);
    driver_->Start(epoch);
    Follow(epoch);
    if (prober_ != nullptr) visibility_ = prober_->Finish();
    sends_.emplace(driver_->Sends());
    replies_.emplace(driver_->Replies());
    const Status finished = log_->Finish();
    const Status written = WriteSummary();
    const ReplyRecorder& replies = *replies_;
    Emit({{"event", "load_done"},
          {"sent", sends_->sent_all()},
          {"ok", replies.ok_all()},
          {"failed", replies.failed_all()},
          {"failed_by_status", replies.failed_by_status_all()},
          {"dropped", sends_->dropped()},
          {"trusted", trust_.ok},
          {"reasons", trust_.reasons}});
    return finished.ok() ? written : finished;
  }

  Status Probe() override {
    if (!may_probe_) return WriteSummary();
    const Result<std::vector<RequestRecord>> records = log_->Read();
    if (!records.ok()) return records.error();
    const Time timeout(static_cast<std::int64_t>(options_.settings.phases.drain_s * 1e9));
    std::vector<RouterAddress> routers = options_.routers;
    for (RouterAddress& router : routers) router.late = false;  // all are there by now
    const auto counts = ProbeLedger(plan_, options_.settings, *records, driver_->WorkerNames(), routers, timeout);
    if (counts.ok()) {
      ledger_ = *counts;
    } else {
      no_ledger_ = "the placement ledger could not be probed: " + counts.error().message;
    }
    return WriteSummary();
  }

 private:
  void Emit(const Json& json) const {
    if (options_.on_event) options_.on_event(json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  }

  // Says what happens while it happens: phase boundaries, a line a second, failures.
  void Follow(Time epoch) {
    struct Boundary {
      Time at;
      const char* phase;
    };
    const Boundary boundaries[] = {{Time(0), "warmup"}, {plan_.load_begin(), "load"}, {plan_.load_end(), "load_end"}};
    std::size_t boundary = 0;
    std::size_t second = 0;
    ProcessUsage at_load_begin;
    const Time give_up =
        plan_.load_end() + Time(static_cast<std::int64_t>(options_.settings.load.timeout_s * 1e9)) + kOverrun;
    while (true) {
      const Time next_second = kSecond * static_cast<std::int64_t>(second + 1);
      const Time next = boundary < std::size(boundaries) ? std::min(next_second, boundaries[boundary].at) : next_second;
      bool done = driver_->WaitDone(epoch + next);
      if (done && boundary < std::size(boundaries)) {
        SleepUntil(epoch + next);  // everything is answered, but the phase is not over
        done = false;
      }
      const Time now = clock_.Now() - epoch;
      while (boundary < std::size(boundaries) && boundaries[boundary].at <= now) {
        if (boundary == 1) at_load_begin = ReadProcessUsage();
        if (boundary == 2) {
          load_cpu_cores_ = (ReadProcessUsage().cpu_s - at_load_begin.cpu_s) / options_.settings.phases.load_s;
        }
        Emit({{"event", "phase"}, {"phase", boundaries[boundary].phase}, {"t_s", Seconds(now)}});
        ++boundary;
      }
      for (; now >= kSecond * static_cast<std::int64_t>(second + 1); ++second) EmitProgress(second);
      EmitFailures();
      if (done) return;
      if (now >= give_up) driver_->CancelAll();
    }
  }

  static double Seconds(Time time) { return std::chrono::duration<double>(time).count(); }

  void EmitProgress(std::size_t second) {
    const DriverProgress progress = driver_->Progress(second);
    Json share = nullptr;
    if (progress.reply.prompt_bytes > 0) {
      share = static_cast<double>(progress.reply.cached_bytes) / static_cast<double>(progress.reply.prompt_bytes);
    }
    Emit({{"event", "progress"},
          {"t_s", second + 1},
          {"sent", progress.sent},
          {"ok", progress.ok},
          {"failed", progress.failed},
          {"in_flight", progress.in_flight},
          {"rps", progress.send.sent},
          {"schedule_delay_p99_us", progress.send.schedule_delay_p99_us},
          {"cached_share", share}});
  }

  void EmitFailures() {
    for (const DriverFailure& failure : driver_->TakeFailures()) {
      Emit({{"event", "failure"},
            {"router", failure.router},
            {"status", failure.status},
            {"requests", failure.requests},
            {"message", failure.message}});
    }
    if (const Status log = log_->state(); !log.ok() && !log_failure_told_) {
      log_failure_told_ = true;
      Emit({{"event", "failure"}, {"message", log.error().message}});
    }
  }

  Status WriteSummary() {
    const Result<std::vector<RequestRecord>> records = log_->Read();
    if (!records.ok()) return records.error();
    const ProcessUsage usage = ReadProcessUsage();
    const std::vector<std::string> worker_names = driver_->WorkerNames();
    answered_ = std::any_of(records->begin(), records->end(),
                            [](const RequestRecord& record) { return record.outcome == Outcome::kOk; });
    trust_ = JudgeTrust(*sends_, load_cpu_cores_, options_.settings);
    return WriteWholeFile(options_.out_dir + "/load.json", SummaryJson({.plan = plan_,
                                                                        .settings = options_.settings,
                                                                        .strategy = options_.strategy,
                                                                        .sends = *sends_,
                                                                        .replies = *replies_,
                                                                        .records = *records,
                                                                        .worker_names = worker_names,
                                                                        .ledger = ledger_,
                                                                        .no_ledger = no_ledger_,
                                                                        .visibility = visibility_,
                                                                        .no_visibility = no_visibility_,
                                                                        .load_cpu_cores = load_cpu_cores_,
                                                                        .cpu_s = usage.cpu_s,
                                                                        .peak_rss_bytes = usage.peak_rss_bytes}));
  }

  const SessionOptions options_;
  const RealClock clock_;
  const Plan plan_;
  std::unique_ptr<RequestLog> log_;
  std::unique_ptr<VisibilityProber> prober_;
  std::unique_ptr<Driver> driver_;  // gone before what it borrows
  std::optional<SendRecorder> sends_;
  std::optional<ReplyRecorder> replies_;
  std::optional<LedgerCounts> ledger_;
  std::optional<VisibilityCounts> visibility_;
  bool may_probe_ = true;
  std::string no_ledger_ = "the ledger was not probed", no_visibility_;  // why not
  double load_cpu_cores_ = 0;
  TrustVerdict trust_{.ok = false, .reasons = {}};
  bool answered_ = false;
  bool log_failure_told_ = false;
};

}  // namespace

Result<std::unique_ptr<Session>> Session::Prepare(SessionOptions options) {
  Result<Plan> plan = BuildPlan(options.settings, options.seed);
  if (!plan.ok()) return plan.error();
  if (plan->join_at() && !options.routers.empty()) options.routers.back().late = true;
  auto session = std::make_unique<RealSession>(std::move(options), std::move(*plan));
  const Status opened = session->Open();
  if (!opened.ok()) return opened.error();
  return std::unique_ptr<Session>(std::move(session));
}

}  // namespace prefixmesh::load
