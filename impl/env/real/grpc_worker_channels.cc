#include "impl/env/real/grpc_worker_channels.h"

#include <grpcpp/grpcpp.h>
#include <grpcpp/resource_quota.h>

#include <atomic>
#include <unordered_set>
#include <utility>
#include <vector>

#include "impl/base/mutex.h"
#include "impl/env/real/real_env.h"
#include "impl/wire/prefixmesh.grpc.pb.h"

namespace prefixmesh {
namespace {

// What gRPC may hold of one worker's replies: it takes a message whole before it compares its size with the limit.
constexpr std::size_t kReceivedBytesMax = 64u << 20;

// Adds what the thread uses meanwhile. Of one within another only the outer one counts.
class CpuTimer {
 public:
  explicit CpuTimer(std::atomic<Time::rep>& sum) : sum_(depth_++ == 0 ? &sum : nullptr), began_(ThreadCpuNow()) {}
  ~CpuTimer() {
    --depth_;
    if (sum_ != nullptr) sum_->fetch_add((ThreadCpuNow() - began_).count(), std::memory_order_relaxed);
  }
  CpuTimer(const CpuTimer&) = delete;
  CpuTimer& operator=(const CpuTimer&) = delete;

 private:
  static thread_local int depth_;
  std::atomic<Time::rep>* const sum_;
  const Time began_;
};
thread_local int CpuTimer::depth_ = 0;

class WorkerChannels final : public GrpcWorkerChannels {
 public:
  WorkerChannels(std::string router, Time timeout) : router_(std::move(router)), timeout_(timeout) {}
  ~WorkerChannels() override { End(); }

  void Add(WorkerIndex worker, const std::string& address) override;
  const std::shared_ptr<grpc::Channel>& channel(WorkerIndex worker) const override {
    return channels_.at(worker.value);
  }
  void CheckHealth(WorkerIndex worker, Incarnation registered, Answer answer) override;
  Checks checks() const override {
    return {sent_.load(std::memory_order_relaxed), Time(asking_ns_.load(std::memory_order_relaxed)),
            Time(answered_ns_.load(std::memory_order_relaxed))};
  }
  void Stop() override { End(); }

 private:
  struct Check {
    grpc::ClientContext context;
    v1::HelloRequest request;
    v1::HelloReply reply;
  };
  void TakeReply(const Check& check, const grpc::Status& status, const Answer& answer);
  void End();

  const std::string router_;
  const Time timeout_;
  std::vector<std::shared_ptr<grpc::Channel>> channels_, check_channels_;
  std::atomic<std::uint64_t> sent_{0};
  std::atomic<Time::rep> asking_ns_{0}, answered_ns_{0};

  Mutex mutex_;
  CondVar changed_;
  bool stopping_ PREFIXMESH_GUARDED_BY(mutex_) = false;
  std::unordered_set<Check*> under_way_ PREFIXMESH_GUARDED_BY(mutex_);  // each owned by its callback
};

void WorkerChannels::Add(WorkerIndex worker, const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(1 << 20);
  arguments.SetInt(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);  // nothing is inflated for a worker
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  grpc::ResourceQuota quota("worker");
  arguments.SetResourceQuota(quota.Resize(kReceivedBytesMax));
  if (channels_.size() <= worker.value) {
    channels_.resize(worker.value + std::size_t{1});
    check_channels_.resize(worker.value + std::size_t{1});
  }
  channels_[worker.value] = grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // does not share the other's connection
  check_channels_[worker.value] = grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

void WorkerChannels::CheckHealth(WorkerIndex worker, Incarnation registered, Answer answer) {
  const CpuTimer timer(asking_ns_);
  sent_.fetch_add(1, std::memory_order_relaxed);
  auto check = std::make_shared<Check>();
  check->request.set_router(router_);
  check->request.set_registered_incarnation(registered.value);
  check->context.set_deadline(std::chrono::system_clock::now() + timeout_);
  bool stopping = false;
  {
    MutexLock lock(mutex_);
    stopping = stopping_;
    if (!stopping) under_way_.insert(check.get());
  }
  if (stopping) return answer(Error{ErrorCode::kUnavailable, "this router ends"});
  v1::Worker::Stub stub(check_channels_.at(worker.value));
  stub.async()->Hello(&check->context, &check->request, &check->reply,
                      [this, check, answer = std::move(answer)](const grpc::Status& status) {
                        TakeReply(*check, status, answer);
                        MutexLock lock(mutex_);  // as the last: then Stop may return, and this may be gone
                        under_way_.erase(check.get());
                        changed_.NotifyAll();
                      });
}

void WorkerChannels::TakeReply(const Check& check, const grpc::Status& status, const Answer& answer) {
  const CpuTimer timer(answered_ns_);
  if (!status.ok()) return answer(Error{ErrorCode::kUnavailable, status.error_message()});
  HealthReply reply{Incarnation{check.reply.incarnation()}, {}, check.reply.slots(), check.reply.requests()};
  reply.models.assign(check.reply.models().begin(), check.reply.models().end());
  answer(std::move(reply));
}

void WorkerChannels::End() {
  MutexLock lock(mutex_);
  stopping_ = true;
  for (Check* check : under_way_) check->context.TryCancel();
  while (!under_way_.empty()) changed_.Wait(mutex_);
}

}  // namespace

std::unique_ptr<GrpcWorkerChannels> GrpcWorkerChannels::Make(std::string router, Time timeout) {
  return std::make_unique<WorkerChannels>(std::move(router), timeout);
}

}  // namespace prefixmesh
