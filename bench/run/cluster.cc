#include "bench/run/cluster.h"

#include <signal.h>

#include "bench/run/live_targets.h"
#include "impl/base/nesting.h"
#include "impl/base/whole_file.h"
#include "impl/figures/router_figures.h"
#include "impl/settings/settings_file.h"
#include "loadgen/plan/plan.h"
#include "loadgen/settings/sections.h"

namespace prefixmesh::bench {
namespace {

constexpr Time kReadyTimeout = std::chrono::seconds(20);
constexpr Time kPlanTimeout = std::chrono::seconds(180);
constexpr Time kStopTimeout = std::chrono::seconds(5);

enum Port : std::size_t { kRequests, kSync, kMetrics, kPortsPerRouter };

std::string Loopback(std::uint16_t port) { return "127.0.0.1:" + std::to_string(port); }

}  // namespace

std::string RouterName(std::size_t index) {
  std::string letters;
  for (std::size_t left = index + 1; left > 0; left = (left - 1) / 26)
    letters.insert(letters.begin(), static_cast<char>('a' + (left - 1) % 26));
  return "router-" + letters;
}

Cluster::Cluster(ClusterOptions options) : options_(std::move(options)) {}
Cluster::~Cluster() { Stop(); }

std::unique_ptr<Child> Cluster::StartChild(const std::string& name, std::vector<std::string> argv, Status& status,
                                           std::vector<std::string> environment) {
  argv.front() = options_.bin_dir + "/" + argv.front();
  Child::Options child;
  child.name = name;
  child.argv = std::move(argv);
  child.environment = std::move(environment);
  child.stderr_path = options_.out + "/" + name + ".log";
  child.on_line = [this, name](const std::string& line) {
    if (!CheckNesting(line).ok()) return;
    nlohmann::json body = nlohmann::json::parse(line, nullptr, false);
    if (!body.is_object()) return;
    MutexLock lock(mutex_);
    events_.push_back({name, std::move(body)});
  };
  Result<std::unique_ptr<Child>> started = Child::Start(std::move(child));
  if (!started.ok()) {
    status = started.error();
    return nullptr;
  }
  return std::move(*started);
}

Status Cluster::StartWorkers() {
  const load::Settings& s = options_.settings;
  std::string models;
  for (std::uint64_t i = 0; i < s.models.count; ++i) models += (i > 0 ? "," : "") + load::ModelName(i);
  const load::WorkerSettings workers{s.workers, s.index};
  const std::string settings = options_.out + "/workers.toml";
  if (Status written = WriteWholeFile(settings, WriteSettings(load::WorkerSections(), &workers)); !written.ok())
    return written;
  std::vector<std::string> argv = {"prefixmesh-worker", "--models", models, "--settings", settings};
  if (options_.live != nullptr)
    argv.insert(argv.end(), {"--metrics-port", std::to_string(options_.live->workers_port())});
  Status status;
  workers_ = StartChild("workers", std::move(argv), status);
  if (workers_ == nullptr) return status;
  const Result<nlohmann::json> ready = WaitFor("workers", "ready", kReadyTimeout, [](const auto&) { return Status(); });
  if (!ready.ok()) return ready.error();
  for (const nlohmann::json& worker : ready->at("workers")) {
    const std::string name = worker.at("name");
    worker_addresses_.emplace_back(name, worker.at("address"));
    if (!worker.contains("kv_publisher")) continue;
    engine_arguments_.insert(engine_arguments_.end(),
                             {"--kv-publisher", name + "=" + worker.at("kv_publisher").get<std::string>(),
                              "--kv-replay", name + "=" + worker.at("kv_replay").get<std::string>()});
  }
  if (!engine_arguments_.empty()) engine_arguments_.insert(engine_arguments_.end(), {"--kv-model", load::ModelName(0)});
  return {};
}

std::string Cluster::AddressOf(std::size_t router, std::size_t which) const {
  return Loopback((*ports_)[router * kPortsPerRouter + which]);
}

std::string Cluster::RouterSettingsFile() const { return options_.out + "/routers.toml"; }

std::vector<std::string> Cluster::RouterArguments(std::size_t index) const {
  const load::Settings& s = options_.settings;
  std::vector<std::string> argv = {"prefixmesh-router",
                                   "--name",
                                   routers_[index].name,
                                   "--listen",
                                   routers_[index].address,
                                   "--sync-listen",
                                   AddressOf(index, kSync),
                                   "--metrics-listen",
                                   routers_[index].metrics_address,
                                   "--strategy",
                                   options_.strategy,
                                   "--settings",
                                   RouterSettingsFile(),
                                   "--control",
                                   "--log-level",
                                   s.routers.log_level,
                                   "--seed",
                                   std::to_string(options_.seed)};
  for (const auto& [name, where] : worker_addresses_) {
    argv.push_back("--worker");
    argv.push_back(name + "=" + where);
  }
  argv.insert(argv.end(), engine_arguments_.begin(), engine_arguments_.end());
  for (std::size_t peer = 0; peer < routers_.size(); ++peer) {
    if (peer == index) continue;
    argv.push_back("--peer");
    const bool proxied = proxy_ != nullptr && index == 0;
    argv.push_back(routers_[peer].name + "=" + (proxied ? Loopback(proxy_->port(peer - 1)) : AddressOf(peer, kSync)));
  }
  return argv;
}

Status Cluster::StartRouter(std::size_t index) {
  Router& router = routers_[index];
  Status status;
  router.child = StartChild(router.name, RouterArguments(index), status,
                            index == 0 ? options_.first_router_environment : std::vector<std::string>());
  return status;
}

// Not before it serves: a connection that was refused is not tried again for a second.
void Cluster::Connect(Router& router) { router.client = RouterClient::Make(router.address); }

Status Cluster::StartJoiner() { return StartRouter(routers_.size() - 1); }
void Cluster::JoinerServes() { Connect(routers_.back()); }

Status Cluster::TellTargets() const {
  if (options_.live == nullptr) return {};
  std::vector<std::string> serving;
  for (const Router& router : routers_) serving.push_back(router.client != nullptr ? router.name : "");
  return options_.live->Serving(serving);
}

void Cluster::SetCut(bool cut) {
  const std::string& direction = options_.settings.partition.direction;
  for (std::size_t link = 0; link + 1 < routers_.size(); ++link) {
    for (const auto& [way, name] :
         {std::pair(FaultProxy::Direction::kToTarget, "a_to_b"), {FaultProxy::Direction::kFromTarget, "b_to_a"}}) {
      if (direction != "both" && direction != name) continue;
      cut ? proxy_->Cut(link, way) : proxy_->Heal(link, way);
    }
  }
}

void Cluster::SetStopped(bool stopped) {
  kill(routers_.back().child->pid(), stopped ? SIGSTOP : SIGCONT);
  routers_.back().stopped = stopped;
}

Status Cluster::StartRouters() {
  const load::Settings& s = options_.settings;
  const std::size_t joiners = s.join.at > 0 ? 1 : 0, count = s.routers.count - joiners;
  Result<ReservedPorts> ports = ReservedPorts::Reserve(kPortsPerRouter * s.routers.count);
  if (!ports.ok()) return ports.error();
  ports_.emplace(std::move(*ports));
  RouterSettings settings = s;
  settings.index.kind = options_.index_kind;
  if (Status written = WriteWholeFile(RouterSettingsFile(), WriteSettings(RouterSections(), &settings)); !written.ok())
    return written;
  std::vector<std::uint16_t> behind;
  for (std::size_t i = 0; i < s.routers.count; ++i) {
    Router& router = routers_.emplace_back();
    router.name = RouterName(i);
    router.address = AddressOf(i, kRequests);
    router.metrics_address = options_.live != nullptr ? options_.live->router_address(i) : AddressOf(i, kMetrics);
    if (i > 0) behind.push_back((*ports_)[i * kPortsPerRouter + kSync]);
  }
  if (s.partition.direction != "none") {
    Result<std::unique_ptr<FaultProxy>> proxy = FaultProxy::Start(behind);
    if (!proxy.ok()) return proxy.error();
    proxy_ = std::move(*proxy);
  }
  for (std::size_t i = 0; i < count; ++i)
    if (Status started = StartRouter(i); !started.ok()) return started;
  // Ready lines may come in any order, so they are ticked off.
  std::size_t ready = 0;
  const auto deadline = std::chrono::steady_clock::now() + kReadyTimeout;
  while (ready < count) {
    if (std::chrono::steady_clock::now() > deadline)
      return Error{ErrorCode::kTimeout, std::to_string(count - ready) + " routers did not become ready within 20 s"};
    Result<std::optional<Event>> event = NextEvent(std::chrono::milliseconds(50));
    if (!event.ok()) return event.error();
    if (event->has_value() && (*event)->body.value("event", "") == "ready") ++ready;
  }
  const std::size_t peers = options_.strategy == "off" ? 0 : count - 1;
  for (std::size_t i = 0; i < count; ++i) {
    Router& router = routers_[i];
    Connect(router);
    while (true) {
      if (std::chrono::steady_clock::now() > deadline)
        return Error{ErrorCode::kTimeout, router.name + " is not healthy or lacks peers after 20 s"};
      if (router.client->Healthy()) {
        const Result<RouterReport> report = router.client->ReadReport();
        if (report.ok() && report->readings.Count(RouterFigure("sync.peers_up")) == peers) break;
      }
      Result<std::optional<Event>> event = NextEvent(std::chrono::milliseconds(50));
      if (!event.ok()) return event.error();
    }
  }
  return {};
}

Status Cluster::StartLoad() {
  const std::string path = options_.out + "/settings.json";
  if (Status written = WriteWholeFile(path, load::SettingsToJson(options_.settings)); !written.ok()) return written;
  std::vector<std::string> argv = {
      "prefixmesh-load", "--settings", path,         "--seed",         std::to_string(options_.seed),
      "--out",           options_.out, "--strategy", options_.strategy};
  if (options_.live != nullptr) argv.insert(argv.end(), {"--metrics-listen", options_.live->load_address()});
  // JSON is UTF-8 and a path is bytes.
  if (!options_.settings.trace.path.empty()) {
    argv.push_back("--set");
    argv.push_back("trace.path=" + options_.settings.trace.path);
  }
  for (const Router& router : routers_) {
    argv.push_back("--router");
    argv.push_back(router.name + "=" + router.address);
  }
  Status status;
  load_ = StartChild("load", std::move(argv), status);
  if (load_ == nullptr) return status;
  const Result<nlohmann::json> ready = WaitFor("load", "ready", kPlanTimeout, [](const auto&) { return Status(); });
  if (!ready.ok()) return ready.error();
  return {};
}

Status Cluster::CheckChildren() {
  const auto check = [](Child* child) -> Status {
    if (child == nullptr) return {};
    const std::optional<std::string> exit = child->Exited();
    if (!exit) return {};
    const std::string last = child->LastErrorLine();
    return Error{ErrorCode::kUnavailable,
                 child->name() + " died: " + *exit + (last.empty() ? "" : "; it said: " + last)};
  };
  for (Child* child : {workers_.get(), load_may_exit_ ? nullptr : load_.get()})
    if (Status alive = check(child); !alive.ok()) return alive;
  for (const Router& router : routers_)
    if (Status alive = check(router.child.get()); !alive.ok()) return alive;
  return {};
}

Result<std::optional<Cluster::Event>> Cluster::NextEvent(Time timeout) {
  {
    MutexLock lock(mutex_);
    if (!events_.empty()) {
      Event event = std::move(events_.front());
      events_.pop_front();
      return std::optional<Event>(std::move(event));
    }
  }
  if (Status alive = CheckChildren(); !alive.ok()) return alive.error();
  if (signal_.Wait(timeout)) {
    interrupted_ = true;
    return Error{ErrorCode::kInterrupted, "interrupted"};
  }
  return std::optional<Event>();
}

bool Cluster::Stop() {
  bool clean = true;
  load_may_exit_ = true;
  if (!routers_.empty() && routers_.back().stopped) SetStopped(false);
  if (load_ != nullptr) clean = load_->Terminate(kStopTimeout) && clean;
  for (Router& router : routers_) {  // all at once: each takes its grace of two seconds
    router.client = nullptr;
    if (router.child != nullptr) router.child->AskToEnd();
  }
  for (Router& router : routers_)
    if (router.child != nullptr) clean = router.child->Terminate(kStopTimeout) && clean;
  if (workers_ != nullptr) clean = workers_->Terminate(kStopTimeout) && clean;
  return clean;
}

}  // namespace prefixmesh::bench
