#include "bench/run/watchdog.h"

namespace prefixmesh::bench {
namespace {

Status Judge(const std::string& name, double since_s) {
  if (since_s <= Watchdog::kMax_s) return {};
  return Error{ErrorCode::kTimeout, name + " not answered for " + std::to_string(static_cast<int>(since_s)) + " s"};
}

}  // namespace

void Watchdog::Begin() {
  answered_s_.assign(cluster_.routers().size(), 0);
  workers_ = WorkerPulse::Make(cluster_.worker_addresses().front().second);  // one process serves all of them
}

Status Watchdog::Check(const Sample& now) {
  workers_->Ask();
  const std::chrono::duration<double> workers = std::chrono::steady_clock::now() - workers_->heard();
  if (Status heard = Judge("the workers have", workers.count()); !heard.ok()) return heard;
  if (load_heard_s_.has_value())
    if (Status heard = Judge("the load process has", now.t_s - *load_heard_s_); !heard.ok()) return heard;
  for (std::size_t i = 0; i < now.routers.size(); ++i) {
    const Cluster::Router& router = cluster_.routers()[i];
    if (router.stopped) answered_s_[i] = now.t_s;
    if (router.answering() == nullptr) continue;
    if (now.routers[i].counters.has_value()) answered_s_[i] = now.routers[i].counters->at_s;
    if (Status heard = Judge(router.name + " has", now.t_s - answered_s_[i]); !heard.ok()) return heard;
  }
  return {};
}

}  // namespace prefixmesh::bench
