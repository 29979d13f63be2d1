// request_port.h — takes calls at their headers, and their bodies within bounds.
//
// gRPC's typed handlers run when the whole body is in; until then a half-sent one is charged to nobody. Here a call
// exists from its headers on: it is charged a fixed amount, waits for its turn (body_admission.h), its body is read
// within the port's message limit and charged, and only then is it handed to OnBody. Everything is given back when the
// call is gone.
//
// gRPC 1.51 takes a whole message before it compares its size with the limit, so the limit alone bounds nothing. While
// bodies are slow the port therefore asks its listener what their connections sent: one that sent more than its bodies
// may have, messages that are in left out, loses them. What calls took that were refused or ended, the
// allocator keeps in pieces: it is made to give it back a while after they are gone.
//
// Threads:  gRPC's; the sweep for bodies that never end runs on the executor while there are any.
// Bounds:   body_admission.h; the budget for all that is in flight.
// Ownership: a call gives back what it was charged and deletes itself (OnDone). The port borrows listener, budget,
//           clock and executor; the server is shut down and the executor stopped before the port goes.
// Errors:   statuses: RESOURCE_EXHAUSTED where a bound bites, DEADLINE_EXCEEDED for a body that is late.
#pragma once

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <map>
#include <set>
#include <string>

#include "impl/base/mutex.h"
#include "impl/env/body_admission.h"
#include "impl/env/byte_budget.h"
#include "impl/env/env.h"
#include "impl/env/real/grpc_listener.h"

namespace prefixmesh {

class RequestPort;

// One call. Nothing is started on it before Admit.
class RequestCall : public grpc::ServerGenericBidiReactor {
 public:
  RequestCall(RequestPort& port, grpc::GenericCallbackServerContext& context) : port_(port), context_(context) {}

  void OnReadDone(bool ok) final;
  // A subclass that overrides it calls this one too.
  void OnCancel() override;
  void OnDone() final;

 protected:
  // The whole body, charged. Called at most once; the call goes on until Finish.
  virtual void OnBody(grpc::ByteBuffer body) = 0;
  // From the one to the other the client has something to take; a call whose client does not is ended. A call that is
  // being finished needs no WriteEnded.
  void WriteBegan();
  void WriteEnded() { write_began_ns_.store(0, std::memory_order_relaxed); }
  // gRPC is done with the client's half, and what was charged is given back. After it the port may be gone.
  virtual void Gone() { delete this; }

  RequestPort& port_;
  grpc::GenericCallbackServerContext& context_;

 private:
  friend class RequestPort;
  // Both ask for the body's state; whoever changes it first decides.
  bool Take() { return !taken_.exchange(true); }
  void Refuse(const grpc::Status& status) {
    if (Take()) Finish(status);
  }

  BodyAdmission::Id id_ = 0;
  std::string peer_;                // as gRPC names it while the call is open; afterwards it does not know
  std::atomic<bool> taken_{false};  // the body is in, or the call was refused
  grpc::ByteBuffer body_;           // of the read that is under way; only OnReadDone looks at it
  std::uint64_t charged_bytes_ = 0;
  std::atomic<Time::rep> write_began_ns_{0};  // 0: nothing is being written
};

class RequestPort {
 public:
  // What gRPC and the call itself take beside the prompt: 50 to 120 KB were seen under 80 KB prompts.
  static constexpr std::uint64_t kCallBytes = 64u << 10;

  // An answer that its client does not take is given up after `answer_timeout`; after a quarter of a second already
  // while the budget is crowded.
  RequestPort(const BodyAdmissionOptions& options, Time answer_timeout, std::uint64_t message_bytes,
              const GrpcListener& listener, ByteBudget& budget, Clock& clock, Executor& executor)
      : answer_timeout_(answer_timeout),
        message_bytes_(message_bytes),
        listener_(listener),
        budget_(budget),
        clock_(clock),
        executor_(executor),
        admission_(options) {}

  // Lets the call in, or finishes it with a status.
  void Admit(RequestCall& call);

  // Bodies that have begun and not ended, read and waiting.
  std::size_t bodies() const;
  // Calls that were refused before their body was in: there was no place, or it came too late.
  std::uint64_t bodies_refused() const { return refused_.load(std::memory_order_relaxed); }
  // Calls that were ended because their client did not take the answer.
  std::uint64_t answers_untaken() const { return untaken_.load(std::memory_order_relaxed); }

 private:
  friend class RequestCall;
  grpc::Status Charge(RequestCall& call, std::uint64_t bytes);
  void BodyRead(RequestCall& call);
  void BodyCancelled(RequestCall& call);
  // False: it had ended before.
  bool BodyEnded(RequestCall& call) PREFIXMESH_REQUIRES(mutex_);
  void Read(const std::vector<BodyAdmission::Id>& ids) PREFIXMESH_REQUIRES(mutex_);
  void RefuseBody(BodyAdmission::Id id, const grpc::Status& status) PREFIXMESH_REQUIRES(mutex_);
  void SweepSoon() PREFIXMESH_REQUIRES(mutex_);
  void Sweep();
  void RefuseOversized() PREFIXMESH_REQUIRES(mutex_);
  void Watch(RequestCall& call);
  void Unwatch(RequestCall& call);
  void EndUntaken();
  void Refund(std::uint64_t bytes);
  void ReturnMemorySoon();
  void ReturnMemory();

  // A connection with slow bodies.
  struct Metered {
    std::uint64_t received = 0;        // when the listener was last asked
    std::uint64_t complete_bytes = 0;  // of messages that came in since then
    std::uint64_t partial_bytes = 0;   // of bodies that are not in
  };

  const Time answer_timeout_;
  const std::uint64_t message_bytes_;
  const GrpcListener& listener_;
  ByteBudget& budget_;
  Clock& clock_;
  Executor& executor_;
  std::atomic<std::uint64_t> refused_{0}, untaken_{0};
  std::atomic<bool> returning_memory_{false};
  std::atomic<std::uint64_t> most_charged_{0};  // since memory was given back

  // Held while calls are cancelled, which may run their reactions: none of those takes it but OnDone, and gRPC runs
  // that on a thread of its own.
  Mutex watched_mutex_;
  std::set<RequestCall*> watched_ PREFIXMESH_GUARDED_BY(watched_mutex_);  // from Admit to OnDone
  bool watching_ PREFIXMESH_GUARDED_BY(watched_mutex_) = false;

  mutable Mutex mutex_;
  BodyAdmission admission_ PREFIXMESH_GUARDED_BY(mutex_);
  std::map<BodyAdmission::Id, RequestCall*> calls_ PREFIXMESH_GUARDED_BY(mutex_);  // whose body is not in
  BodyAdmission::Id last_id_ PREFIXMESH_GUARDED_BY(mutex_) = 0;
  bool sweeping_ PREFIXMESH_GUARDED_BY(mutex_) = false;
  std::map<std::string, Metered> metered_ PREFIXMESH_GUARDED_BY(mutex_);
};

}  // namespace prefixmesh
