// session.h — one run of the load from plan to load.json, told to a listener: what prefixmesh-load does between `ready`
// and `quit`.
//
// Threads: one caller, which blocks in Run and Probe; Live from any. Time: RealClock. Ownership: settings are copied.
// Errors: Prepare says what is wrong with trace, folder or routers; Run and Probe report a full disk. Bounds: those of
// the plan.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "impl/base/result.h"
#include "impl/env/env.h"
#include "impl/figures/readings.h"
#include "loadgen/drive/driver.h"
#include "loadgen/plan/plan.h"
#include "loadgen/settings/settings.h"

namespace prefixmesh::load {

struct SessionOptions {
  Settings settings;
  std::uint64_t seed = 1;
  std::vector<RouterAddress> routers;
  std::string out_dir;  // load.json and requests.log are written here; it must exist
  std::string strategy = "two-layer";
  Time connect_timeout = std::chrono::seconds(10);
  // One JSON object per event, without the line end.
  std::function<void(const std::string&)> on_event;
};

class Session {
 public:
  // Builds the plan, opens the log, connects. After it Run starts within milliseconds.
  static Result<std::unique_ptr<Session>> Prepare(SessionOptions options);
  virtual ~Session() = default;

  virtual const Plan& plan() const = 0;
  // Warm-up and load, until the last reply; writes load.json.
  virtual Status Run() = 0;
  // The ledger; writes load.json again, with placements.
  virtual Status Probe() = 0;
  virtual bool trusted() const = 0;
  // Some request of the load came back ok.
  virtual bool answered() const = 0;
  // What is counted by now, for its /metrics (impl/figures/page_figures.h). From any thread.
  virtual Readings Live() const = 0;
};

}  // namespace prefixmesh::load
