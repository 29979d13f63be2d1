// disturbance.h — what a scenario does to the mesh during the load, a silent cut, a router that joins or one that is
// stopped, and how long the mesh takes to get over it.
//
//   partition   at partition.from of the load router-a's links are cut, at partition.to healed. From then on: how long
//               until every router has all that any of them had written by the heal?
//   join        at join.at of the load the last router starts. From then on: how long until it has all that the others
//               had written by its start?
//   stop        from stop.from to stop.to of the load the last router is stopped (SIGSTOP). What do its peers pay for
//               it meanwhile? From then on: how long until it has all that they had written by then?
//
// Positions are polled every few milliseconds while a question is open, and not otherwise. Of what was built meanwhile
// nothing is taken off: the load goes on, so its placements are among the bytes.
//
// Threads: one, the run's loop. Time: the monotonic clock; durations are from the deed to the answer that showed it.
// Errors: a router that does not start ends the run; what was not reached is nothing. Ownership: borrows cluster,
// sampler and measured. Bounds: one poll under way.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "bench/scenario/cluster.h"
#include "bench/scenario/convergence.h"
#include "bench/scenario/measured.h"
#include "bench/scenario/sampler.h"

namespace prefixmesh::bench {

class Disturbance {
 public:
  Disturbance(Cluster& cluster, Sampler& sampler, Measured& measured);

  // The load phase has just begun.
  void LoadBegan();
  // Does what is due and looks how far the mesh is. Often; soon returns.
  Status Tick();
  // The router that joins says that it serves.
  void JoinerServes();
  // The load phase has just ended; `statuses` are the routers' of this moment.
  void LoadEnded(const std::vector<RouterReport>& reports);
  // All counters stand still, or settle is over.
  void Settled();

  // A question is open: Tick more often.
  bool watching() const { return heal_.open || join_.open || stop_.open; }

 private:
  using Clock = std::chrono::steady_clock;

  // One question: when has `who` (all routers, or one) what `heads` says?
  struct Watch {
    bool open = false;
    Clock::time_point since;
    Heads heads;
    std::vector<RouterReport> before;
    std::optional<std::size_t> who;
    Convergence* answer = nullptr;
  };

  void Cut();
  void Heal();
  Status Join();
  void Stop();
  void GoOn();
  // Per router the p99 of its decisions since the last phase began; then a phase of this name begins.
  std::vector<std::optional<double>> TurnPhase(const std::vector<RouterReport>& reports, const std::string& phase);
  void Open(Watch& watch, std::vector<RouterReport> before, Convergence& answer);
  void Look(Watch& watch, const std::vector<bool>& answered, const std::vector<v1::SyncPositions>& positions,
            Clock::time_point at);
  std::vector<bool> ReadPositions(std::vector<v1::SyncPositions>& positions);

  Cluster& cluster_;
  Sampler& sampler_;
  Measured& measured_;
  const load::Settings& settings_;
  std::optional<Clock::time_point> load_began_;
  bool load_ended_ = false;
  Clock::time_point looked_at_;
  Watch heal_, join_, stop_;
  // Of the router that is stopped: it cannot be asked, and they cannot change.
  v1::SyncPositions positions_when_stopped_;
  RouterReport report_when_stopped_;
};

}  // namespace prefixmesh::bench
