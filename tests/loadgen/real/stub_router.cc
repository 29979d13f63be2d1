#include "tests/loadgen/real/stub_router.h"

#include <grpcpp/grpcpp.h>

#include <map>
#include <set>

#include "impl/base/check.h"
#include "impl/base/mutex.h"
#include "impl/tree/block_hash.h"
#include "impl/wire/prefixmesh.grpc.pb.h"

namespace prefixmesh::load {
namespace {

struct Knowledge {
  Mutex mutex;
  std::map<NodeId, std::set<std::size_t>> holders PREFIXMESH_GUARDED_BY(mutex);
};

class StubRouter final : public v1::Router::Service {
 public:
  StubRouter(const std::vector<WorkerAddress>& workers, std::shared_ptr<Knowledge> knowledge)
      : workers_(workers), knowledge_(std::move(knowledge)) {
    for (const WorkerAddress& worker : workers) {
      stubs_.push_back(v1::Worker::NewStub(grpc::CreateChannel(worker.address, grpc::InsecureChannelCredentials())));
    }
  }

  grpc::Status Generate(grpc::ServerContext* context, const v1::GenerateRequest* request,
                        grpc::ServerWriter<v1::GenerateReply>* writer) override {
    const std::vector<NodeId> ids = Ids(request->model(), request->kind(), request->prompt());
    std::size_t chosen = 0;
    v1::GenerateReply reply;
    {
      MutexLock lock(knowledge_->mutex);
      std::size_t best = 0;
      chosen = next_++ % workers_.size();
      for (std::size_t worker = 0; worker < workers_.size(); ++worker) {
        if (const std::size_t depth = Depth(ids, worker); depth > best) {
          best = depth;
          chosen = worker;
        }
      }
      for (const NodeId id : ids) knowledge_->holders[id].insert(chosen);
      reply.mutable_routed()->set_reason(best > 0 ? v1::DECISION_CACHE : v1::DECISION_MIN_LOAD);
    }
    reply.mutable_routed()->set_worker(workers_[chosen].name);
    reply.mutable_routed()->set_inserted(!ids.empty());
    // As a router with --control does, for who asks.
    if (context->client_metadata().count("prefixmesh-announce") > 0)
      context->AddInitialMetadata("prefixmesh-placed-bin", reply.routed().SerializeAsString());
    writer->Write(reply);
    grpc::ClientContext onward;
    onward.set_deadline(context->deadline());
    const auto reader = stubs_[chosen]->Generate(&onward, *request);
    while (reader->Read(&reply)) writer->Write(reply);
    return reader->Finish();
  }

  grpc::Status Probe(grpc::ServerContext*, const v1::ProbeRequest* request, v1::ProbeReply* reply) override {
    const std::vector<NodeId> ids = Ids(request->model(), request->kind(), request->prompt());
    reply->set_prompt_blocks(static_cast<std::uint32_t>(ids.size()));
    MutexLock lock(knowledge_->mutex);
    for (std::size_t worker = 0; worker < workers_.size(); ++worker) {
      if (!request->worker().empty() && request->worker() != workers_[worker].name) continue;
      const std::size_t depth = Depth(ids, worker);
      if (depth == 0) continue;
      v1::WorkerDepth& row = *reply->add_workers();
      row.set_worker(workers_[worker].name);
      row.set_depth_blocks(static_cast<std::uint32_t>(depth));
    }
    return grpc::Status::OK;
  }

  grpc::Status ProbeOpen(grpc::ServerContext*, const v1::ProbeRequest* request, v1::ProbeHandle* reply) override {
    MutexLock lock(knowledge_->mutex);
    reply->set_handle(++handles_);
    open_[handles_] = Ids(request->model(), request->kind(), request->prompt());
    return grpc::Status::OK;
  }

  grpc::Status ProbePoll(grpc::ServerContext*, const v1::ProbePollRequest* request,
                         v1::ProbePollReply* reply) override {
    MutexLock lock(knowledge_->mutex);
    const auto found = open_.find(request->handle());
    if (found == open_.end()) return {grpc::StatusCode::NOT_FOUND, "no such handle"};
    reply->set_prompt_blocks(static_cast<std::uint32_t>(found->second.size()));
    for (std::size_t worker = 0; worker < workers_.size(); ++worker) {
      if (workers_[worker].name != request->worker()) continue;
      reply->set_depth_blocks(static_cast<std::uint32_t>(Depth(found->second, worker)));
    }
    return grpc::Status::OK;
  }

  grpc::Status ProbeClose(grpc::ServerContext*, const v1::ProbeHandle* request, v1::Empty*) override {
    MutexLock lock(knowledge_->mutex);
    open_.erase(request->handle());
    return grpc::Status::OK;
  }

 private:
  static std::vector<NodeId> Ids(const std::string& model, v1::Kind kind, const std::string& prompt) {
    const BlockHasher hasher({}, model, kind == v1::KIND_TOKENS ? Kind::kTokens : Kind::kText);
    std::vector<NodeId> ids;
    hasher.Hash(Slices(AsBytes(prompt)), ids);
    return ids;
  }
  std::size_t Depth(const std::vector<NodeId>& ids, std::size_t worker) const PREFIXMESH_REQUIRES(knowledge_->mutex) {
    std::size_t depth = 0;
    for (; depth < ids.size(); ++depth) {
      const auto found = knowledge_->holders.find(ids[depth]);
      if (found == knowledge_->holders.end() || found->second.count(worker) == 0) break;
    }
    return depth;
  }

  const std::vector<WorkerAddress> workers_;
  const std::shared_ptr<Knowledge> knowledge_;
  std::vector<std::unique_ptr<v1::Worker::Stub>> stubs_;
  std::size_t next_ = 0;
  std::uint64_t handles_ = 0;
  std::map<std::uint64_t, std::vector<NodeId>> open_;
};

class Routers final : public StubRouters {
 public:
  Routers(std::size_t count, const std::vector<WorkerAddress>& workers, bool shared) {
    auto knowledge = std::make_shared<Knowledge>();
    for (std::size_t i = 0; i < count; ++i) {
      if (!shared) knowledge = std::make_shared<Knowledge>();
      services_.push_back(std::make_unique<StubRouter>(workers, knowledge));
      int port = 0;
      grpc::ServerBuilder builder;
      builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
      builder.SetMaxReceiveMessageSize(16 << 20);
      builder.RegisterService(services_.back().get());
      servers_.push_back(builder.BuildAndStart());
      PREFIXMESH_CHECK(servers_.back() != nullptr);
      addresses_.push_back({"r" + std::to_string(i), "127.0.0.1:" + std::to_string(port)});
    }
  }
  ~Routers() override {
    for (std::size_t i = 0; i < servers_.size(); ++i) Stop(i);
  }
  std::vector<RouterAddress> addresses() const override { return addresses_; }
  void Stop(std::size_t router) override {
    if (servers_[router] != nullptr) servers_[router]->Shutdown(std::chrono::system_clock::now());
  }

 private:
  std::vector<std::unique_ptr<StubRouter>> services_;
  std::vector<std::unique_ptr<grpc::Server>> servers_;
  std::vector<RouterAddress> addresses_;
};

}  // namespace

std::unique_ptr<StubRouters> StubRouters::Start(std::size_t count, const std::vector<WorkerAddress>& workers,
                                                bool shared) {
  return std::make_unique<Routers>(count, workers, shared);
}

}  // namespace prefixmesh::load
