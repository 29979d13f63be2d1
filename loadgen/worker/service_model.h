// service_model.h — one worker as a pure state machine in virtual time: slots, waiting line, prefill, decode, KV cache.
//
//   Arrive ──► waiting (FIFO) ──► prefill: blocks not cached x prefill ──► kPrefillEnded ──► decode ──► kFinished
//                       `concurrency` requests hold a slot from the start of prefill to kFinished
//
// The real worker drives it with the clock and a timer thread; the oracle drives it with a virtual clock over a plan.
// What is cached is looked up when prefill starts, and the chain is inserted when it ends.
//
// Threads: one. Time: only as arguments, never going back; events that are due come out in order of (time, ticket of
// arrival). Ownership: takes the chains. Errors: none. Bounds: the caller bounds the requests in the model.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "impl/base/ids.h"
#include "impl/env/env.h"
#include "loadgen/worker/event_log.h"
#include "loadgen/worker/kv_cache.h"

namespace prefixmesh::load {

struct ServiceOptions {
  std::size_t concurrency = 8;
  Time prefill_per_block{400'000};
  Time decode{60'000'000};
  std::size_t cache_blocks = 65536;
  HeldBlocks* held = nullptr;  // of the fleet that the worker belongs to; outlives it
  EventLog* events = nullptr;  // what the cache does is told it; outlives the worker
};

struct ServiceEvent {
  enum class Type : std::uint8_t { kPrefillEnded, kFinished };
  Type type = Type::kPrefillEnded;
  std::uint64_t ticket = 0;
  Time at{0};
  std::uint32_t prompt_blocks = 0;
  std::uint32_t cached_blocks = 0;
  std::uint32_t held_blocks = 0;  // that some worker of the fleet had when the prefill began; 0 without a fleet
};

class ServiceModel {
 public:
  explicit ServiceModel(const ServiceOptions& options);

  // A request with this chain of block ids. Tickets are the caller's and must be new. Events due by `now` must have
  // been taken with Advance before.
  void Arrive(Time now, std::uint64_t ticket, std::vector<NodeId> chain);
  // The caller gave up: a waiting request leaves the line, a running one frees its slot; its blocks do not count if its
  // prefill had not ended. Unknown tickets are ignored.
  void Cancel(Time now, std::uint64_t ticket);
  // When the next event is due, if any.
  std::optional<Time> NextEvent() const;
  // Appends the events due at or before `now`, in order.
  void Advance(Time now, std::vector<ServiceEvent>& out);

  std::size_t running() const { return running_.size(); }
  std::size_t waiting() const { return waiting_.size(); }
  const KvCache& cache() const { return cache_; }
  // The cache is empty from here on, as after a reset of the engine; requests that run keep what they found.
  void ClearCache();
  // The number of the newest event; without events, of changes of the cache.
  std::uint64_t cache_events() const {
    return options_.events != nullptr ? options_.events->buffer().newest() : changes_;
  }

 private:
  struct Request {
    std::uint64_t order = 0;
    std::uint64_t ticket = 0;
    std::vector<NodeId> chain;
    std::uint32_t cached_blocks = 0;
    std::uint32_t held_blocks = 0;
    bool decoding = false;
    Time due{0};
  };
  void InsertChain(const Request& request);
  void StartWaiting(Time now);
  void Start(Time now, Request request);

  const ServiceOptions options_;
  KvCache cache_;
  std::uint64_t next_order_ = 0;
  std::uint64_t changes_ = 0;
  CacheChange change_;  // scratch
  std::deque<Request> waiting_;
  std::map<std::uint64_t, Request> running_;                      // by ticket
  std::set<std::tuple<Time, std::uint64_t, std::uint64_t>> due_;  // (time, order, ticket)
};

}  // namespace prefixmesh::load
