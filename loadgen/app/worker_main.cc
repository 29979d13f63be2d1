// prefixmesh-worker: N fake workers in one process. Prints one JSON line when all of them serve, ends on SIGTERM.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "impl/app/number_from.h"
#include "impl/env/real/grpc_log.h"
#include "impl/env/real/listen_socket.h"
#include "impl/env/real/metrics_page.h"
#include "impl/env/real/process.h"
#include "impl/env/real/real_env.h"
#include "loadgen/app/process_setup.h"
#include "loadgen/worker/worker_metrics.h"
#include "loadgen/worker/worker_pool.h"

namespace prefixmesh::load {
namespace {

constexpr char kProgram[] = "prefixmesh-worker";
constexpr Time kDrainPatience = std::chrono::seconds(5);

int Main(int argc, char** argv) {
  WorkerPoolOptions options;
  options.models = {"model-0"};  // what the scenarios ask for; routers send a worker the models that it names
  std::size_t count = 20;
  std::uint16_t port_base = 0;
  int metrics_port = -1;
  bool exit_with_parent = false;
  double prefill_us = 400, decode_ms = 60;

  CLI::App app("Fake inference workers: a gRPC server each, a block-LRU KV cache and a service-time model.", kProgram);
  app.add_option("--count", count, "workers")->check(CLI::Range(1, 1000))->capture_default_str();
  app.add_option("--listen", options.host, "address to listen on")->capture_default_str();
  auto* ports = app.add_option("--ports", options.ports, "one port per worker, comma separated")->delimiter(',');
  app.add_option("--port-base", port_base, "first of consecutive ports; 0 takes free ones")
      ->capture_default_str()
      ->excludes(ports);
  app.add_option("--name-prefix", options.name_prefix, "workers are PREFIX0, PREFIX1, …")->capture_default_str();
  app.add_option("--models", options.models, "models served, comma separated")->delimiter(',')->capture_default_str();
  app.add_option("--concurrency", options.service.concurrency, "requests at a time")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  app.add_option("--prefill-us-per-block", prefill_us, "per block that is not cached")
      ->check(NumberFrom(0, 1e9))
      ->capture_default_str();
  app.add_option("--decode-ms", decode_ms, "from first token to last")
      ->check(NumberFrom(0, 1e7))
      ->capture_default_str();
  app.add_option("--cache-blocks", options.service.cache_blocks, "KV cache of a worker")
      ->check(CLI::Range(0, 16777216))
      ->capture_default_str();
  app.add_option("--block-bytes", options.blocks.text_block_bytes, "text bytes of a block")
      ->check(CLI::Range(64, 4096))
      ->capture_default_str();
  app.add_option("--block-tokens", options.blocks.tokens_block_tokens, "tokens of a block")
      ->check(CLI::Range(16, 1024))
      ->capture_default_str();
  app.add_option("--metrics-port", metrics_port,
                 "Prometheus /metrics on 127.0.0.1; off unless given, 0 takes a free one")
      ->check(CLI::Range(0, 65535));
  bool insecure = false;
  app.add_flag("--insecure", insecure, "listen on an address that others reach: nothing here authenticates anyone");
  app.add_flag("--exit-with-parent", exit_with_parent, "end when the process that started this one does");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    PrintError(kProgram, error.what());
    return kExitUsage;
  }
  if (std::find(options.models.begin(), options.models.end(), "") != options.models.end()) {
    PrintError(kProgram, "--models: a model has a name");
    return kExitUsage;
  }
  if (!IsLoopback(options.host) && !insecure) {
    PrintError(kProgram, "--listen " + options.host +
                             ": others could reach it, and nothing authenticates them; --insecure listens there");
    return kExitUsage;
  }
  if (options.ports.empty()) {
    if (port_base != 0 && port_base + count - 1 > 65535) {
      PrintError(kProgram, "--port-base " + std::to_string(port_base) + ": " + std::to_string(count) +
                               " ports from there go above 65535");
      return kExitUsage;
    }
    for (std::size_t i = 0; i < count; ++i) {
      options.ports.push_back(static_cast<std::uint16_t>(port_base == 0 ? 0 : port_base + i));
    }
  } else if (app.count("--count") > 0 && options.ports.size() != count) {
    PrintError(kProgram,
               "--ports has " + std::to_string(options.ports.size()) + " ports for --count " + std::to_string(count));
    return kExitUsage;
  }
  options.service.prefill_per_block = Time(static_cast<std::int64_t>(prefill_us * 1e3));
  options.service.decode = Time(static_cast<std::int64_t>(decode_ms * 1e6));

  QuietGrpc();
  FileLimitIsAnError();
  ShutdownSignal shutdown;
  if (exit_with_parent) ExitWithParent();
  const RealClock clock;
  Result<std::unique_ptr<WorkerPool>> pool = WorkerPool::Start(options, clock);
  if (!pool.ok()) {
    PrintError(kProgram, pool.error().message);
    return kExitUsage;
  }
  nlohmann::ordered_json ready{{"event", "ready"}, {"workers", nlohmann::ordered_json::array()}};
  for (const WorkerAddress& worker : (*pool)->addresses()) {
    ready["workers"].push_back({{"name", worker.name}, {"address", worker.address}});
  }
  std::unique_ptr<MetricsPage> metrics;
  if (metrics_port >= 0) {
    const std::string address = "127.0.0.1:" + std::to_string(metrics_port);
    auto serving = MetricsPage::Start(address, PortLimits(), [&pool] { return WorkerMetricsPage(**pool); });
    if (!serving.ok()) {
      PrintError(kProgram, "--metrics-port: " + serving.error().message);
      return kExitUsage;
    }
    metrics = std::move(*serving);
    ready["metrics"] = "127.0.0.1:" + std::to_string(metrics->port());
  }
  std::printf("%s\n", ready.dump().c_str());
  std::fflush(stdout);
  shutdown.Wait();
  metrics.reset();
  (*pool)->Drain(kDrainPatience);
  return kExitOk;
}

}  // namespace
}  // namespace prefixmesh::load

int main(int argc, char** argv) { return prefixmesh::load::Main(argc, argv); }
