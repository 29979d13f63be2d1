#include "loadgen/drive/driver.h"

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <thread>

#include "impl/base/check.h"
#include "impl/base/mutex.h"
#include "loadgen/clock/process.h"
#include "loadgen/drive/channels.h"
#include "loadgen/drive/pacer.h"
#include "loadgen/drive/wire.h"

namespace prefixmesh::load {
namespace {

constexpr char kGenerate[] = "/prefixmesh.v1.Router/Generate";
// To a router with --control: tell at once which worker was chosen. It does in the other, a Routed message.
constexpr char kAnnounceKey[] = "prefixmesh-announce";
constexpr char kPlacedKey[] = "prefixmesh-placed-bin";

class RealPace final : public Pace {
 public:
  Time Now() override { return clock_.Now(); }
  void SleepUntil(Time when) override { load::SleepUntil(when); }

 private:
  RealClock clock_;
};

class Call;

// What a call needs of its driver.
class CallOwner {
 public:
  virtual ~CallOwner() = default;
  virtual Time SinceEpoch() const = 0;
  virtual std::uint16_t WorkerNumber(const std::string& name) = 0;
  virtual void Placed(std::size_t index, const v1::Routed& routed, Time at) = 0;
  virtual void Ended(Call* call, const grpc::Status& status) = 0;
};

// One request: a stream with a single message out and up to three in. The owner keeps it until Ended.
class Call final : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  Call(CallOwner& owner, std::size_t index, grpc::ByteBuffer body)
      : owner_(owner), index_(index), body_(std::move(body)) {
    context_.set_initial_metadata_corked(true);  // headers and body leave in one batch
  }

  grpc::ClientContext& context() { return context_; }
  RequestRecord& record() { return record_; }
  std::size_t index() const { return index_; }
  bool finished() const { return finished_; }

  void Go() {
    StartWriteLast(&body_, {});
    StartRead(&reply_);
    StartCall();
  }

  void OnReadInitialMetadataDone(bool ok) override {
    if (!ok) return;
    const auto& metadata = context_.GetServerInitialMetadata();
    const auto placed = metadata.find(kPlacedKey);
    v1::Routed routed;
    if (placed == metadata.end() ||
        !routed.ParseFromArray(placed->second.data(), static_cast<int>(placed->second.size())))
      return;
    owner_.Placed(index_, routed, owner_.SinceEpoch());
  }

  void OnReadDone(bool ok) override {
    if (!ok) return;  // the end of the stream; OnDone follows
    const Time now = owner_.SinceEpoch();
    v1::GenerateReply reply;
    if (!ParseMessage(reply_, reply)) {
      context_.TryCancel();
    } else if (reply.has_routed()) {
      record_.routed_ns = now.count();  // with the worker's first message; Placed came when it was chosen
      record_.worker = owner_.WorkerNumber(reply.routed().worker());
      record_.reason = static_cast<std::uint8_t>(reply.routed().reason());
      record_.inserted = reply.routed().inserted();
      record_.matched_bytes = static_cast<std::uint32_t>(reply.routed().matched_bytes());
    } else if (reply.has_first_token()) {
      record_.first_token_ns = now.count();
      record_.worker_incarnation = reply.first_token().worker_incarnation();
      record_.prompt_bytes = static_cast<std::uint32_t>(reply.first_token().prompt_bytes());
      record_.cached_bytes = static_cast<std::uint32_t>(reply.first_token().cached_bytes());
    } else if (reply.has_finished()) {
      finished_ = true;
    }
    reply_.Clear();
    StartRead(&reply_);
  }

  void OnDone(const grpc::Status& status) override { owner_.Ended(this, status); }

 private:
  CallOwner& owner_;
  const std::size_t index_;
  grpc::ClientContext context_;
  grpc::ByteBuffer body_, reply_;
  RequestRecord record_;
  bool finished_ = false;
};

class GrpcDriver final : public Driver, public CallOwner {
 public:
  GrpcDriver(const Plan& plan, const Settings& settings, std::vector<RouterAddress> routers, RequestLog& log,
             const std::vector<std::shared_ptr<grpc::Channel>>& channels)
      : plan_(plan),
        timeout_(static_cast<std::int64_t>(settings.load.timeout_s * 1e9)),
        routers_(std::move(routers)),
        log_(log),
        sends_(static_cast<std::int64_t>(settings.trust.late_ms * 1e6)) {
    for (const auto& channel : channels) stubs_.push_back(std::make_unique<grpc::GenericStub>(channel));
  }

  ~GrpcDriver() override {
    if (pacing_.joinable()) pacing_.join();
    CancelAll();
    WaitDone(Time::max());
  }

  void SetListener(PlacedListener* listener) override { listener_ = listener; }

  void Start(Time epoch) override {
    epoch_ = epoch;
    started_ = true;
    pacing_ = std::thread([this] { RunPacingThread(); });
  }

  bool WaitDone(Time deadline) override {
    MutexLock lock(reply_mutex_);
    while (started_ && !(pacing_ended_ && calls_.empty())) {
      const Time left = deadline == Time::max() ? Time(std::chrono::hours(1)) : deadline - clock_.Now();
      if (left.count() <= 0) return false;
      changed_.WaitUntil(reply_mutex_, std::chrono::steady_clock::now() + left);
    }
    return true;
  }

  void CancelAll() override {
    std::vector<std::shared_ptr<Call>> calls;
    {
      MutexLock lock(reply_mutex_);
      for (const auto& [key, call] : calls_) calls.push_back(call);
    }
    for (const auto& call : calls) call->context().TryCancel();  // unlocked: it may run reactions on this thread
  }

  DriverProgress Progress(std::size_t second) const override {
    DriverProgress progress;
    {
      MutexLock lock(send_mutex_);
      progress.sent = sends_.sent_all();
      progress.dropped = sends_.dropped() + sends_.dropped_warmup();
      const std::vector<SendSecond> rows = sends_.Seconds();
      if (second < rows.size()) progress.send = rows[second];
    }
    MutexLock lock(reply_mutex_);
    progress.ok = replies_.ok_all();
    progress.failed = replies_.failed_all();
    progress.in_flight = progress.sent - std::min(progress.sent, replies_.done_all());
    if (second < replies_.seconds().size()) progress.reply = replies_.seconds()[second];
    return progress;
  }

  std::vector<DriverFailure> TakeFailures() override {
    MutexLock lock(reply_mutex_);
    std::vector<DriverFailure> rows;
    for (auto& [key, failure] : failures_) rows.push_back(std::move(failure));
    failures_.clear();
    return rows;
  }

  SendRecorder Sends() const override {
    MutexLock lock(send_mutex_);
    return sends_;
  }
  ReplyRecorder Replies() const override {
    MutexLock lock(reply_mutex_);
    return replies_;
  }
  std::vector<std::string> WorkerNames() const override {
    MutexLock lock(reply_mutex_);
    return worker_names_;
  }

 private:
  void RunPacingThread() {
    UseMinimalTimerSlack();
    PreferThisThread();
    RealPace pace;
    const std::span<const PlannedRequest> requests = plan_.requests();
    std::shared_ptr<Call> next;
    Slices prompt;
    const auto prepare = [&](std::size_t index) {
      const PlannedRequest& request = requests[index];
      plan_.Prompt(request, prompt);
      next = std::make_shared<Call>(
          *this, index, GenerateBody(plan_.models()[request.model], plan_.kind(), RequestId(index), prompt));
      // The deadline counts from the planned send, which is the real one unless the generator is late.
      const Time until = epoch_ + Time(request.intended_ns) - clock_.Now() + timeout_;
      next->context().set_deadline(std::chrono::system_clock::now() + std::max(until, timeout_));
      next->context().set_wait_for_ready(routers_[request.router].late);
      if (listener_ != nullptr && listener_->Samples(index)) next->context().AddMetadata(kAnnounceKey, "1");
      stubs_[request.router]->PrepareBidiStreamingCall(&next->context(), kGenerate, {}, next.get());
      MutexLock lock(reply_mutex_);
      calls_.emplace(next.get(), next);
    };
    const auto send = [&](const PacedSend& paced) {
      const PlannedRequest& request = requests[paced.index];
      RequestRecord& record = next->record();
      record.intended_ns = request.intended_ns;
      record.sent_ns = paced.now.count();
      record.router = request.router;
      record.phase = static_cast<std::uint8_t>(request.phase);
      record.prompt_bytes = request.prompt_bytes;
      next->Go();
      next.reset();
      MutexLock lock(send_mutex_);
      sends_.OnSent(request.phase, request.intended_ns, paced.woke.count(), paced.now.count());
    };
    const std::size_t dropped_from = RunPacing(requests, epoch_, plan_.load_end(), pace, prepare, send);
    if (next != nullptr) {  // prepared but too late to send: gRPC ends a prepared call only through its own OnDone
      {
        MutexLock lock(reply_mutex_);
        unsent_ = next.get();
      }
      next->context().TryCancel();
      next->Go();
    }
    {
      MutexLock lock(send_mutex_);
      for (std::size_t i = dropped_from; i < requests.size(); ++i) sends_.OnDropped(requests[i].phase, 1);
    }
    MutexLock lock(reply_mutex_);
    pacing_ended_ = true;
    changed_.NotifyAll();
  }

  Time SinceEpoch() const override { return clock_.Now() - epoch_; }

  std::uint16_t WorkerNumber(const std::string& name) override {
    MutexLock lock(reply_mutex_);
    const auto [found, added] = worker_numbers_.try_emplace(name, static_cast<std::uint16_t>(worker_names_.size()));
    if (added) {
      PREFIXMESH_CHECK(worker_names_.size() < kNoWorkerNumber);
      worker_names_.push_back(name);
    }
    return found->second;
  }

  void Placed(std::size_t index, const v1::Routed& routed, Time at) override {
    if (listener_ != nullptr) listener_->OnPlaced(index, routed.worker(), routed.inserted(), at);
  }

  void Ended(Call* ended, const grpc::Status& status) override {
    std::shared_ptr<Call> call;
    RequestRecord& record = ended->record();
    record.done_ns = SinceEpoch().count();
    record.status = static_cast<std::uint32_t>(status.error_code());
    const bool complete = status.ok() && ended->finished() && record.first_token_ns > 0 && record.routed_ns > 0;
    record.outcome = complete                                                     ? Outcome::kOk
                     : status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED ? Outcome::kTimeout
                                                                                  : Outcome::kFailed;
    bool unsent = false;
    {
      MutexLock lock(reply_mutex_);
      unsent = ended == unsent_;
    }
    if (!unsent) log_.Write(ended->index(), record);
    MutexLock lock(reply_mutex_);
    if (!unsent) {
      replies_.OnDone(record);
      if (!complete) NoteFailure(record, status);
    }
    call = std::move(calls_.at(ended));  // destroyed after the lock is given back
    calls_.erase(ended);
    if (calls_.empty()) changed_.NotifyAll();
  }

  void NoteFailure(const RequestRecord& record, const grpc::Status& status) PREFIXMESH_REQUIRES(reply_mutex_) {
    DriverFailure& failure = failures_[{record.router, static_cast<int>(status.error_code())}];
    if (failure.requests++ > 0) return;
    failure.router = routers_[record.router].name;
    failure.status = StatusName(record.status);
    failure.message = status.ok() ? "the reply ended before its last message" : status.error_message();
  }

  const Plan& plan_;
  const Time timeout_;
  const std::vector<RouterAddress> routers_;
  RequestLog& log_;
  const RealClock clock_;
  std::vector<std::unique_ptr<grpc::GenericStub>> stubs_;
  PlacedListener* listener_ = nullptr;
  Time epoch_{0};
  bool started_ = false;
  std::thread pacing_;

  mutable Mutex send_mutex_;  // taken by the pacing thread and, once a second, by the reader
  SendRecorder sends_ PREFIXMESH_GUARDED_BY(send_mutex_);

  mutable Mutex reply_mutex_;
  CondVar changed_;
  bool pacing_ended_ PREFIXMESH_GUARDED_BY(reply_mutex_) = false;
  Call* unsent_ PREFIXMESH_GUARDED_BY(reply_mutex_) = nullptr;
  std::map<Call*, std::shared_ptr<Call>> calls_ PREFIXMESH_GUARDED_BY(reply_mutex_);
  ReplyRecorder replies_ PREFIXMESH_GUARDED_BY(reply_mutex_);
  std::map<std::string, std::uint16_t> worker_numbers_ PREFIXMESH_GUARDED_BY(reply_mutex_);
  std::vector<std::string> worker_names_ PREFIXMESH_GUARDED_BY(reply_mutex_);
  std::map<std::pair<std::uint16_t, int>, DriverFailure> failures_ PREFIXMESH_GUARDED_BY(reply_mutex_);
};

}  // namespace

Result<std::unique_ptr<Driver>> Driver::Connect(const Plan& plan, const Settings& settings,
                                                const std::vector<RouterAddress>& routers, RequestLog& log,
                                                Time timeout) {
  if (routers.size() != settings.routers.count) {
    return Error{ErrorCode::kInvalid, "routers.count is " + std::to_string(settings.routers.count) + " but " +
                                          std::to_string(routers.size()) + " were given"};
  }
  const auto channels = ConnectRouters(routers, timeout);
  if (!channels.ok()) return channels.error();
  return std::unique_ptr<Driver>(std::make_unique<GrpcDriver>(plan, settings, routers, log, *channels));
}

}  // namespace prefixmesh::load
