// run_loop.h — what the phases of a run share: its processes, what watches them, and the one loop in which each of them
// waits. Whatever is waited for: faults act, samples are taken and progress is shown meanwhile.
//
// Threads: one, the run's. Time: seconds of the sampler, which begin when all processes serve. Ownership: owns the
// processes; borrows request and measurements. Errors: a process that died or fell silent, an interrupt, a generator
// that cannot write its log: each ends the run. Bounds: every wait has a deadline.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "bench/process/proc.h"
#include "bench/result/write/measured.h"
#include "bench/run/cluster.h"
#include "bench/run/faults/fault.h"
#include "bench/run/live_targets.h"
#include "bench/run/memory_cap.h"
#include "bench/run/progress.h"
#include "bench/run/request_failures.h"
#include "bench/run/run.h"
#include "bench/run/sampler.h"
#include "bench/run/watchdog.h"
#include "impl/base/result.h"

namespace prefixmesh::bench {

// CPU time of processes since each was ready; nothing where the kernel did not tell it then or now.
class CpuSinceReady {
 public:
  void Begin(pid_t pid) { at_ready_s_[pid] = ReadCpuSeconds(pid); }
  std::optional<double> Seconds(pid_t pid) const {
    const auto before = at_ready_s_.find(pid);
    const std::optional<double> now = ReadCpuSeconds(pid);
    if (before == at_ready_s_.end() || !before->second.has_value() || !now.has_value()) return std::nullopt;
    return *now - *before->second;
  }

 private:
  std::map<pid_t, std::optional<double>> at_ready_s_;
};

class RunLoop {
 public:
  // `live_targets` may be null.
  RunLoop(const RunRequest& run_request, Measured& run_measured, const LiveTargets* live_targets);

  // What the phases work with; what they measure goes into `measured`.
  const RunRequest& request;
  Measured& measured;
  const load::Settings& settings;  // measured.settings
  Progress progress;
  Cluster cluster;
  Sampler sampler;
  Faults faults;
  MemoryCap cap;
  Watchdog watchdog;
  CpuSinceReady cpu;
  RequestFailures failures;

  // A router serves: what is counted of it begins here.
  void RouterReady(std::size_t router);
  // The phase that progress shows and errors name.
  void ShowPhase(const std::string& phase);
  // The same, and the routers are told: their figures by phase begin anew.
  void BeginPhase(const std::string& phase);
  // The generator has no rate to show any more, and may be silent.
  void LoadIsOver();

  // Waits for an event, up to `timeout`, and does what goes on meanwhile.
  Status Turn(Time timeout);
  // Turns until the load process says `event`.
  Status WaitForLoad(const std::string& event, double timeout_s);
  // kTimeout with the first router that did not answer.
  Status AllAnswered(const Sample& sample) const;

 private:
  Status Tick(const std::optional<Cluster::Event>& event);
  Status OnLoadEvent(const nlohmann::json& event);
  void OnLoadPhase(const std::string& phase);
  Status JoinerReady(std::size_t router);
  double PhaseLength() const;
  void ShowProgress();

  std::string phase_ = "start";
  double phase_began_s_ = 0;
  ProgressLine line_;
};

}  // namespace prefixmesh::bench
