#include "bench/run/router_client.h"

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <utility>

#include "impl/base/mutex.h"
#include "impl/wire/prefixmesh.grpc.pb.h"
#include "impl/wire/status_message.h"

namespace prefixmesh::bench {
namespace {

constexpr std::chrono::seconds kDeadline{5};
constexpr std::chrono::seconds kPositionsDeadline{1};

Status ToStatus(const grpc::Status& status) {
  if (status.ok()) return {};
  return Error{ErrorCode::kUnavailable, status.error_message()};
}

void SetDeadline(grpc::ClientContext& context, std::chrono::seconds deadline = kDeadline) {
  context.set_deadline(std::chrono::system_clock::now() + deadline);
}

// One question under way and its answer, which outlives the one who asked.
template <typename Reply>
struct Question {
  grpc::ClientContext context;
  const v1::Empty request;
  Reply reply;
};

class GrpcRouterClient final : public RouterClient {
 public:
  explicit GrpcRouterClient(const std::string& address)
      : channel_(grpc::CreateChannel(address, grpc::InsecureChannelCredentials())),
        admin_(v1::RouterAdmin::NewStub(channel_)),
        router_(v1::Router::NewStub(channel_)) {}

  bool Healthy() override {
    // grpc.health.v1 has no generated classes in Debian's packages; its two messages are one field each, and an empty
    // request asks for the server as a whole. The reply's field 1 is the status, SERVING = 1.
    grpc::GenericStub stub(channel_);
    grpc::ClientContext context;
    SetDeadline(context);
    grpc::CompletionQueue queue;
    const grpc::ByteBuffer request(nullptr, 0);
    grpc::ByteBuffer reply;
    grpc::Status status;
    auto call = stub.PrepareUnaryCall(&context, "/grpc.health.v1.Health/Check", request, &queue);
    call->StartCall();
    call->Finish(&reply, &status, nullptr);
    void* tag = nullptr;
    bool ok = false;
    queue.Next(&tag, &ok);
    std::vector<grpc::Slice> slices;
    if (!status.ok() || !reply.Dump(&slices).ok() || slices.empty()) return false;
    return slices[0].size() == 2 && slices[0].begin()[0] == 0x08 && slices[0].begin()[1] == 0x01;
  }

  Result<RouterReport> ReadReport() override {
    grpc::ClientContext context;
    SetDeadline(context);
    v1::RouterStatus status;
    if (Status read = ToStatus(admin_->Status(&context, v1::Empty(), &status)); !read.ok()) return read.error();
    return ReadStatus(status);
  }

  Status BeginPhase(const std::string& phase) override {
    grpc::ClientContext context;
    SetDeadline(context);
    v1::BeginPhaseRequest request;
    request.set_phase(phase);
    v1::Empty reply;
    return ToStatus(admin_->BeginPhase(&context, request, &reply));
  }

  std::uint64_t IncarnationOf(const std::string& model, const std::string& worker) override {
    grpc::ClientContext context;
    SetDeadline(context);
    v1::ProbeRequest request;
    request.set_model(model);
    request.set_worker(worker);
    v1::ProbeReply reply;
    return router_->Probe(&context, request, &reply).ok() ? reply.incarnation() : 0;
  }

  Status ReadHeld(const v1::HeldRequest& request, v1::HeldBlocks& held) override {
    grpc::ClientContext context;
    SetDeadline(context);
    return ToStatus(admin_->Held(&context, request, &held));
  }

  void AskStatus(std::chrono::seconds deadline, Done<v1::RouterStatus> done) override {
    const auto asked = std::make_shared<Question<v1::RouterStatus>>();
    SetDeadline(asked->context, deadline);
    admin_->async()->Status(&asked->context, &asked->request, &asked->reply, Answered(asked, std::move(done)));
  }

  void AskPositions(std::chrono::seconds deadline, Done<v1::SyncPositions> done) override {
    const auto asked = std::make_shared<Question<v1::SyncPositions>>();
    SetDeadline(asked->context, deadline);
    admin_->async()->Positions(&asked->context, &asked->request, &asked->reply, Answered(asked, std::move(done)));
  }

 private:
  template <typename Reply>
  static std::function<void(grpc::Status)> Answered(const std::shared_ptr<Question<Reply>>& asked, Done<Reply> done) {
    return [asked, done = std::move(done)](const grpc::Status& status) { done(status.ok() ? &asked->reply : nullptr); };
  }

  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<v1::RouterAdmin::Stub> admin_;
  const std::unique_ptr<v1::Router::Stub> router_;
};

// Several questions under way. Shared with the answers, so that one that never comes is not waited for.
template <typename Reply>
struct UnderWay {
  explicit UnderWay(std::size_t count) : replies(count), answers(count) {}
  Mutex mutex;
  CondVar ended;
  std::vector<Reply> replies PREFIXMESH_GUARDED_BY(mutex);
  std::vector<ReportAnswer> answers PREFIXMESH_GUARDED_BY(mutex);
  std::size_t left PREFIXMESH_GUARDED_BY(mutex) = 0;
};

// Asks all clients that are there at the same time.
template <typename Reply>
std::vector<ReportAnswer> AskAll(std::span<RouterClient* const> clients, std::chrono::seconds deadline,
                                 void (RouterClient::*ask)(std::chrono::seconds, RouterClient::Done<Reply>),
                                 std::vector<Reply>& replies) {
  const auto asked = std::make_shared<UnderWay<Reply>>(clients.size());
  for (std::size_t i = 0; i < clients.size(); ++i) {
    if (clients[i] == nullptr) continue;
    {
      MutexLock lock(asked->mutex);
      ++asked->left;
    }
    (clients[i]->*ask)(deadline, [asked, i](Reply* reply) {
      MutexLock lock(asked->mutex);
      asked->answers[i] = {reply != nullptr, std::chrono::steady_clock::now()};
      if (reply != nullptr) asked->replies[i] = std::move(*reply);
      if (--asked->left == 0) asked->ended.NotifyAll();
    });
  }
  MutexLock lock(asked->mutex);
  // gRPC ends every call by its deadline, unless it could not start the thread that answers run on.
  const auto give_up = std::chrono::steady_clock::now() + deadline + std::chrono::seconds(1);
  while (asked->left > 0 && asked->ended.WaitUntil(asked->mutex, give_up)) {
  }
  replies = std::move(asked->replies);
  asked->replies.resize(clients.size());
  return asked->answers;
}

class GrpcWorkerPulse final : public WorkerPulse {
 public:
  explicit GrpcWorkerPulse(const std::string& address)
      : stub_(v1::Worker::NewStub(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()))) {}
  ~GrpcWorkerPulse() override {
    if (asked_ != nullptr) asked_->context.TryCancel();
  }

  void Ask() override {
    if (asked_ != nullptr && asked_->under_way) return;
    asked_ = std::make_shared<Pulse>();
    SetDeadline(asked_->context);
    stub_->async()->Status(&asked_->context, &asked_->request, &asked_->reply,
                           [asked = asked_, told = told_](const grpc::Status& status) {
                             if (status.ok()) *told = std::chrono::steady_clock::now();
                             asked->under_way = false;
                           });
  }

  std::chrono::steady_clock::time_point heard() const override { return *told_; }

 private:
  struct Pulse : Question<v1::WorkerStatus> {
    std::atomic<bool> under_way = true;
  };
  const std::unique_ptr<v1::Worker::Stub> stub_;
  std::shared_ptr<Pulse> asked_;
  const std::shared_ptr<std::atomic<std::chrono::steady_clock::time_point>> told_ =
      std::make_shared<std::atomic<std::chrono::steady_clock::time_point>>(std::chrono::steady_clock::now());
};

}  // namespace

std::unique_ptr<RouterClient> RouterClient::Make(const std::string& address) {
  return std::make_unique<GrpcRouterClient>(address);
}

std::unique_ptr<WorkerPulse> WorkerPulse::Make(const std::string& address) {
  return std::make_unique<GrpcWorkerPulse>(address);
}

std::vector<ReportAnswer> ReadReports(std::span<RouterClient* const> clients, std::vector<RouterReport>& reports) {
  std::vector<v1::RouterStatus> statuses;
  std::vector<ReportAnswer> answers = AskAll(clients, kDeadline, &RouterClient::AskStatus, statuses);
  reports.clear();
  for (const v1::RouterStatus& status : statuses) reports.push_back(ReadStatus(status));
  return answers;
}

std::vector<bool> ReadPositions(std::span<RouterClient* const> clients, std::vector<v1::SyncPositions>& positions) {
  std::vector<bool> answered;
  for (const ReportAnswer& answer : AskAll(clients, kPositionsDeadline, &RouterClient::AskPositions, positions))
    answered.push_back(answer.answered);
  return answered;
}

}  // namespace prefixmesh::bench
