#include "bench/run/router_client.h"

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>

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

// Questions to several routers under way, and their answers. Shared with the answers, so that one that never comes is
// not waited for.
template <typename Reply>
struct Asked {
  explicit Asked(std::size_t count) : contexts(count), replies(count), answers(count) {}
  const v1::Empty request;
  std::vector<grpc::ClientContext> contexts;
  std::vector<Reply> replies;  // an answer's own until it came
  Mutex mutex;
  CondVar ended;
  std::vector<ReportAnswer> answers PREFIXMESH_GUARDED_BY(mutex);
  std::size_t under_way PREFIXMESH_GUARDED_BY(mutex) = 0;
};

// Asks all clients that are there at the same time: ask(i, asked, done) each, and done(status) exactly once.
template <typename Reply, typename Ask>
std::vector<ReportAnswer> AskAll(std::span<RouterClient* const> clients, std::chrono::seconds deadline,
                                 std::vector<Reply>& replies, Ask&& ask) {
  const auto asked = std::make_shared<Asked<Reply>>(clients.size());
  for (std::size_t i = 0; i < clients.size(); ++i) {
    if (clients[i] == nullptr) continue;
    SetDeadline(asked->contexts[i], deadline);
    {
      MutexLock lock(asked->mutex);
      ++asked->under_way;
    }
    ask(i, *asked, [asked, i](const grpc::Status& status) {
      MutexLock lock(asked->mutex);
      asked->answers[i] = {status.ok(), std::chrono::steady_clock::now()};
      if (--asked->under_way == 0) asked->ended.NotifyAll();
    });
  }
  replies.assign(clients.size(), {});
  MutexLock lock(asked->mutex);
  // gRPC ends every call by its deadline, unless it could not start the thread that answers run on.
  const auto give_up = std::chrono::steady_clock::now() + deadline + std::chrono::seconds(1);
  while (asked->under_way > 0 && asked->ended.WaitUntil(asked->mutex, give_up)) {
  }
  for (std::size_t i = 0; i < clients.size(); ++i)
    if (asked->answers[i].answered) replies[i] = std::move(asked->replies[i]);
  return asked->answers;
}

}  // namespace

class RouterClient::Impl {
 public:
  explicit Impl(const std::string& address)
      : channel(grpc::CreateChannel(address, grpc::InsecureChannelCredentials())),
        admin(v1::RouterAdmin::NewStub(channel)) {}
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<v1::RouterAdmin::Stub> admin;
};

RouterClient::RouterClient(const std::string& address) : impl_(std::make_unique<Impl>(address)) {}
RouterClient::~RouterClient() = default;
RouterClient::RouterClient(RouterClient&&) noexcept = default;

bool RouterClient::Healthy() {
  // grpc.health.v1 has no generated classes in Debian's packages; its two messages are one field each, and an empty
  // request asks for the server as a whole. The reply's field 1 is the status, SERVING = 1.
  grpc::GenericStub stub(impl_->channel);
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

Result<RouterReport> RouterClient::ReadReport() {
  grpc::ClientContext context;
  SetDeadline(context);
  v1::RouterStatus status;
  if (Status read = ToStatus(impl_->admin->Status(&context, v1::Empty(), &status)); !read.ok()) return read.error();
  return ReadStatus(status);
}

Status RouterClient::BeginPhase(const std::string& phase) {
  grpc::ClientContext context;
  SetDeadline(context);
  v1::BeginPhaseRequest request;
  request.set_phase(phase);
  v1::Empty reply;
  return ToStatus(impl_->admin->BeginPhase(&context, request, &reply));
}

std::vector<ReportAnswer> ReadReports(std::span<RouterClient* const> clients, std::vector<RouterReport>& reports) {
  std::vector<v1::RouterStatus> statuses;
  const std::vector<ReportAnswer> answers =
      AskAll(clients, kDeadline, statuses, [&](std::size_t i, auto& asked, auto done) {
        clients[i]->impl_->admin->async()->Status(&asked.contexts[i], &asked.request, &asked.replies[i],
                                                  std::move(done));
      });
  reports.clear();
  for (const v1::RouterStatus& status : statuses) reports.push_back(ReadStatus(status));
  return answers;
}

std::vector<bool> ReadPositions(std::span<RouterClient* const> clients, std::vector<v1::SyncPositions>& positions) {
  std::vector<bool> answered;
  for (const ReportAnswer& answer :
       AskAll(clients, kPositionsDeadline, positions, [&](std::size_t i, auto&asked, auto done) {
         clients[i]->impl_->admin->async()->Positions(&asked.contexts[i], &asked.request, &asked.replies[i],
                                                      std::move(done));
       }))
    answered.push_back(answer.answered);
  return answered;
}

class WorkerPulse::Impl {
 public:
  explicit Impl(const std::string& address)
      : stub_(v1::Worker::NewStub(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()))) {}
  ~Impl() {
    if (asked_ != nullptr) asked_->context.TryCancel();
  }

  void Beat() {
    if (asked_ != nullptr && asked_->under_way) return;
    asked_ = std::make_shared<Question>();
    SetDeadline(asked_->context);
    stub_->async()->Status(&asked_->context, &asked_->request, &asked_->reply,
                           [asked = asked_, told = told_](const grpc::Status& status) {
                             if (status.ok()) *told = std::chrono::steady_clock::now();
                             asked->under_way = false;
                           });
  }

  std::chrono::steady_clock::time_point heard() const { return *told_; }

 private:
  // Shared with the answer, as above.
  struct Question {
    grpc::ClientContext context;
    v1::Empty request;
    v1::WorkerStatus reply;
    std::atomic<bool> under_way = true;
  };
  const std::unique_ptr<v1::Worker::Stub> stub_;
  std::shared_ptr<Question> asked_;
  const std::shared_ptr<std::atomic<std::chrono::steady_clock::time_point>> told_ =
      std::make_shared<std::atomic<std::chrono::steady_clock::time_point>>(std::chrono::steady_clock::now());
};

WorkerPulse::WorkerPulse(const std::string& address) : impl_(std::make_unique<Impl>(address)) {}
WorkerPulse::~WorkerPulse() = default;
void WorkerPulse::Beat() { impl_->Beat(); }
std::chrono::steady_clock::time_point WorkerPulse::heard() const { return impl_->heard(); }

Status ReadWorkerStatus(const std::string& address, v1::WorkerStatus& status) {
  auto stub = v1::Worker::NewStub(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  SetDeadline(context);
  return ToStatus(stub->Status(&context, v1::Empty(), &status));
}

}  // namespace prefixmesh::bench
