#include "impl/env/real/grpc_kv_source.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "impl/base/mutex.h"
#include "impl/kvevents/wire/kv_message.h"
#include "impl/wire/prefixmesh.grpc.pb.h"

namespace prefixmesh {
namespace {

constexpr Time kRedialMin = std::chrono::milliseconds(250), kRedialMax = std::chrono::seconds(4);
constexpr auto kAnswerWithin = std::chrono::seconds(30);

template <typename Messages>
Result<std::vector<kvevents::KvEvent>> ReadEvents(const Messages& messages) {
  std::vector<kvevents::KvEvent> events;
  events.reserve(static_cast<std::size_t>(messages.size()));
  for (const v1::KvEvent& message : messages) {
    Result<kvevents::KvEvent> event = kvevents::ReadMessage(message);
    if (!event.ok()) return event.error();
    events.push_back(std::move(*event));
  }
  return events;
}

class Source;

// A stream of live events. gRPC keeps it until the hold is gone, which is when no read will be started any more.
class LiveCall final : public grpc::ClientReadReactor<v1::KvLive> {
 public:
  LiveCall(Source& source, WorkerIndex worker) : source_(source), worker_(worker) {}
  void Start(v1::Worker::Stub& stub, const std::string& router, std::uint64_t hash_key) {
    request_.set_router(router);
    request_.set_hash_key(hash_key);
    stub.async()->KvEvents(&context_, &request_, this);
    AddHold();
    StartRead(&message_);
    StartCall();
  }
  void OnReadDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

  WorkerIndex worker() const { return worker_; }
  grpc::ClientContext& context() { return context_; }
  v1::KvLive& message() { return message_; }

  bool reading = true, held = true;  // under the source's lock; the side that makes `held` false removes the hold
  bool opened = false;               // the loop's
  std::string why;                   // it was ended; the loop's

 private:
  Source& source_;
  const WorkerIndex worker_;
  grpc::ClientContext context_;
  v1::KvSubscribe request_;
  v1::KvLive message_;
};

// A question and its answer, put together of its parts.
class QueryCall final : public grpc::ClientReadReactor<v1::KvAnswer> {
 public:
  QueryCall(Source& source, WorkerIndex worker, std::uint64_t ticket)
      : source_(source), worker_(worker), ticket_(ticket) {}
  void Start(v1::Worker::Stub& stub, std::uint32_t rank, std::optional<std::uint64_t> start, std::uint64_t hash_key) {
    request_.set_rank(rank);
    if (start) request_.set_start(*start);
    request_.set_hash_key(hash_key);
    context_.set_deadline(std::chrono::system_clock::now() + kAnswerWithin);
    stub.async()->KvQuery(&context_, &request_, this);
    StartRead(&part_);
    StartCall();
  }
  void OnReadDone(bool ok) override {
    if (!ok || whole_) return;
    if (!Take()) {
      broken_ = true;
      return context_.TryCancel();
    }
    StartRead(&part_);
  }
  void OnDone(const grpc::Status& status) override;

  WorkerIndex worker() const { return worker_; }
  std::uint64_t ticket() const { return ticket_; }
  grpc::ClientContext& context() { return context_; }
  std::uint32_t rank() const { return rank_; }
  std::uint64_t generation() const { return generation_; }
  std::size_t bytes() const { return bytes_; }
  kvevents::Received Received() {
    if (!whole_ || broken_) return kvevents::NoAnswer{};
    switch (kind_) {
      case v1::KV_ANSWER_EVENTS:
        return kvevents::Events{std::move(events_), last_};
      case v1::KV_ANSWER_TREE_DUMP:
        return kvevents::Dump{std::move(events_), last_, empty_};
      case v1::KV_ANSWER_TOO_NEW:
        return kvevents::TooNew{request_.start(), request_.start(), last_};
      case v1::KV_ANSWER_INVALID_RANGE:
        return kvevents::InvalidRange{request_.start(), request_.end()};
      case v1::KV_ANSWER_TREE_DUMP_FAILED:
        return kvevents::DumpFailed{};
      default:
        return kvevents::NoAnswer{};
    }
  }

 private:
  // False: it is none.
  bool Take() {
    if (!first_taken_) {
      kind_ = part_.kind();
      generation_ = part_.generation();
      rank_ = part_.rank();
      last_ = part_.last();
      empty_ = part_.empty();
      first_taken_ = true;
      if (rank_ != request_.rank()) return false;
    }
    Result<std::vector<kvevents::KvEvent>> events = ReadEvents(part_.events());
    if (!events.ok()) return false;
    for (kvevents::KvEvent& event : *events) {
      bytes_ += kvevents::BytesOf(event);
      if (bytes_ > kvevents::kAnswerBytesMax) return false;
      if (kind_ == v1::KV_ANSWER_TREE_DUMP && event.kind != kvevents::EventKind::kStored) return false;
      events_.push_back(std::move(event));
    }
    whole_ = part_.whole();
    return true;
  }

  Source& source_;
  const WorkerIndex worker_;
  const std::uint64_t ticket_;
  grpc::ClientContext context_;
  v1::KvQueryRequest request_;
  v1::KvAnswer part_;
  bool first_taken_ = false, whole_ = false, broken_ = false, empty_ = false;
  v1::KvAnswerKind kind_ = v1::KV_ANSWER_UNKNOWN;
  std::uint64_t generation_ = 0, last_ = 0;
  std::uint32_t rank_ = 0;
  std::size_t bytes_ = 0;
  std::vector<kvevents::KvEvent> events_;
};

class Source final : public kvevents::KvSource {
 public:
  Source(std::string router, std::uint64_t hash_key, GrpcWorkerChannels& channels, Clock& clock, Executor& loop)
      : router_(std::move(router)), hash_key_(hash_key), channels_(channels), clock_(clock), loop_(loop) {}
  ~Source() override { Stop(); }

  void Listen(WorkerIndex worker, kvevents::KvSourceSink& sink) override {
    sink_ = &sink;
    Open(worker);
  }

  void Query(WorkerIndex worker, std::uint32_t rank, std::uint64_t ticket,
             std::optional<std::uint64_t> start) override {
    waiting_.push_back({worker, rank, ticket, start});
    AskNext();
  }

  void Stop() override {
    std::vector<std::shared_ptr<LiveCall>> idle;
    {
      MutexLock lock(mutex_);
      if (!stopping_) {
        stopping_ = true;
        for (const auto& call : live_) {
          call->context().TryCancel();
          if (!call->reading && std::exchange(call->held, false)) idle.push_back(call);
        }
        for (const auto& call : queries_) call->context().TryCancel();
      }
    }
    for (const auto& call : idle) call->RemoveHold();
    idle.clear();
    MutexLock lock(mutex_);
    while (!live_.empty() || !queries_.empty()) changed_.Wait(mutex_);
  }

  // gRPC's threads.
  void Read(LiveCall& call, bool ok) {
    std::shared_ptr<LiveCall> kept;
    bool over = false;
    {
      MutexLock lock(mutex_);
      call.reading = false;
      if (ok && !stopping_) kept = Find(live_, &call);
      over = kept == nullptr && std::exchange(call.held, false);
    }
    if (over) return call.RemoveHold();
    if (kept != nullptr) loop_.Post([this, kept] { Heard(*kept, kept); });
  }
  void Ended(LiveCall& call, const grpc::Status& status) {
    const std::shared_ptr<LiveCall> kept = Drop(live_, &call);
    if (kept == nullptr) return;
    loop_.Post([this, kept, message = status.error_message()] { Closed(*kept, message); });
  }
  void Answered(QueryCall& call) {
    const std::shared_ptr<QueryCall> kept = Drop(queries_, &call);
    if (kept == nullptr) return;
    loop_.Post([this, kept] {
      if (stopping()) return;
      const std::size_t bytes = kept->bytes();
      untaken_bytes_ += bytes;
      sink_->OnAnswer(kept->ticket(), kept->worker(), kept->rank(), kept->generation(), kept->Received(),
                      [this, bytes] {
                        untaken_bytes_ -= bytes;
                        AskNext();
                      });
    });
  }

 private:
  template <typename Call>
  using Calls = std::set<std::shared_ptr<Call>>;

  bool stopping() const {
    MutexLock lock(mutex_);
    return stopping_;
  }
  template <typename Call>
  bool Keep(Calls<Call>& calls, const std::shared_ptr<Call>& call) {
    MutexLock lock(mutex_);
    if (stopping_) return false;
    calls.insert(call);
    return true;
  }
  template <typename Call>
  static std::shared_ptr<Call> Find(const Calls<Call>& calls, const Call* call) {
    const auto at = std::find_if(calls.begin(), calls.end(), [&](const auto& each) { return each.get() == call; });
    return at != calls.end() ? *at : nullptr;
  }
  // The call, unless all is over: then Stop may return, and this may be gone.
  template <typename Call>
  std::shared_ptr<Call> Drop(Calls<Call>& calls, const Call* call) {
    std::shared_ptr<Call> kept;
    MutexLock lock(mutex_);
    kept = Find(calls, call);
    calls.erase(kept);
    changed_.NotifyAll();
    return stopping_ ? nullptr : kept;
  }

  // The loop's. While much of what was answered is not taken nobody else is asked.
  void AskNext() {
    constexpr std::size_t kUntakenBytesMax = 32u << 20;
    while (!waiting_.empty() && untaken_bytes_ < kUntakenBytesMax) {
      const Question question = waiting_.front();
      waiting_.pop_front();
      auto call = std::make_shared<QueryCall>(*this, question.worker, question.ticket);
      if (!Keep(queries_, call)) return;
      v1::Worker::Stub stub(channels_.channel(question.worker));
      call->Start(stub, question.rank, question.start, hash_key_);
    }
  }
  void Open(WorkerIndex worker) {
    auto call = std::make_shared<LiveCall>(*this, worker);
    if (!Keep(live_, call)) return;
    v1::Worker::Stub stub(channels_.channel(worker));
    call->Start(stub, router_, hash_key_);
  }
  void Heard(LiveCall& call, const std::shared_ptr<LiveCall>& kept) {
    if (stopping()) return;
    const v1::KvLive& message = call.message();
    Result<std::vector<kvevents::KvEvent>> events = ReadEvents(message.events());
    if (!events.ok() || message.generation() == 0 || message.rank() != 0) {
      call.why = !events.ok()                ? events.error().message
                 : message.generation() == 0 ? "its numbers have no generation"
                                             : "it told of another rank than it was asked for";
      call.context().TryCancel();
      return ReadOn(kept);  // to hear its end
    }
    redial_after_[call.worker()] = kRedialMin;
    if (!std::exchange(call.opened, true)) sink_->OnOpen(call.worker(), 0, message.generation(), message.newest());
    if (events->empty()) return ReadOn(kept);
    sink_->OnLive(call.worker(), 0, message.generation(), std::move(*events), [this, kept] { ReadOn(kept); });
  }
  void ReadOn(const std::shared_ptr<LiveCall>& call) {
    {
      MutexLock lock(mutex_);
      if (stopping_) return;  // Stop took the hold
      call->reading = true;
    }
    call->StartRead(&call->message());
  }
  void Closed(const LiveCall& call, const std::string& message) {
    if (stopping()) return;
    const WorkerIndex worker = call.worker();
    sink_->OnClosed(worker, 0, call.why.empty() ? message : call.why);
    Time& after = redial_after_.try_emplace(worker, kRedialMin).first->second;
    loop_.PostAt(clock_.Now() + after, [this, worker] {
      if (!stopping()) Open(worker);
    });
    after = std::min(2 * after, kRedialMax);
  }

  const std::string router_;
  const std::uint64_t hash_key_;
  GrpcWorkerChannels& channels_;
  Clock& clock_;
  Executor& loop_;
  kvevents::KvSourceSink* sink_ = nullptr;
  std::map<WorkerIndex, Time> redial_after_;
  struct Question {
    WorkerIndex worker;
    std::uint32_t rank = 0;
    std::uint64_t ticket = 0;
    std::optional<std::uint64_t> start;
  };
  std::deque<Question> waiting_;  // at most kAsksMax
  std::size_t untaken_bytes_ = 0;

  mutable Mutex mutex_;
  CondVar changed_;
  bool stopping_ PREFIXMESH_GUARDED_BY(mutex_) = false;
  Calls<LiveCall> live_ PREFIXMESH_GUARDED_BY(mutex_);
  Calls<QueryCall> queries_ PREFIXMESH_GUARDED_BY(mutex_);
};

void LiveCall::OnReadDone(bool ok) { source_.Read(*this, ok); }
void LiveCall::OnDone(const grpc::Status& status) { source_.Ended(*this, status); }
void QueryCall::OnDone(const grpc::Status&) { source_.Answered(*this); }

}  // namespace

std::unique_ptr<kvevents::KvSource> MakeGrpcKvSource(std::string router, std::uint64_t hash_key,
                                                     GrpcWorkerChannels& channels, Clock& clock, Executor& loop) {
  return std::make_unique<Source>(std::move(router), hash_key, channels, clock, loop);
}

}  // namespace prefixmesh
