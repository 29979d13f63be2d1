#include "loadgen/worker/worker_pool.h"

#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

#include "impl/env/real/grpc_limits.h"
#include "impl/env/real/listen_socket.h"
#include "impl/env/real/request_parse.h"
#include "impl/wire/prefixmesh.grpc.pb.h"
#include "loadgen/clock/process.h"
#include "loadgen/worker/engine_publisher.h"
#include "loadgen/worker/kv_event_service.h"
#include "loadgen/worker/refused_call.h"

namespace prefixmesh::load {
namespace {

constexpr int kBodyBytesMax = 16 << 20;

grpc::ByteBuffer ToBuffer(const v1::GenerateReply& reply) {
  const grpc::Slice slice(reply.SerializeAsString());
  return grpc::ByteBuffer(&slice, 1);
}

const ServiceOptions& ServiceOf(const WorkerPoolOptions& options, std::size_t worker) {
  return worker + options.slow < options.ports.size() ? options.service : options.slow_service;
}
std::vector<ServiceOptions> ServicesOf(const WorkerPoolOptions& options) {
  std::vector<ServiceOptions> services;
  for (std::size_t i = 0; i < options.ports.size(); ++i) services.push_back(ServiceOf(options, i));
  return services;
}

// One call. At most one stream operation is under way (`busy_`); what comes meanwhile is noted and done when it ends.
// Stream operations are started with no lock held, because gRPC may run a reaction on the calling thread.
class GenerateCall final : public grpc::ServerWriteReactor<grpc::ByteBuffer>, public ServiceSink {
 public:
  // Keeps itself alive until OnDone.
  static std::shared_ptr<GenerateCall> Make() {
    auto call = std::make_shared<GenerateCall>();
    call->self_ = call;
    return call;
  }

  void Begin(WorkerEngine& engine, std::size_t worker, std::uint64_t incarnation, std::uint64_t prompt_bytes,
             std::uint32_t block_bytes, std::vector<NodeId> chain, std::shared_ptr<const void> tokens,
             std::shared_ptr<ServiceSink> self) {
    engine_ = &engine;
    worker_ = worker;
    incarnation_ = incarnation;
    prompt_bytes_ = prompt_bytes;
    block_bytes_ = block_bytes;
    tokens_ = std::move(tokens);
    const std::uint64_t ticket = engine.Submit(worker, std::move(chain), prompt_bytes, block_bytes, std::move(self));
    bool cancelled = false;
    {
      MutexLock lock(mutex_);
      ticket_ = ticket;
      cancelled = cancelled_;
    }
    if (cancelled) engine.Cancel(worker, ticket);
  }

  void OnPrefillEnded(std::uint32_t cached_blocks, std::uint64_t cache_events) override {
    v1::GenerateReply reply;
    v1::FirstToken& first = *reply.mutable_first_token();
    first.set_worker_incarnation(incarnation_);
    first.set_prompt_bytes(prompt_bytes_);
    first.set_cached_bytes(std::uint64_t{cached_blocks} * block_bytes_);
    first.set_event_seq(cache_events);
    {
      MutexLock lock(mutex_);
      if (cancelled_ || finishing_) return;
      first_ = ToBuffer(reply);
      busy_ = true;
    }
    StartWrite(&first_);
  }

  void OnFinished() override {
    v1::GenerateReply reply;
    reply.mutable_finished()->set_output_tokens(1);
    {
      MutexLock lock(mutex_);
      if (cancelled_ || finishing_) return;
      last_ = ToBuffer(reply);
      last_ready_ = true;
      if (busy_) return;
      finishing_ = true;
    }
    StartWriteAndFinish(&last_, {}, grpc::Status::OK);
  }

  void OnWriteDone(bool ok) override {
    enum class Next { kNothing, kLast, kGiveUp } next = Next::kNothing;
    {
      MutexLock lock(mutex_);
      busy_ = false;
      if (finishing_) return;
      if (cancelled_ || !ok) {
        next = Next::kGiveUp;
      } else if (last_ready_) {
        next = Next::kLast;
      }
      finishing_ = next != Next::kNothing;
    }
    if (next == Next::kLast) StartWriteAndFinish(&last_, {}, grpc::Status::OK);
    if (next == Next::kGiveUp) GiveUp();
  }

  void OnCancel() override {
    std::uint64_t ticket = 0;
    bool finish = false;
    {
      MutexLock lock(mutex_);
      cancelled_ = true;
      ticket = ticket_;
      finish = !busy_ && !finishing_;
      finishing_ = finishing_ || finish;
    }
    if (ticket != 0) engine_->Cancel(worker_, ticket);
    if (finish) Finish(grpc::Status(grpc::StatusCode::CANCELLED, "cancelled by the caller"));
  }

  void OnDone() override { self_.reset(); }

 private:
  void GiveUp() {
    std::uint64_t ticket = 0;
    {
      MutexLock lock(mutex_);
      ticket = ticket_;
    }
    if (ticket != 0) engine_->Cancel(worker_, ticket);
    Finish(grpc::Status(grpc::StatusCode::CANCELLED, "the stream broke"));
  }

  WorkerEngine* engine_ = nullptr;
  std::size_t worker_ = 0;
  std::uint64_t incarnation_ = 0;
  std::uint64_t prompt_bytes_ = 0;
  std::uint32_t block_bytes_ = 0;
  std::shared_ptr<const void> tokens_;  // those of its blocks are known as long as it lives
  grpc::ByteBuffer first_, last_;
  std::shared_ptr<GenerateCall> self_;
  Mutex mutex_;
  std::uint64_t ticket_ PREFIXMESH_GUARDED_BY(mutex_) = 0;
  bool busy_ PREFIXMESH_GUARDED_BY(mutex_) = false;
  bool last_ready_ PREFIXMESH_GUARDED_BY(mutex_) = false;
  bool cancelled_ PREFIXMESH_GUARDED_BY(mutex_) = false;
  bool finishing_ PREFIXMESH_GUARDED_BY(mutex_) = false;
};

using WorkerCallbacks = v1::Worker::WithRawCallbackMethod_Generate<
    v1::Worker::WithCallbackMethod_Hello<v1::Worker::WithCallbackMethod_Status<v1::Worker::WithCallbackMethod_KvEvents<
        v1::Worker::WithCallbackMethod_KvQuery<v1::Worker::WithCallbackMethod_ClearCache<v1::Worker::Service>>>>>>;

class WorkerService final : public WorkerCallbacks {
 public:
  // `publisher` may be null.
  WorkerService(const WorkerPoolOptions& options, std::size_t number, WorkerEngine& engine, EnginePublisher* publisher)
      : options_(options),
        number_(number),
        name_(options.name_prefix + std::to_string(number)),
        engine_(engine),
        publisher_(publisher),
        events_(engine, number, HashKeyId(options.blocks)),
        incarnation_(static_cast<std::uint64_t>(WallClockNs())) {}

  grpc::ServerWriteReactor<grpc::ByteBuffer>* Generate(grpc::CallbackServerContext*,
                                                       const grpc::ByteBuffer* request) override {
    // The buffer is the call's own and nobody reads it after this; gRPC would keep it until the call ends.
    auto& body = const_cast<grpc::ByteBuffer&>(*request);
    Result<ParsedRequest> view = ParseRequest(body);
    if (!view.ok()) return Refuse(grpc::StatusCode::INVALID_ARGUMENT, view.error().message);
    const auto& models = options_.models;
    if (!models.empty() && std::find(models.begin(), models.end(), view->model) == models.end()) {
      return Refuse(grpc::StatusCode::NOT_FOUND, "worker " + name_ + " does not serve model '" + view->model + "'");
    }
    const BlockHasher hasher(options_.blocks, view->model, view->kind);
    std::vector<NodeId> chain;
    hasher.Hash(view->prompt, chain, hasher.Root(view->lora, view->salt));
    const std::uint64_t prompt_bytes = view->prompt.size();
    std::shared_ptr<const void> tokens;
    if (publisher_ != nullptr && view->kind == Kind::kTokens)
      tokens = publisher_->Hold(number_, chain, view->prompt, view->lora, view->salt);
    view->slices.clear();
    body.Clear();
    const std::shared_ptr<GenerateCall> call = GenerateCall::Make();
    call->Begin(engine_, number_, incarnation_, prompt_bytes, hasher.block_bytes(), std::move(chain), std::move(tokens),
                call);
    return call.get();
  }

  grpc::ServerUnaryReactor* Hello(grpc::CallbackServerContext* context, const v1::HelloRequest* request,
                                  v1::HelloReply* reply) override {
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    // The register's value wins if it is above ours (a clock that went back): then we are the life after that one, as
    // long as there is one.
    const std::uint64_t registered = request->registered_incarnation();
    std::uint64_t mine = incarnation_;
    if (mine < registered && registered >= kWorkerIncarnationMax.value) {
      reactor->Finish({grpc::StatusCode::INVALID_ARGUMENT,
                       "registered_incarnation " + std::to_string(registered) + ": must be below 2^63 - 1"});
      return reactor;
    }
    while (mine < registered && !incarnation_.compare_exchange_weak(mine, registered + 1)) {
    }
    reply->set_worker(name_);
    reply->set_incarnation(incarnation_);
    for (const std::string& model : options_.models) reply->add_models(model);
    const WorkerFigures figures = engine_.Figures(number_);
    reply->set_slots(static_cast<std::uint32_t>(ServiceOf(options_, number_).concurrency));
    reply->set_requests(figures.running + figures.waiting);
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

  grpc::ServerUnaryReactor* Status(grpc::CallbackServerContext* context, const v1::Empty*,
                                   v1::WorkerStatus* reply) override {
    const WorkerFigures figures = engine_.Figures(number_);
    reply->set_worker(name_);
    reply->set_incarnation(incarnation_);
    reply->set_requests(figures.requests);
    reply->set_prompt_bytes(figures.prompt_bytes);
    reply->set_cached_bytes(figures.cached_bytes);
    reply->set_cached_blocks(figures.cached.blocks);
    reply->set_cached_ids(figures.cached.ids);
    reply->set_evicted_blocks(figures.evicted_blocks);
    reply->set_running(figures.running);
    reply->set_waiting(figures.waiting);
    reply->set_again_bytes(figures.again_bytes);
    reply->set_queue_max(figures.queue_max);
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

  grpc::ServerWriteReactor<v1::KvLive>* KvEvents(grpc::CallbackServerContext*,
                                                 const v1::KvSubscribe* request) override {
    return events_.Listen(*request);
  }
  grpc::ServerWriteReactor<v1::KvAnswer>* KvQuery(grpc::CallbackServerContext*,
                                                  const v1::KvQueryRequest* request) override {
    return events_.Query(*request);
  }
  grpc::ServerUnaryReactor* ClearCache(grpc::CallbackServerContext* context, const v1::Empty*, v1::Empty*) override {
    engine_.ClearCache(number_);
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

  KvEventService& events() { return events_; }
  const std::string& name() const { return name_; }
  std::uint64_t incarnation() const { return incarnation_; }

 private:
  static grpc::ServerWriteReactor<grpc::ByteBuffer>* Refuse(grpc::StatusCode code, const std::string& message) {
    return new RefusedCall<grpc::ByteBuffer>(grpc::Status(code, message));
  }

  const WorkerPoolOptions& options_;
  const std::size_t number_;
  const std::string name_;
  WorkerEngine& engine_;
  EnginePublisher* const publisher_;
  KvEventService events_;
  std::atomic<std::uint64_t> incarnation_;
};

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
      services_.push_back(std::make_unique<WorkerService>(options_, i, engine_, publisher_.get()));
    engine_.SetListener([this](std::size_t worker) {
      services_[worker]->events().Wake();
      if (publisher_ != nullptr) publisher_->Publish(worker);
    });
    for (std::size_t i = 0; i < options_.ports.size(); ++i) {
      const std::string wanted = options_.host + ":" + std::to_string(options_.ports[i]);
      grpc::ServerBuilder builder;
      int port = 0;
      builder.AddListeningPort(wanted, grpc::InsecureServerCredentials(), &port);
      ApplyPortLimits(PortLimits(), kBodyBytesMax, builder);
      builder.RegisterService(services_[i].get());
      std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
      if (server == nullptr || port == 0) {
        return Error{ErrorCode::kUnavailable, "worker " + services_[i]->name() + ": " + WhyNot(wanted)};
      }
      servers_.push_back(std::move(server));
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
    for (const auto& service : services_) service->events().EndAll();  // listeners do not leave by themselves
    std::vector<std::thread> stops;  // at the same time, or the timeouts of twenty would add up
    for (auto& server : servers_) stops.emplace_back([&server, deadline] { server->Shutdown(deadline); });
    for (std::thread& stop : stops) stop.join();
    servers_.clear();
  }

 private:
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
  std::vector<std::unique_ptr<grpc::Server>> servers_;
  std::vector<WorkerAddress> addresses_;
};

}  // namespace

Result<std::unique_ptr<WorkerPool>> WorkerPool::Start(const WorkerPoolOptions& options, const Clock& clock) {
  auto pool = std::make_unique<Pool>(options, clock);
  const prefixmesh::Status listening = pool->Listen();
  if (!listening.ok()) return listening.error();
  return std::unique_ptr<WorkerPool>(std::move(pool));
}

}  // namespace prefixmesh::load
