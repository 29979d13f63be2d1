#include "bench/run/live_targets.h"

#include <nlohmann/json.hpp>

#include "impl/base/whole_file.h"

namespace prefixmesh::bench {
namespace {

constexpr char kLiveFolder[] = "runs/live";
constexpr std::uint16_t kFirstLivePort = 19100;
constexpr std::size_t kBeforeRouters = 2;

std::string LiveAddress(std::uint16_t port) { return "127.0.0.1:" + std::to_string(port); }

}  // namespace

Result<std::unique_ptr<LiveTargets>> LiveTargets::Take(const load::Settings& settings, const std::string& strategy) {
  Result<FolderLock> lock = FolderLock::Take(kLiveFolder, "--live");
  if (!lock.ok()) return lock.error();
  Result<ReservedPorts> ports = ReservedPorts::Reserve(kBeforeRouters + settings.routers.count, kFirstLivePort);
  if (!ports.ok()) return Error{ErrorCode::kInvalid, "--live: " + ports.error().message};
  return std::unique_ptr<LiveTargets>(
      new LiveTargets(std::move(*lock), std::move(*ports), settings.scenario, strategy));
}

LiveTargets::LiveTargets(FolderLock lock, ReservedPorts ports, std::string scenario, std::string strategy)
    : lock_(std::move(lock)),
      ports_(std::move(ports)),
      scenario_(std::move(scenario)),
      strategy_(std::move(strategy)) {}

// A file that cannot be written leaves targets that are down, until the next run.
LiveTargets::~LiveTargets() { (void)WriteWholeFile(kPath, "[]\n"); }

std::string LiveTargets::load_address() const { return LiveAddress(ports_[0]); }
std::string LiveTargets::router_address(std::size_t index) const { return LiveAddress(ports_[kBeforeRouters + index]); }

Status LiveTargets::Serving(const std::vector<std::string>& routers) const {
  nlohmann::ordered_json targets = nlohmann::ordered_json::array();
  const auto add = [&](const char* role, const std::string& process, const std::string& address) {
    targets.push_back(
        {{"targets", nlohmann::ordered_json::array({address})},
         {"labels", {{"role", role}, {"process", process}, {"scenario", scenario_}, {"strategy", strategy_}}}});
  };
  add("load", "load", load_address());
  add("workers", "workers", LiveAddress(workers_port()));
  for (std::size_t i = 0; i < routers.size(); ++i)
    if (!routers[i].empty()) add("router", routers[i], router_address(i));
  return WriteWholeFile(kPath, targets.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

}  // namespace prefixmesh::bench
