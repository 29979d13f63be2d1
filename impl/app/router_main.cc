// Start here for the program `prefixmesh-router`: one router of the mesh. Prints one JSON line `{"event":"ready",…}`
// when it serves. The headers beside it are for the mains of all programs.

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <set>
#include <tuple>

#include "impl/app/number_from.h"
#include "impl/app/plain_refusal.h"
#include "impl/app/settings_arguments.h"
#include "impl/base/printable.h"
#include "impl/base/prng.h"
#include "impl/env/real/grpc_library.h"
#include "impl/env/real/grpc_router_server.h"
#include "impl/env/real/listen_socket.h"
#include "impl/env/real/metrics_page.h"
#include "impl/env/real/process.h"
#include "impl/figures/metrics_text.h"
#include "impl/figures/router_figures.h"
#include "impl/node/router_node.h"

namespace prefixmesh {
namespace {

constexpr int kExitUsage = 2;
constexpr std::chrono::seconds kWorkersTimeout{10};
constexpr std::size_t kWorkerNameBytesMax = 256;
// Files, event queues, and what gRPC opens for itself: 20 were seen.
constexpr std::uint64_t kDescriptorsBeside = 64;
// Sockets and their mailboxes; some more while it is asked for a replay.
constexpr std::uint64_t kDescriptorsOfEngine = 12;

int Fail(const std::string& message) {
  std::fprintf(stderr, "prefixmesh-router: %s\n", message.c_str());
  return kExitUsage;
}

// NAME=HOST:PORT, each name and each address once. Address is a struct of the two.
template <typename Address>
Status ParseNamed(const char* flag, const std::vector<std::string>& texts, std::size_t name_bytes_max,
                  std::vector<Address>& addresses) {
  std::set<std::string> names, hosts;
  for (const std::string& text : texts) {
    const std::string where = std::string(flag) + " " + text + ": ";
    const auto equals = text.find('=');
    const Result<HostPort> parsed = ParseHostPort(equals == std::string::npos ? "" : text.substr(equals + 1));
    if (equals == std::string::npos || equals == 0 || !parsed.ok() || parsed->port == 0)
      return Error{ErrorCode::kInvalid, where + "must be NAME=HOST:PORT with a port from 1 to 65535"};
    if (!IsName(text.substr(0, equals), name_bytes_max))
      return Error{ErrorCode::kInvalid, std::string(flag) + " " + Printable(text) + ": " + NameRule(name_bytes_max)};
    if (!names.insert(text.substr(0, equals)).second)
      return Error{ErrorCode::kInvalid, where + "this name is given twice"};
    if (!hosts.insert(text.substr(equals + 1)).second)
      return Error{ErrorCode::kInvalid, where + "this address is given twice"};
    Address address;
    address.name = text.substr(0, equals);
    address.address = text.substr(equals + 1);
    addresses.push_back(std::move(address));
  }
  return {};
}

// Every port may have all its connections at a time, or one that is flooded takes the descriptors of the others.
// `ports`: descriptors for one connection on each of them. `others`: what is open beside connections.
void FitConnections(std::uint64_t ports, std::uint64_t others, PortLimits& limits) {
  const std::uint64_t limit = RaiseDescriptorLimit(limits.connections * ports + others);
  const std::uint64_t fit = limit > others + ports ? (limit - others) / ports : 1;
  if (fit >= limits.connections) return;
  spdlog::warn("--connections-max {}: the limit on open files is {}, so each port takes {}", limits.connections, limit,
               fit);
  limits.connections = static_cast<std::uint32_t>(fit);
}

// NAME=tcp://HOST:PORT, each of a worker that is there, once.
Status ParseEngines(const char* flag, const std::vector<std::string>& texts, std::string EngineAddress::*member,
                    std::vector<WorkerAddress>& workers) {
  for (const std::string& text : texts) {
    const std::string where = std::string(flag) + " " + Printable(text) + ": ";
    const auto equals = text.find('=');
    if (equals == std::string::npos) return Error{ErrorCode::kInvalid, where + "must be NAME=tcp://HOST:PORT"};
    const auto worker = std::find_if(workers.begin(), workers.end(),
                                     [&](const WorkerAddress& each) { return each.name == text.substr(0, equals); });
    if (worker == workers.end()) return Error{ErrorCode::kInvalid, where + "no --worker has this name"};
    std::string& address = worker->engine.*member;
    if (!address.empty()) return Error{ErrorCode::kInvalid, where + "this worker is given twice"};
    const std::string given = text.substr(equals + 1);
    if (!IsZmqAddress(given))
      return Error{ErrorCode::kInvalid, where + "must be NAME=tcp://HOST:PORT, an address to connect to"};
    for (const WorkerAddress& other : workers)
      if (given == other.engine.publisher || given == other.engine.replay)
        return Error{ErrorCode::kInvalid, where + "this address is given twice"};
    address = given;
  }
  return {};
}

// All workers' KV events come from engines, or none's.
Status CheckEngines(const std::vector<WorkerAddress>& workers, const std::string& model, const IndexSettings& index) {
  const auto publishes = [](const WorkerAddress& each) { return !each.engine.publisher.empty(); };
  for (const WorkerAddress& worker : workers) {
    if (!worker.engine.replay.empty() && !publishes(worker))
      return Error{ErrorCode::kInvalid, "--kv-replay: " + worker.name + " has no --kv-publisher"};
    if (publishes(worker) != publishes(workers.front()))
      return Error{ErrorCode::kInvalid, "--kv-publisher: some workers have one, and " +
                                            (publishes(worker) ? workers.front().name : worker.name) +
                                            " has none; give one for every --worker"};
  }
  if (!publishes(workers.front()))
    return model.empty() ? Status() : Status(Invalid("--kv-model: it needs --kv-publisher for every --worker"));
  if (!index.listens())
    return Invalid("--kv-publisher: nobody listens with index.source=" + index.source +
                   "; add --set index.source=events");
  if (model.empty())
    return Invalid("--kv-publisher: it needs --kv-model, the name by which requests ask for the model");
  return {};
}

int Main(int argc, char** argv) {
  ApplyAllocatorPolicy();
  FileLimitIsAnError();
  ShutdownSignal shutdown;
  SetUpGrpc();
  RouterOptions options;
  std::string listen = "127.0.0.1:0", sync_listen = "127.0.0.1:0", metrics_listen, log_level = "info";
  std::vector<std::string> workers, peers, kv_publishers, kv_replays;
  const RouterSettings defaults;
  SettingsArguments settings(RouterSections(), &defaults);
  bool control = false, insecure = false;

  CLI::App app("Routes inference requests to the worker that has most of the prompt cached, and tells its peers.",
               "prefixmesh-router");
  app.set_version_flag("--version", "prefixmesh-router " PREFIXMESH_VERSION);
  app.add_option("--name", options.name, "this router's name; the smaller name of two dials")->required();
  app.add_option("--listen", listen, "host:port for requests (port 0 picks one)")->capture_default_str();
  app.add_option("--sync-listen", sync_listen, "host:port for the peers' sync streams")->capture_default_str();
  app.add_option("--metrics-listen", metrics_listen, "host:port for Prometheus /metrics (none by default)");
  app.add_option("--worker", workers, "NAME=HOST:PORT of a worker; repeat")->required();
  app.add_option("--peer", peers, "NAME=HOST:PORT of a peer's sync address; repeat");
  app.add_option(
      "--kv-publisher", kv_publishers,
      "NAME=tcp://HOST:PORT where a worker's engine publishes KV events over ZeroMQ, of token prompts; repeat, "
      "for every worker; with index.source=events");
  app.add_option("--kv-replay", kv_replays,
                 "NAME=tcp://HOST:PORT where it replays those that were missed, if it does; repeat");
  app.add_option("--kv-model", options.engine_model,
                 "the model that the engines serve, as requests name it; with --kv-publisher");
  app.add_option("--strategy", options.strategy, "how routers tell each other")->capture_default_str();
  app.add_option("--hash-seed", options.hash_seed, "per-cluster secret of the block hash")->check(SeedProblem);
  settings.AddTo(app);
  app.add_option("--seed", options.seed, "seed of tie-breaking")->capture_default_str()->check(SeedProblem);
  app.add_option("--log-level", log_level, "debug, info, warn or error")
      ->check(OneOf({"debug", "info", "warn", "error"}))
      ->capture_default_str();
  std::vector<double> limit_values;
  for (const PortLimitRow& row : PortLimitRows()) limit_values.push_back(row.get(options.limits));
  for (std::size_t i = 0; i < limit_values.size(); ++i) {
    const PortLimitRow& row = PortLimitRows()[i];
    app.add_option(std::string("--") + row.name, limit_values[i], row.help)
        ->check(NumberFrom(row.low, row.high, row.whole))
        ->default_str(DefaultText(limit_values[i]))
        ->group("Limits of every port");
  }
  app.add_flag("--insecure", insecure,
               "listen on addresses that others reach: nothing here authenticates anyone (docs/security.md)");
  app.add_flag("--control", control,
               "serve probes and phases, with which the suite measures; not where strangers reach the port");
  NameTypesForPeople(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // help, version
    return Fail(PlainRefusal(app, error));
  }
  if (!IsName(options.name, kRouterNameBytesMax)) return Fail("--name: " + NameRule(kRouterNameBytesMax));
  spdlog::set_default_logger(spdlog::stderr_logger_mt(options.name));
  spdlog::set_level(spdlog::level::from_str(log_level));

  for (std::size_t i = 0; i < limit_values.size(); ++i) PortLimitRows()[i].set(options.limits, limit_values[i]);
  for (const auto& [flag, address] :
       {std::pair("--listen", &listen), {"--sync-listen", &sync_listen}, {"--metrics-listen", &metrics_listen}}) {
    if (address->empty() && address == &metrics_listen) continue;
    const Result<HostPort> parsed = ParseHostPort(*address);
    if (!parsed.ok()) return Fail(std::string(flag) + ": " + parsed.error().message);
    if (!IsLoopback(parsed->host) && !insecure)
      return Fail(
          std::string(flag) + " " + *address +
          ": others could reach it, and nothing authenticates them (docs/security.md); --insecure listens there");
  }
  if (Status parsed = ParseNamed("--worker", workers, kWorkerNameBytesMax, options.workers); !parsed.ok())
    return Fail(parsed.error().message);
  for (const auto& [flag, texts, member] : {std::tuple("--kv-publisher", &kv_publishers, &EngineAddress::publisher),
                                            std::tuple("--kv-replay", &kv_replays, &EngineAddress::replay)})
    if (Status parsed = ParseEngines(flag, *texts, member, options.workers); !parsed.ok())
      return Fail(parsed.error().message);
  if (options.workers.size() > Fleet::kWorkersMax / 2)
    return Fail("--worker: at most " + std::to_string(Fleet::kWorkersMax / 2));
  std::sort(options.workers.begin(), options.workers.end(),
            [](const WorkerAddress& a, const WorkerAddress& b) { return a.name < b.name; });
  if (Status parsed = ParseNamed("--peer", peers, kRouterNameBytesMax, options.sync.peers); !parsed.ok())
    return Fail(parsed.error().message);
  for (const SyncPeerAddress& peer : options.sync.peers)
    if (peer.name == options.name) return Fail("--peer " + peer.name + ": that is this router's own name");
  const Result<StrategyDescription> strategy = FindStrategy(options.strategy);
  if (!strategy.ok()) return Fail(strategy.error().message);
  if (Status read = settings.ReadInto(&options.settings); !read.ok()) return Fail(read.error().message);
  if (Status fit = CheckEngines(options.workers, options.engine_model, options.settings.index); !fit.ok())
    return Fail(fit.error().message);
  RouterCoreOptions resolved;
  if (Status fit = Apply(options.settings, *strategy, resolved); !fit.ok()) return Fail(fit.error().message);
  options.limits.prompt_bytes = options.settings.limits.prompt_bytes;
  options.sync.listen = sync_listen;

  // Two of a connection on a gRPC port: the socket and gRPC's end (grpc_listener.h).
  FitConnections(2 + (options.sync.peers.empty() ? 0 : 2) + (metrics_listen.empty() ? 0 : 1),
                 kDescriptorsBeside + 2 * (options.workers.size() + options.sync.peers.size()) +
                     (kv_publishers.empty() ? 0 : kDescriptorsOfEngine * options.workers.size()),
                 options.limits);

  // Before the sync port is there: a router that cannot serve takes nobody's place at its peers.
  for (const auto& [flag, address] : {std::pair("--listen", &listen), {"--metrics-listen", &metrics_listen}}) {
    if (address->empty()) continue;
    const Result<ListenSocket> tried = ListenOn(*address);
    if (!tried.ok()) return Fail(std::string(flag) + ": " + tried.error().message);
    close(tried->fd);
  }

  const PortLimits limits = options.limits;
  const std::string engine_model = options.engine_model;
  RouterNode node(std::move(options));
  if (Status started = node.Start(); !started.ok()) return Fail(started.error().message);
  const Time deadline = node.clock().Now() + kWorkersTimeout;
  std::vector<std::string> silent = node.SilentWorkers();
  while (!silent.empty() && node.clock().Now() < deadline) {
    if (shutdown.Wait(std::chrono::milliseconds(5))) return 0;
    silent = node.SilentWorkers();
  }
  if (!silent.empty()) {
    const std::string missing =
        std::to_string(silent.size()) + " of " + std::to_string(workers.size()) + " workers did not answer in " +
        std::to_string(std::chrono::seconds(kWorkersTimeout).count()) + " s; the first: " + silent.front();
    if (silent.size() == workers.size()) {
      Fail(missing);
      return 1;
    }
    spdlog::warn("{}; serving without them until they do", missing);
  }
  if (!engine_model.empty() && !node.Serves(engine_model))
    spdlog::warn("--kv-model {}: no worker says that it serves it, so no request will match its KV events",
                 engine_model);
  const std::unique_ptr<GrpcRouterServer> server =
      GrpcRouterServer::Make({listen, limits, control}, node, node.channels(), node.clock(), node.loop());
  const Result<int> port = server->Start();
  if (!port.ok()) return Fail(port.error().message);
  std::unique_ptr<MetricsPage> metrics;
  if (!metrics_listen.empty()) {
    auto serving = MetricsPage::Start(metrics_listen, limits, [&server] {
      RouterReport report = server->Report();
      const MetricsSource router{std::move(report.name), std::move(report.readings)};
      return MetricsText(kRouterFigures, "router", {&router, 1});
    });
    if (!serving.ok()) return Fail("--metrics-listen: " + serving.error().message);
    metrics = std::move(*serving);
  }
  std::printf("{\"event\":\"ready\",\"port\":%d", *port);
  if (node.sync_port() != 0) std::printf(",\"sync_port\":%d", node.sync_port());
  if (metrics != nullptr) std::printf(",\"metrics_port\":%d", metrics->port());
  std::printf("}\n");
  std::fflush(stdout);

  shutdown.Wait();
  metrics = nullptr;
  server->Shutdown(std::chrono::seconds(2));
  node.Stop();
  return 0;
}

}  // namespace
}  // namespace prefixmesh

int main(int argc, char** argv) { return prefixmesh::Main(argc, argv); }
