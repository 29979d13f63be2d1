// live_targets.h — `run --live`: where a Prometheus finds the processes of the run that is going on.
//
//   runs/live/targets.json   [{"targets":["127.0.0.1:19102"],"labels":{"role":"router","process":"router-a",…}},…]
//
// The file is one that Prometheus' file_sd reads (dashboards/prometheus.yml). The ports are the same in every run:
// 19100 of the load, 19101 of the workers, from 19102 on the routers in their order. A process is in the file while it
// serves: one that has not started yet, or a run that is over, is not down.
//
// Threads: one. Ownership: the ports stay taken and the folder locked until the destructor, which writes a file without
// targets. Errors: kInvalid for ports or a folder that another run has. Bounds: two ports and one per router.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bench/process/ports.h"
#include "bench/run/run_folder.h"
#include "impl/base/result.h"
#include "loadgen/settings/settings.h"

namespace prefixmesh::bench {

class LiveTargets {
 public:
  static constexpr char kPath[] = "runs/live/targets.json";

  static Result<std::unique_ptr<LiveTargets>> Take(const load::Settings& settings, const std::string& strategy);
  ~LiveTargets();
  LiveTargets(const LiveTargets&) = delete;
  LiveTargets& operator=(const LiveTargets&) = delete;

  std::uint16_t workers_port() const { return ports_[1]; }
  std::string load_address() const;
  std::string router_address(std::size_t index) const;

  // The load, the workers and these routers serve now, by their places; one without a name does not yet.
  Status Serving(const std::vector<std::string>& routers) const;

 private:
  LiveTargets(FolderLock lock, ReservedPorts ports, std::string scenario, std::string strategy);

  const FolderLock lock_;
  const ReservedPorts ports_;
  const std::string scenario_, strategy_;
};

}  // namespace prefixmesh::bench
