// cluster.h — the processes of one run: workers, routers, load. Started in order, watched, ended in order.
//
// Threads: one; children's lines arrive on reader threads and are taken with NextEvent. Errors: one line that names the
// process and why. Bounds: every start has a deadline. Ownership: the destructor ends everything.
#pragma once

#include <deque>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "bench/process/child.h"
#include "bench/process/fault_proxy.h"
#include "bench/process/ports.h"
#include "bench/run/router_client.h"
#include "impl/base/mutex.h"
#include "impl/env/real/process.h"
#include "loadgen/settings/settings.h"

namespace prefixmesh::bench {

class LiveTargets;

struct ClusterOptions {
  load::Settings settings;
  std::string strategy;
  std::string index_kind;
  std::uint64_t seed = 1;
  std::string out;
  std::string bin_dir;
  std::vector<std::string> first_router_environment = {};  // "NAME=VALUE"
  const LiveTargets* live = nullptr;                       // borrowed; where all processes serve /metrics, if they do
};

// By place in the plan: router-a … router-z, then router-aa, router-ab, … as columns of a sheet are named.
std::string RouterName(std::size_t index);

class Cluster {
 public:
  explicit Cluster(ClusterOptions options);
  ~Cluster();

  // One that joins later is there from the start, without child until it starts and without client until it serves.
  struct Router {
    std::string name;
    std::string address, metrics_address;
    std::unique_ptr<Child> child;
    std::unique_ptr<RouterClient> client;
    bool stopped = false;  // by SetStopped: it cannot answer

    RouterClient* answering() const { return stopped ? nullptr : client.get(); }
  };
  struct Event {
    std::string from;
    nlohmann::json body;
  };

  // Each waits until the processes serve. kTimeout, kUnavailable with the reason.
  Status StartWorkers();
  Status StartRouters();
  Status StartLoad();  // returns when the plan is prepared
  // The last router, when it joins: returns at once, its `ready` is an event, after which JoinerServes is to be called.
  Status StartJoiner();
  void JoinerServes();
  // Tells a Prometheus that looks on, if one may, which processes serve now.
  Status TellTargets() const;

  // Cuts router-a off from all the others, in the directions of partition.direction, or heals that. The streams run
  // through a proxy then; router-a dials all of them, because of its name.
  void SetCut(bool cut);
  // Stops the last router where it stands (SIGSTOP), or lets it go on.
  void SetStopped(bool stopped);

  // The next line a child printed, waiting up to `timeout`. Nothing: the time is over. An error: a child died, or the
  // user interrupted.
  Result<std::optional<Event>> NextEvent(Time timeout);
  // How long NextEvent waits at most within WaitFor.
  void set_poll_interval(Time interval) { poll_interval_ = interval; }
  // Waits for {"event": name} from `from`, handing every other event, and nothing when there was none, to `other`,
  // whose error ends the wait.
  template <typename Other>
  Result<nlohmann::json> WaitFor(const std::string& from, const std::string& name, Time timeout, Other&& other);

  // Ends all: the load first, then routers, then workers. False if any had to be killed.
  bool Stop();

  std::vector<Router>& routers() { return routers_; }
  const std::vector<Router>& routers() const { return routers_; }
  Child* workers() { return workers_.get(); }
  Child* load() { return load_.get(); }
  const std::vector<std::pair<std::string, std::string>>& worker_addresses() const { return worker_addresses_; }
  bool interrupted() const { return interrupted_; }
  // The routers have an index of what their workers say that they hold.
  bool believes_workers() const { return options_.settings.index.listens() && options_.index_kind == "block"; }

 private:
  std::string RouterSettingsFile() const;
  std::vector<std::string> RouterArguments(std::size_t index) const;
  Status StartRouter(std::size_t index);
  static void Connect(Router& router);
  std::string AddressOf(std::size_t router, std::size_t which) const;
  std::unique_ptr<Child> StartChild(const std::string& name, std::vector<std::string> argv, Status& status,
                                    std::vector<std::string> environment = {});
  Status CheckChildren();

  const ClusterOptions options_;
  ShutdownSignal signal_;
  bool interrupted_ = false;
  std::optional<ReservedPorts> ports_;
  std::unique_ptr<FaultProxy> proxy_;  // link i is router-a → router i + 1
  Time poll_interval_ = std::chrono::milliseconds(50);
  // Before the children: their reader threads write here until they are joined.
  Mutex mutex_;
  std::deque<Event> events_ PREFIXMESH_GUARDED_BY(mutex_);
  std::unique_ptr<Child> workers_;
  std::vector<std::pair<std::string, std::string>> worker_addresses_;  // name, host:port
  std::vector<std::string> engine_arguments_;                          // of routers: where workers publish KV events
  std::vector<Router> routers_;
  std::unique_ptr<Child> load_;
  bool load_may_exit_ = false;
};

template <typename Other>
Result<nlohmann::json> Cluster::WaitFor(const std::string& from, const std::string& name, Time timeout, Other&& other) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (std::chrono::steady_clock::now() < deadline) {
    Result<std::optional<Event>> event = NextEvent(poll_interval_);
    if (!event.ok()) return event.error();
    if (event->has_value() && (*event)->from == from && (*event)->body.value("event", "") == name)
      return std::move((*event)->body);
    if (Status handled = other(*event); !handled.ok()) return handled.error();
  }
  return Error{ErrorCode::kTimeout,
               from + " did not say '" + name + "' within " +
                   std::to_string(std::chrono::duration_cast<std::chrono::seconds>(timeout).count()) + " s"};
}

}  // namespace prefixmesh::bench
