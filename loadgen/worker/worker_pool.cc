#include "loadgen/worker/worker_pool.h"

#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "impl/env/real/grpc_limits.h"
#include "impl/env/real/listen_socket.h"
#include "loadgen/worker/engine_publisher.h"
#include "loadgen/worker/worker_service.h"

namespace prefixmesh::load {
namespace {

constexpr int kBodyBytesMax = 16 << 20;
constexpr Time kListenAgainAfter = std::chrono::milliseconds(100);

std::vector<ServiceOptions> ServicesOf(const WorkerPoolOptions& options) {
  std::vector<ServiceOptions> services;
  for (std::size_t i = 0; i < options.ports.size(); ++i) services.push_back(ServiceOf(options, i));
  return services;
}

class Pool final : public WorkerPool {
 public:
  Pool(const WorkerPoolOptions& options, const Clock& clock)
      : options_(options), engine_(ServicesOf(options), clock, options.events_kept) {}
  ~Pool() override {
    Drain(Time(0));
    engine_.Stop();  // it wakes the services
  }

  Status Listen() {
    grpc::EnableDefaultHealthCheckService(true);
    if (options_.publishes) {
      Result<std::unique_ptr<EnginePublisher>> started = EnginePublisher::Start(
          {options_.host, options_.ports.size(), options_.blocks.tokens_block_tokens, options_.kv_port_base}, engine_);
      if (!started.ok()) return started.error();
      publisher_ = std::move(*started);
    }
    for (std::size_t i = 0; i < options_.ports.size(); ++i)
      services_.push_back(std::make_unique<WorkerService>(options_, i, engine_, publisher_.get(),
                                                          [this, i](Time down) { BeginRestart(i, down); }));
    engine_.SetListener([this](std::size_t worker) {
      services_[worker]->events().Wake();
      if (publisher_ != nullptr) publisher_->Publish(worker);
    });
    MutexLock lock(mutex_);
    serving_.resize(options_.ports.size());
    for (std::size_t i = 0; i < options_.ports.size(); ++i) {
      const std::string wanted = options_.host + ":" + std::to_string(options_.ports[i]);
      int port = 0;
      serving_[i].server = Serve(i, wanted, port);
      if (serving_[i].server == nullptr)
        return Error{ErrorCode::kUnavailable, "worker " + services_[i]->name() + ": " + WhyNot(wanted)};
      addresses_.push_back({services_[i]->name(), options_.host + ":" + std::to_string(port),
                            publisher_ != nullptr ? publisher_->publisher(i) : "",
                            publisher_ != nullptr ? publisher_->replay(i) : ""});
    }
    return {};
  }

  const std::vector<WorkerAddress>& addresses() const override { return addresses_; }
  WorkerFigures Figures(std::size_t worker) const override { return engine_.Figures(worker); }
  std::uint64_t Incarnation(std::size_t worker) const override { return services_[worker]->incarnation(); }

  void Drain(Time timeout) override {
    const auto deadline = std::chrono::system_clock::now() + timeout;
    std::vector<std::thread> restarts;
    {
      MutexLock lock(mutex_);
      stopping_ = true;
      stopped_.NotifyAll();
      for (Serving& each : serving_) restarts.push_back(std::move(each.restart));
    }
    for (std::thread& restart : restarts)
      if (restart.joinable()) restart.join();
    std::vector<Serving> serving;  // nobody restarts any more
    {
      MutexLock lock(mutex_);
      serving.swap(serving_);
    }
    for (const auto& service : services_) service->EndLife();  // listeners do not leave by themselves
    std::vector<std::thread> stops;  // at the same time, or the timeouts of twenty would add up
    for (Serving& each : serving)
      if (each.server != nullptr) stops.emplace_back([&each, deadline] { each.server->Shutdown(deadline); });
    for (std::thread& stop : stops) stop.join();
  }

 private:
  struct Serving {
    std::unique_ptr<grpc::Server> server;  // null: the worker is down
    std::thread restart;                   // of the last one
  };

  // Null: the port is taken.
  std::unique_ptr<grpc::Server> Serve(std::size_t worker, const std::string& address, int& port) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort(address, grpc::InsecureServerCredentials(), &port);
    ApplyPortLimits(PortLimits(), kBodyBytesMax, builder);
    builder.RegisterService(services_[worker].get());
    std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
    return port != 0 ? std::move(server) : nullptr;
  }

  // On a thread of the server that is to go. One that is down already, or ends, is left alone.
  void BeginRestart(std::size_t worker, Time down) {
    MutexLock lock(mutex_);
    if (stopping_ || serving_[worker].server == nullptr) return;
    if (serving_[worker].restart.joinable()) serving_[worker].restart.join();  // it has ended, or almost
    serving_[worker].restart =
        std::thread([this, worker, down, server = std::shared_ptr<grpc::Server>(std::move(serving_[worker].server))] {
          Restart(worker, down, *server);
        });
  }
  void Restart(std::size_t worker, Time down, grpc::Server& server) {
    services_[worker]->EndLife();
    server.Shutdown(std::chrono::system_clock::now());
    engine_.Restart(worker);
    if (publisher_ != nullptr) publisher_->GoDown(worker);
    for (Time wait = down;; wait = kListenAgainAfter) {
      {
        MutexLock lock(mutex_);
        const auto until = std::chrono::steady_clock::now() + wait;
        while (!stopping_ && std::chrono::steady_clock::now() < until) stopped_.WaitUntil(mutex_, until);
        if (stopping_) return;
      }
      services_[worker]->BeginLife();
      if (publisher_ != nullptr) publisher_->ComeUp(worker);
      int port = 0;
      std::unique_ptr<grpc::Server> anew = Serve(worker, addresses_[worker].address, port);
      if (anew == nullptr) continue;
      MutexLock lock(mutex_);
      serving_[worker].server = std::move(anew);
      return;
    }
  }

  // gRPC keeps the reason to itself, so the system is asked once more.
  static std::string WhyNot(const std::string& address) {
    const Result<ListenSocket> again = ListenOn(address);
    if (!again.ok()) return again.error().message;
    close(again->fd);
    return "cannot listen on " + address;
  }

  const WorkerPoolOptions options_;
  WorkerEngine engine_;  // outlives the servers: their calls use it
  std::unique_ptr<EnginePublisher> publisher_;
  std::vector<std::unique_ptr<WorkerService>> services_;
  std::vector<WorkerAddress> addresses_;
  Mutex mutex_;
  CondVar stopped_;
  bool stopping_ PREFIXMESH_GUARDED_BY(mutex_) = false;
  std::vector<Serving> serving_ PREFIXMESH_GUARDED_BY(mutex_);
};

}  // namespace

Result<std::unique_ptr<WorkerPool>> WorkerPool::Start(const WorkerPoolOptions& options, const Clock& clock) {
  auto pool = std::make_unique<Pool>(options, clock);
  const prefixmesh::Status listening = pool->Listen();
  if (!listening.ok()) return listening.error();
  return std::unique_ptr<WorkerPool>(std::move(pool));
}

}  // namespace prefixmesh::load
