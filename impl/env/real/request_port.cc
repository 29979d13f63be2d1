#include "impl/env/real/request_port.h"

#include <algorithm>

#include "impl/env/real/port_limits.h"
#include "impl/env/real/process.h"

namespace prefixmesh {
namespace {

constexpr Time kSweepEvery = std::chrono::milliseconds(20);
constexpr Time kWatchEvery = std::chrono::milliseconds(100);
// gRPC has closed what was refused by then.
constexpr Time kReturnMemoryAfter = std::chrono::seconds(5);
// More in flight than it at a time is a burst.
constexpr std::uint64_t kBurstBytes = 32u << 20;
// What is on its way when the listener is asked.
constexpr std::uint64_t kSlackBytes = 256u << 10;

const grpc::Status& TooManyBodies() {
  static const grpc::Status status(grpc::StatusCode::RESOURCE_EXHAUSTED,
                                   "too many requests whose body has not arrived yet");
  return status;
}

grpc::Status TooBig(std::uint64_t message_bytes) {
  return {grpc::StatusCode::RESOURCE_EXHAUSTED,
          "this connection sends bodies above the limit on a message, " + std::to_string(message_bytes) + " bytes"};
}

}  // namespace

// ---- a call ---------------------------------------------------------------------------------------------------------

void RequestCall::WriteBegan() { write_began_ns_.store(port_.clock_.Now().count(), std::memory_order_relaxed); }

void RequestCall::OnDone() {
  port_.Unwatch(*this);
  if (charged_bytes_ > 0) port_.Refund(charged_bytes_);
  Gone();
}

void RequestCall::OnReadDone(bool ok) {
  port_.BodyRead(*this);
  if (!Take()) return body_.Clear();  // it was refused meanwhile
  if (!ok) return Finish({grpc::StatusCode::INVALID_ARGUMENT, "the request has no message"});
  const grpc::Status charged = port_.Charge(*this, body_.Length());
  if (!charged.ok()) return Finish(charged);
  grpc::ByteBuffer body;
  body.Swap(&body_);
  OnBody(std::move(body));
}

void RequestCall::OnCancel() { port_.BodyCancelled(*this); }

// ---- the port -------------------------------------------------------------------------------------------------------

grpc::Status RequestPort::Charge(RequestCall& call, std::uint64_t bytes) {
  if (const Status charged = budget_.Charge(bytes); !charged.ok())
    return {grpc::StatusCode::RESOURCE_EXHAUSTED, charged.error().message};
  call.charged_bytes_ += bytes;
  const std::uint64_t all = budget_.bytes();
  for (std::uint64_t most = most_charged_; most < all && !most_charged_.compare_exchange_weak(most, all);) {
  }
  return grpc::Status::OK;
}

void RequestPort::Watch(RequestCall& call) {
  MutexLock lock(watched_mutex_);
  watched_.insert(&call);
  if (watching_) return;
  watching_ = true;
  executor_.PostAt(clock_.Now() + kWatchEvery, [this] { EndUntaken(); });
}

void RequestPort::Unwatch(RequestCall& call) {
  MutexLock lock(watched_mutex_);
  watched_.erase(&call);
}

void RequestPort::EndUntaken() {
  const Time now = clock_.Now(), timeout = budget_.crowded()
                                               ? std::min(PortLimits::kCrowdedAnswerTimeout, answer_timeout_)
                                               : answer_timeout_;
  MutexLock lock(watched_mutex_);
  for (RequestCall* call : watched_) {
    const Time began(call->write_began_ns_.load(std::memory_order_relaxed));
    if (began == Time{0} || now - began < timeout) continue;
    call->WriteEnded();  // once
    untaken_.fetch_add(1, std::memory_order_relaxed);
    call->context_.TryCancel();
    ReturnMemorySoon();
  }
  watching_ = !watched_.empty();
  if (watching_) executor_.PostAt(now + kWatchEvery, [this] { EndUntaken(); });
}

void RequestPort::Admit(RequestCall& call) {
  Watch(call);
  if (const grpc::Status charged = Charge(call, kCallBytes); !charged.ok()) {
    ReturnMemorySoon();
    return call.Refuse(charged);
  }
  MutexLock lock(mutex_);
  call.id_ = ++last_id_;
  call.peer_ = call.context_.peer();
  const BodyAdmission::Admitted admitted = admission_.Arrived(call.id_, call.peer_, clock_.Now());
  if (admitted.evicted.has_value()) RefuseBody(*admitted.evicted, TooManyBodies());
  if (admitted.verdict == BodyAdmission::Verdict::kRefuse) {
    refused_.fetch_add(1, std::memory_order_relaxed);
    ReturnMemorySoon();
    return call.Refuse(TooManyBodies());
  }
  calls_[call.id_] = &call;
  if (admitted.verdict == BodyAdmission::Verdict::kRead) call.StartRead(&call.body_);
  SweepSoon();
}

void RequestPort::BodyRead(RequestCall& call) {
  MutexLock lock(mutex_);
  if (!metered_.empty())
    if (const auto at = metered_.find(call.peer_); at != metered_.end())
      at->second.complete_bytes += call.body_.Length();
  (void)BodyEnded(call);
}

// The body belongs to the read that is under way, or to whoever it was handed to: it is not looked at.
void RequestPort::BodyCancelled(RequestCall& call) {
  MutexLock lock(mutex_);
  if (!BodyEnded(call)) return;
  call.Refuse(grpc::Status::CANCELLED);
  ReturnMemorySoon();
}

bool RequestPort::BodyEnded(RequestCall& call) {
  if (calls_.erase(call.id_) == 0) return false;
  Read(admission_.Ended(call.id_));
  // What came of a body that did not end well is not held against the next one of its connection.
  if (!metered_.empty() && admission_.Reading().count(call.peer_) == 0) metered_.erase(call.peer_);
  return true;
}

void RequestPort::Read(const std::vector<BodyAdmission::Id>& ids) {
  for (const BodyAdmission::Id id : ids) {
    RequestCall& call = *calls_.at(id);
    call.StartRead(&call.body_);
  }
}

void RequestPort::RefuseBody(BodyAdmission::Id id, const grpc::Status& status) {
  const auto at = calls_.find(id);
  refused_.fetch_add(1, std::memory_order_relaxed);
  at->second->Refuse(status);
  calls_.erase(at);
  ReturnMemorySoon();
}

// What a burst took in small pieces the allocator keeps, too.
void RequestPort::Refund(std::uint64_t bytes) {
  budget_.Refund(bytes);
  const std::uint64_t most = most_charged_.load(std::memory_order_relaxed);
  if (most < kBurstBytes || budget_.bytes() > most / 8) return;
  most_charged_ = 0;
  ReturnMemorySoon();
}

void RequestPort::ReturnMemorySoon() {
  if (returning_memory_.exchange(true)) return;
  executor_.PostAt(clock_.Now() + kReturnMemoryAfter, [this] { ReturnMemory(); });
}

void RequestPort::ReturnMemory() {
  returning_memory_ = false;
  ReturnFreedMemory();
}

void RequestPort::SweepSoon() {
  if (sweeping_ || admission_.idle()) return;
  sweeping_ = true;
  executor_.PostAt(clock_.Now() + kSweepEvery, [this] { Sweep(); });
}

void RequestPort::Sweep() {
  MutexLock lock(mutex_);
  sweeping_ = false;
  std::vector<BodyAdmission::Id> read;
  for (const BodyAdmission::Id id : admission_.Expired(clock_.Now(), read))
    RefuseBody(id, {grpc::StatusCode::DEADLINE_EXCEEDED, "the request's body did not arrive in time"});
  Read(read);
  RefuseOversized();
  SweepSoon();
}

void RequestPort::RefuseOversized() {
  const std::map<std::string, std::size_t> reading = admission_.Reading();
  std::uint64_t partial_bytes = 0;
  std::map<std::string, Metered> metered;
  for (const auto& [peer, bodies] : reading) {
    const auto received = listener_.BodyBytes(peer);
    if (!received) continue;
    Metered& connection = metered[peer];
    if (const auto before = metered_.find(peer); before != metered_.end()) {
      const std::uint64_t grown = before->second.partial_bytes + (*received - before->second.received);
      connection.partial_bytes = grown - std::min(grown, before->second.complete_bytes);
    }
    connection.received = *received;
    partial_bytes += connection.partial_bytes;
  }
  metered_ = std::move(metered);
  const std::uint64_t bytes_max = admission_.options().bodies * message_bytes_;
  while (!metered_.empty()) {
    const auto heaviest = std::max_element(metered_.begin(), metered_.end(), [](const auto& a, const auto& b) {
      return a.second.partial_bytes < b.second.partial_bytes;
    });
    const auto above = std::find_if(metered_.begin(), metered_.end(), [&](const auto& entry) {
      return entry.second.partial_bytes > reading.at(entry.first) * message_bytes_ + kSlackBytes;
    });
    const auto evicted = above != metered_.end() ? above : partial_bytes > bytes_max ? heaviest : metered_.end();
    if (evicted == metered_.end()) return;
    partial_bytes -= evicted->second.partial_bytes;
    std::vector<BodyAdmission::Id> read;
    for (const BodyAdmission::Id id : admission_.Evict(evicted->first, read)) RefuseBody(id, TooBig(message_bytes_));
    Read(read);
    metered_.erase(evicted);
  }
}

std::size_t RequestPort::bodies() const {
  MutexLock lock(mutex_);
  return admission_.reading() + admission_.waiting();
}

}  // namespace prefixmesh
