// admission.h — which requests a router takes, how many are in flight, and which may be placed a second time.
//
// Threads: any; atomics. Ownership: values. Time: none. Errors: kTooBig for a prompt above the limit. Bounds: retries
// as retry_budget.h says; what bodies may take is the port's (env/byte_budget.h).
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "impl/base/result.h"
#include "impl/route/retry_budget.h"

namespace prefixmesh {

class Admission {
 public:
  explicit Admission(std::uint64_t prompt_bytes_max) : prompt_bytes_max_(prompt_bytes_max) {}

  // `again`: the request was placed once before, so that it is not one more of those that came.
  Status Admit(std::uint64_t prompt_bytes, bool again) {
    if (!again) retries_.NoteRequest();
    if (prompt_bytes <= prompt_bytes_max_) return {};
    return Error{ErrorCode::kTooBig, "the prompt has " + std::to_string(prompt_bytes) + " bytes; this router takes " +
                                         std::to_string(prompt_bytes_max_)};
  }
  void Begin() { in_flight_.fetch_add(1, std::memory_order_relaxed); }
  void End() { in_flight_.fetch_sub(1, std::memory_order_relaxed); }
  // Whether one more request may be placed again; counts it.
  bool TakeRetry() {
    if (!retries_.TakeRetry()) return false;
    retried_.fetch_add(1, std::memory_order_relaxed);
    return true;
  }

  std::uint64_t in_flight() const { return in_flight_.load(std::memory_order_relaxed); }
  std::uint64_t retried() const { return retried_.load(std::memory_order_relaxed); }

 private:
  const std::uint64_t prompt_bytes_max_;
  std::atomic<std::uint64_t> in_flight_{0}, retried_{0};
  RetryBudget retries_;
};

}  // namespace prefixmesh
