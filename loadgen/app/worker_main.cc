// prefixmesh-worker: N fake workers in one process. Prints one JSON line when all of them serve, ends on SIGTERM.

#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "impl/app/number_from.h"
#include "impl/app/plain_refusal.h"
#include "impl/app/settings_arguments.h"
#include "impl/base/printable.h"
#include "impl/env/real/grpc_library.h"
#include "impl/env/real/listen_socket.h"
#include "impl/env/real/metrics_page.h"
#include "impl/env/real/process.h"
#include "impl/env/real/real_env.h"
#include "loadgen/app/process_setup.h"
#include "loadgen/settings/sections.h"
#include "loadgen/worker/service_settings.h"
#include "loadgen/worker/worker_metrics.h"
#include "loadgen/worker/worker_pool.h"

namespace prefixmesh::load {
namespace {

constexpr char kProgram[] = "prefixmesh-worker";
constexpr Time kDrainTimeout = std::chrono::seconds(5);

constexpr std::size_t kNameBytesMax = 240;  // with a number behind it still below what a router takes

int Main(int argc, char** argv) {
  WorkerPoolOptions options;
  options.models = {"model-0"};  // what the scenarios ask for; routers send a worker the models that it names
  std::uint16_t port_base = 0;
  int metrics_port = -1;
  const WorkerSettings defaults;
  WorkerSettings settings;
  SettingsArguments arguments(WorkerSections(), &defaults);

  CLI::App app("Fake inference workers: a gRPC server each, a block-LRU KV cache and a service-time model.", kProgram);
  app.set_version_flag("--version", std::string(kProgram) + " " PREFIXMESH_VERSION);
  std::optional<std::uint64_t> count;
  app.add_option("--count", count, "workers; workers.count by default")
      ->check(WholeFrom(1, static_cast<double>(kWorkersMax)));
  app.add_option("--listen", options.host, "address to listen on")->capture_default_str();
  auto* ports =
      app.add_option("--ports", options.ports,
                     "one port per worker, comma separated; 0 takes a free one. They say how many workers there are")
          ->check(WholeFrom(0, 65535))
          ->delimiter(',');
  app.add_option("--port-base", port_base, "first of consecutive ports; 0 takes free ones")
      ->check(WholeFrom(0, 65535))
      ->capture_default_str()
      ->excludes(ports);
  app.add_option("--kv-port-base", options.kv_port_base,
                 "with workers.kv_form=engine: two consecutive ports a worker, publisher and replay; 0 takes free ones")
      ->check(WholeFrom(0, 65535))
      ->capture_default_str();
  app.add_option("--hash-seed", options.blocks.seed, "per-cluster secret of the block hash, as the routers have it")
      ->check(SeedProblem);
  app.add_option("--name-prefix", options.name_prefix, "workers are PREFIX0, PREFIX1, …")->capture_default_str();
  app.add_option("--models", options.models, "models served, comma separated")->delimiter(',')->capture_default_str();
  arguments.AddTo(app);
  app.add_option("--metrics-port", metrics_port,
                 "Prometheus /metrics on the address of --listen; off unless given, 0 takes a free one")
      ->check(WholeFrom(0, 65535));
  bool insecure = false;
  app.add_flag("--insecure", insecure, "listen on an address that others reach: nothing here authenticates anyone");
  NameTypesForPeople(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    PrintError(kProgram, PlainRefusal(app, error));
    return kExitUsage;
  }
  if (Status read = arguments.ReadInto(&settings); !read.ok()) {
    PrintError(kProgram, read.error().message);
    return kExitUsage;
  }
  if (count.has_value()) settings.workers.count = *count;
  if (!IsName(options.name_prefix, kNameBytesMax)) {
    PrintError(kProgram, "--name-prefix: " + NameRule(kNameBytesMax));
    return kExitUsage;
  }
  std::set<std::string> models;
  for (const std::string& model : options.models) {
    const bool valid = IsName(model, kNameBytesMax);
    if (valid && models.insert(model).second) continue;
    PrintError(kProgram,
               "--models " + Printable(model) + ": " + (valid ? "this model is given twice" : NameRule(kNameBytesMax)));
    return kExitUsage;
  }
  if (!ParseHostPort(options.host + ":0").ok()) {
    PrintError(kProgram, "--listen " + Printable(options.host) + ": must be an address without a port (--port-base)");
    return kExitUsage;
  }
  if (!IsLoopback(ParseHostPort(options.host + ":0")->host) && !insecure) {
    PrintError(kProgram, "--listen " + options.host +
                             ": others could reach it, and nothing authenticates them; --insecure listens there");
    return kExitUsage;
  }
  if (options.ports.empty()) {
    if (port_base != 0 && port_base + settings.workers.count - 1 > 65535) {
      PrintError(kProgram, "--port-base " + std::to_string(port_base) + ": " + std::to_string(settings.workers.count) +
                               " ports from there go above 65535");
      return kExitUsage;
    }
    for (std::size_t i = 0; i < settings.workers.count; ++i) {
      options.ports.push_back(static_cast<std::uint16_t>(port_base == 0 ? 0 : port_base + i));
    }
  } else if (count.has_value() && options.ports.size() != *count) {
    PrintError(kProgram,
               "--ports has " + std::to_string(options.ports.size()) + " ports for --count " + std::to_string(*count));
    return kExitUsage;
  }
  if (settings.index.listens()) options.events_kept = settings.workers.kv_events;
  options.publishes = settings.workers.kv_form == "engine";
  if (options.publishes && options.events_kept == 0) {
    PrintError(kProgram, "workers.kv_form=engine needs index.source=events");
    return kExitUsage;
  }
  if (options.kv_port_base != 0 &&
      (!options.publishes || options.kv_port_base + 2 * options.ports.size() - 1 > 65535)) {
    PrintError(kProgram, "--kv-port-base " + std::to_string(options.kv_port_base) +
                             (options.publishes ? ": two ports a worker from there go above 65535"
                                                : ": nothing is published without --set workers.kv_form=engine"));
    return kExitUsage;
  }
  options.service = ServiceOf(settings.workers);
  settings.workers.count = options.ports.size();
  options.slow = SlowWorkers(settings.workers);
  options.slow_service = ServiceOf(settings.workers, settings.workers.slow_factor);
  options.blocks.text_block_bytes = static_cast<std::uint32_t>(settings.workers.block_bytes);
  options.blocks.tokens_block_tokens = static_cast<std::uint32_t>(settings.index.block_tokens);

  FileLimitIsAnError();
  ShutdownSignal shutdown;
  SetUpGrpc();
  const RealClock clock;
  Result<std::unique_ptr<WorkerPool>> pool = WorkerPool::Start(options, clock);
  if (!pool.ok()) {
    PrintError(kProgram, pool.error().message);
    return kExitUsage;
  }
  nlohmann::ordered_json ready{{"event", "ready"}, {"workers", nlohmann::ordered_json::array()}};
  for (const WorkerAddress& worker : (*pool)->addresses()) {
    nlohmann::ordered_json& entry = ready["workers"].emplace_back();
    entry = {{"name", worker.name}, {"address", worker.address}};
    if (worker.kv_publisher.empty()) continue;
    entry["kv_publisher"] = worker.kv_publisher;
    entry["kv_replay"] = worker.kv_replay;
  }
  std::unique_ptr<MetricsPage> metrics;
  if (metrics_port >= 0) {
    const std::string address = options.host + ":" + std::to_string(metrics_port);
    auto serving = MetricsPage::Start(address, PortLimits(), [&pool] { return WorkerMetricsPage(**pool); });
    if (!serving.ok()) {
      PrintError(kProgram, "--metrics-port: " + serving.error().message);
      return kExitUsage;
    }
    metrics = std::move(*serving);
    ready["metrics"] = options.host + ":" + std::to_string(metrics->port());
  }
  std::printf("%s\n", ready.dump().c_str());
  std::fflush(stdout);
  shutdown.Wait();
  metrics.reset();
  (*pool)->Drain(kDrainTimeout);
  return kExitOk;
}

}  // namespace
}  // namespace prefixmesh::load

int main(int argc, char** argv) { return prefixmesh::load::Main(argc, argv); }
