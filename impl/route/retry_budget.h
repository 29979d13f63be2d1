// retry_budget.h — how many requests may be placed a second time: a tenth of those that came, and a few for a start.
//
// A token bucket: each request adds a tenth of a token, each retry takes one. It keeps a fleet that is failing from
// being asked twice as much. Threads: any; one atomic. Bounds: a hundred tokens, so that a quiet hour does not buy a
// storm. Errors: none. Time: none. Source: the retry throttling of gRFC A6 (gRPC client retries), by its idea.
#pragma once

#include <atomic>
#include <cstdint>

namespace prefixmesh {

class RetryBudget {
 public:
  static constexpr std::int64_t kTenthsOfStart = 10 * 10;
  static constexpr std::int64_t kTenthsMax = 100 * 10;

  void NoteRequest() {
    std::int64_t tenths = tenths_.load(std::memory_order_relaxed);
    while (tenths < kTenthsMax && !tenths_.compare_exchange_weak(tenths, tenths + 1, std::memory_order_relaxed)) {
    }
  }
  // False: too many of late were placed twice.
  bool TakeRetry() {
    std::int64_t tenths = tenths_.load(std::memory_order_relaxed);
    while (tenths >= 10)
      if (tenths_.compare_exchange_weak(tenths, tenths - 10, std::memory_order_relaxed)) return true;
    return false;
  }

 private:
  std::atomic<std::int64_t> tenths_{kTenthsOfStart};
};

}  // namespace prefixmesh
