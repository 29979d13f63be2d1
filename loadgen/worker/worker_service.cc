#include "loadgen/worker/worker_service.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "impl/env/real/request_parse.h"
#include "loadgen/clock/process.h"
#include "loadgen/worker/generate_call.h"
#include "loadgen/worker/refused_call.h"

namespace prefixmesh::load {
namespace {

// Its answer given, the worker goes down.
class RestartCall final : public grpc::ServerUnaryReactor {
 public:
  explicit RestartCall(std::function<void()> answered) : answered_(std::move(answered)) { Finish(grpc::Status::OK); }
  void OnDone() override {
    answered_();
    delete this;
  }

 private:
  const std::function<void()> answered_;
};

grpc::ServerWriteReactor<grpc::ByteBuffer>* Refuse(grpc::StatusCode code, const std::string& message) {
  return new RefusedCall<grpc::ByteBuffer>(grpc::Status(code, message));
}

}  // namespace

WorkerService::WorkerService(const WorkerPoolOptions& options, std::size_t number, WorkerEngine& engine,
                             EnginePublisher* publisher, std::function<void(Time)> restart)
    : options_(options),
      number_(number),
      name_(options.name_prefix + std::to_string(number)),
      engine_(engine),
      publisher_(publisher),
      restart_(std::move(restart)),
      events_(engine, number, HashKeyId(options.blocks)),
      incarnation_(static_cast<std::uint64_t>(WallClockNs())) {}

void WorkerService::BeginLife() {
  NextIncarnation();
  events_.BeginAgain();
}

void WorkerService::NextIncarnation() {
  std::uint64_t mine = incarnation_;
  while (!incarnation_.compare_exchange_weak(mine, std::max(mine + 1, static_cast<std::uint64_t>(WallClockNs())))) {
  }
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* WorkerService::Generate(grpc::CallbackServerContext*,
                                                                    const grpc::ByteBuffer* request) {
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
  return GenerateCall::Begin(engine_, number_, incarnation_,
                             {prompt_bytes, hasher.block_bytes(), std::move(chain), std::move(tokens)});
}

grpc::ServerUnaryReactor* WorkerService::Hello(grpc::CallbackServerContext* context, const v1::HelloRequest* request,
                                               v1::HelloReply* reply) {
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

grpc::ServerUnaryReactor* WorkerService::Status(grpc::CallbackServerContext* context, const v1::Empty*,
                                                v1::WorkerStatus* reply) {
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

grpc::ServerUnaryReactor* WorkerService::Sample(grpc::CallbackServerContext* context, const v1::Empty*,
                                                v1::SampledBlocks* reply) {
  reply->set_worker(name_);
  for (const NodeId id : engine_.Sample(number_)) reply->add_ids(id.value);
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

grpc::ServerWriteReactor<v1::KvLive>* WorkerService::KvEvents(grpc::CallbackServerContext*,
                                                              const v1::KvSubscribe* request) {
  return events_.Listen(*request);
}

grpc::ServerWriteReactor<v1::KvAnswer>* WorkerService::KvQuery(grpc::CallbackServerContext*,
                                                               const v1::KvQueryRequest* request) {
  return events_.Query(*request);
}

grpc::ServerUnaryReactor* WorkerService::ClearCache(grpc::CallbackServerContext* context, const v1::Empty*,
                                                    v1::Empty*) {
  engine_.ClearCache(number_);
  NextIncarnation();  // not before: what was told of the former one is gone
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

grpc::ServerUnaryReactor* WorkerService::Restart(grpc::CallbackServerContext* context,
                                                 const v1::RestartRequest* request, v1::Empty*) {
  if (request->down_ms() <= kDownMsMax)
    return new RestartCall([this, down = std::chrono::milliseconds(request->down_ms())] { restart_(down); });
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish({grpc::StatusCode::INVALID_ARGUMENT, "down_ms: at most " + std::to_string(kDownMsMax)});
  return reactor;
}

}  // namespace prefixmesh::load
