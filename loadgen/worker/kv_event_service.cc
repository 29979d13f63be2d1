#include "loadgen/worker/kv_event_service.h"

#include <algorithm>
#include <utility>

#include "impl/kvevents/wire/kv_message.h"
#include "loadgen/worker/refused_call.h"

namespace prefixmesh::load {
namespace {

constexpr std::size_t kBlocksInMessage = 1u << 14;  // and those of the event that reaches it

// Messages that are all there, one after the other.
class AnswerCall final : public grpc::ServerWriteReactor<v1::KvAnswer> {
 public:
  AnswerCall(std::vector<v1::KvAnswer> parts, std::atomic<std::size_t>& under_way)
      : parts_(std::move(parts)), under_way_(under_way) {
    WriteNext();
  }
  void OnWriteDone(bool ok) override {
    if (!ok) return Finish(grpc::Status(grpc::StatusCode::CANCELLED, "the stream broke"));
    ++next_;
    WriteNext();
  }
  void OnDone() override {
    --under_way_;
    delete this;
  }

 private:
  void WriteNext() {
    if (next_ == parts_.size()) return Finish(grpc::Status::OK);
    StartWrite(&parts_[next_]);
  }
  std::vector<v1::KvAnswer> parts_;
  std::size_t next_ = 0;
  std::atomic<std::size_t>& under_way_;
};

std::vector<v1::KvAnswer> PartsOf(std::uint64_t generation, v1::KvAnswer first,
                                  const std::vector<kvevents::KvEvent>& events) {
  std::vector<v1::KvAnswer> parts;
  first.set_generation(generation);
  parts.push_back(std::move(first));
  std::size_t blocks = 0;
  for (const kvevents::KvEvent& event : events) {
    if (blocks > kBlocksInMessage) {
      parts.emplace_back();
      blocks = 0;
    }
    blocks += event.blocks.size() + 1;
    kvevents::WriteMessage(event, *parts.back().add_events());
  }
  parts.back().set_whole(true);
  return parts;
}

}  // namespace

// One listener. At most one write is under way; new events are taken when it ends. Writes begin with no lock held,
// because gRPC may run a reaction on the calling thread.
class EventStream final : public grpc::ServerWriteReactor<v1::KvLive> {
 public:
  EventStream(KvEventService& service, WorkerEngine& engine, std::size_t worker)
      : service_(service), engine_(engine), worker_(worker) {}

  // The first message has no event: it says that they are told from here on, and whose numbers they are.
  void Begin() {
    {
      MutexLock lock(mutex_);
      const WorkerEngine::NewEvents now = engine_.EventsAfter(worker_, UINT64_MAX, 0);
      last_ = now.newest;
      message_.set_generation(now.generation);
      message_.set_newest(now.newest);
    }
    StartWrite(&message_);
  }
  // As if the listener had left.
  void Part() { OnCancel(); }

  void Wake() {
    if (Take()) StartWrite(&message_);
  }

  void OnWriteDone(bool ok) override {
    bool over = false;
    {
      MutexLock lock(mutex_);
      busy_ = false;
      cancelled_ = cancelled_ || !ok;
      over = cancelled_;
    }
    over ? End() : Wake();
  }
  void OnCancel() override {
    {
      MutexLock lock(mutex_);
      cancelled_ = true;
      if (busy_) return;  // the write's end is heard
    }
    End();
  }
  void OnDone() override { service_.Ended(this); }

 private:
  bool Take() {
    MutexLock lock(mutex_);
    if (busy_ || cancelled_) return false;
    const WorkerEngine::NewEvents news = engine_.EventsAfter(worker_, last_, KvEventService::kEventsInMessage);
    if (news.events.empty()) return false;
    message_.Clear();
    message_.set_generation(news.generation);
    message_.set_newest(news.newest);
    std::size_t blocks = 0;
    for (const kvevents::KvEvent& event : news.events) {
      if (blocks > kBlocksInMessage) break;
      blocks += event.blocks.size();
      kvevents::WriteMessage(event, *message_.add_events());
      last_ = event.id;
    }
    busy_ = true;
    return true;
  }
  void End() {
    {
      MutexLock lock(mutex_);
      if (std::exchange(finished_, true)) return;
    }
    Finish(grpc::Status(grpc::StatusCode::CANCELLED, "nobody listens any more"));
  }

  KvEventService& service_;
  WorkerEngine& engine_;
  const std::size_t worker_;
  v1::KvLive message_;  // of the write under way
  Mutex mutex_;
  std::uint64_t last_ PREFIXMESH_GUARDED_BY(mutex_) = 0;
  bool busy_ PREFIXMESH_GUARDED_BY(mutex_) = true;  // until Begin has
  bool cancelled_ PREFIXMESH_GUARDED_BY(mutex_) = false;
  bool finished_ PREFIXMESH_GUARDED_BY(mutex_) = false;
};

grpc::Status KvEventService::Check(std::uint32_t rank, std::uint64_t hash_key) const {
  if (!engine_.keeps_events()) return {grpc::StatusCode::UNIMPLEMENTED, "this worker keeps no KV events"};
  if (rank != 0) return {grpc::StatusCode::NOT_FOUND, "this worker has rank 0 alone"};
  if (hash_key != hash_key_)
    return {grpc::StatusCode::FAILED_PRECONDITION,
            "this worker names blocks by another hash: block size or --hash-seed differ"};
  return grpc::Status::OK;
}

grpc::ServerWriteReactor<v1::KvLive>* KvEventService::Listen(const v1::KvSubscribe& request) {
  if (const grpc::Status checked = Check(request.rank(), request.hash_key()); !checked.ok())
    return new RefusedCall<v1::KvLive>(checked);
  auto stream = std::make_shared<EventStream>(*this, engine_, worker_);
  bool full = false;
  {
    MutexLock lock(mutex_);
    if (ending_) return new RefusedCall<v1::KvLive>({grpc::StatusCode::UNAVAILABLE, "this worker ends"});
    full = streams_.size() >= kListenersMax;
    if (!full) streams_.push_back(stream);
  }
  if (full) return new RefusedCall<v1::KvLive>({grpc::StatusCode::RESOURCE_EXHAUSTED, "too many listen already"});
  stream->Begin();
  return stream.get();
}

grpc::ServerWriteReactor<v1::KvAnswer>* KvEventService::Query(const v1::KvQueryRequest& request) {
  if (const grpc::Status checked = Check(request.rank(), request.hash_key()); !checked.ok())
    return new RefusedCall<v1::KvAnswer>(checked);
  if (queries_.fetch_add(1) >= kQueriesMax) {
    --queries_;
    return new RefusedCall<v1::KvAnswer>({grpc::StatusCode::RESOURCE_EXHAUSTED, "too many ask already"});
  }
  const auto given = [](bool is, std::uint64_t value) {
    return is ? std::optional<std::uint64_t>(value) : std::nullopt;
  };
  WorkerEngine::AnsweredRange answered = engine_.QueryEvents(worker_, given(request.has_start(), request.start()),
                                                             given(request.has_end(), request.end()));
  v1::KvAnswer first;
  const std::vector<kvevents::KvEvent>* events = &answered.dump;
  if (const auto* range = std::get_if<kvevents::Events>(&answered.answer)) {
    first.set_kind(v1::KV_ANSWER_EVENTS);
    first.set_last(range->last);
    events = &range->events;
  } else if (const auto* dump = std::get_if<kvevents::TreeDump>(&answered.answer)) {
    first.set_kind(v1::KV_ANSWER_TREE_DUMP);
    first.set_last(dump->last);
    first.set_empty(dump->empty);
  } else if (const auto* too_new = std::get_if<kvevents::TooNew>(&answered.answer)) {
    first.set_kind(v1::KV_ANSWER_TOO_NEW);
    first.set_last(too_new->newest);
  } else {
    first.set_kind(v1::KV_ANSWER_INVALID_RANGE);
  }
  return new AnswerCall(PartsOf(answered.generation, std::move(first), *events), queries_);
}

void KvEventService::Wake() {
  std::vector<std::shared_ptr<EventStream>> streams;
  {
    MutexLock lock(mutex_);
    streams = streams_;
  }
  for (const auto& stream : streams) stream->Wake();
}

void KvEventService::EndAll() {
  std::vector<std::shared_ptr<EventStream>> streams;
  {
    MutexLock lock(mutex_);
    ending_ = true;
    streams = streams_;
  }
  for (const auto& stream : streams) stream->Part();
}

void KvEventService::BeginAgain() {
  MutexLock lock(mutex_);
  ending_ = false;
}

void KvEventService::Ended(const EventStream* stream) {
  std::shared_ptr<EventStream> last;  // it goes without the lock
  MutexLock lock(mutex_);
  const auto at =
      std::find_if(streams_.begin(), streams_.end(), [&](const auto& each) { return each.get() == stream; });
  if (at == streams_.end()) return;
  last = std::move(*at);
  streams_.erase(at);
}

}  // namespace prefixmesh::load
