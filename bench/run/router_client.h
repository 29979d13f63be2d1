// router_client.h — how the suite talks to running routers: status, phases, positions; and whether a worker still
// answers (worker_client.h is for the rest of those). Threads: any, one at a time for each object; what blocks has a
// deadline. Errors: kUnavailable within the deadline. Ownership: a client owns its channel. Bounds: one question of a
// kind under way per client.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "impl/base/result.h"
#include "impl/figures/router_report.h"

namespace prefixmesh::v1 {
class RouterStatus;
class HeldBlocks;
class HeldRequest;
class SyncPositions;
}  // namespace prefixmesh::v1

namespace prefixmesh::bench {

class RouterClient {
 public:
  static std::unique_ptr<RouterClient> Make(const std::string& address);
  virtual ~RouterClient() = default;

  // The standard gRPC health service says SERVING.
  virtual bool Healthy() = 0;
  virtual Result<RouterReport> ReadReport() = 0;
  virtual Status BeginPhase(const std::string& phase) = 0;
  // Of a worker, as far as the router knows; 0: it does not, or did not answer.
  virtual std::uint64_t IncarnationOf(const std::string& model, const std::string& worker) = 0;
  virtual Status ReadHeld(const v1::HeldRequest& request, v1::HeldBlocks& held) = 0;

  // Without waiting: `done` runs on a gRPC thread, once, with what may be moved from; null: no answer in time.
  template <typename Reply>
  using Done = std::function<void(Reply*)>;
  virtual void AskStatus(std::chrono::seconds deadline, Done<v1::RouterStatus> done) = 0;
  virtual void AskPositions(std::chrono::seconds deadline, Done<v1::SyncPositions> done) = 0;
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
  static std::unique_ptr<WorkerPulse> Make(const std::string& address);
  virtual ~WorkerPulse() = default;
  // Asks again, unless a question is under way.
  virtual void Ask() = 0;
  // When the last answer came, or when this was made.
  virtual std::chrono::steady_clock::time_point heard() const = 0;
};

}  // namespace prefixmesh::bench
