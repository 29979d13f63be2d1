// router_client.h — how the suite talks to a running router or worker: status, phases. Blocking, with a deadline.
// Threads: any, one at a time for each object. Errors: kUnavailable within the deadline. Ownership: owns its channel.
#pragma once

#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "impl/base/result.h"
#include "impl/env/env.h"
#include "impl/figures/router_report.h"

namespace prefixmesh::v1 {
class SyncPositions;
class WorkerStatus;
}  // namespace prefixmesh::v1

namespace prefixmesh::bench {

struct ReportAnswer;

class RouterClient {
 public:
  explicit RouterClient(const std::string& address);
  ~RouterClient();
  RouterClient(RouterClient&&) noexcept;

  // The standard gRPC health service says SERVING.
  bool Healthy();
  Result<RouterReport> ReadReport();
  Status BeginPhase(const std::string& phase);

 private:
  friend std::vector<ReportAnswer> ReadReports(std::span<RouterClient* const>, std::vector<RouterReport>&);
  friend std::vector<bool> ReadPositions(std::span<RouterClient* const>, std::vector<v1::SyncPositions>&);
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// All of them, asked at the same time: a router that hangs costs one deadline, whatever the others are. What did not
// answer stays nothing. A null client is a router that does not run: it is not asked.
struct ReportAnswer {
  bool answered = false;
  std::chrono::steady_clock::time_point at;  // when the answer came
};
std::vector<ReportAnswer> ReadReports(std::span<RouterClient* const> clients, std::vector<RouterReport>& reports);

// Where each stands in every log, and which answered. The same rules, with a deadline of a second.
std::vector<bool> ReadPositions(std::span<RouterClient* const> clients, std::vector<v1::SyncPositions>& positions);

// Whether a worker still answers, asked without waiting for it.
class WorkerPulse {
 public:
  explicit WorkerPulse(const std::string& address);
  ~WorkerPulse();
  // Asks again, unless a question is under way.
  void Beat();
  // When the last answer came, or when this was made.
  std::chrono::steady_clock::time_point heard() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// One worker's counters.
Status ReadWorkerStatus(const std::string& address, v1::WorkerStatus& status);

}  // namespace prefixmesh::bench
