// byte_budget.h — a bound on bytes that calls take when they come and give back when they are gone.
//
// Threads: any. Bounds: bytes_max. Ownership: a value that does not move. Errors: kExhausted, in one line. Time: none.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "impl/base/result.h"

namespace prefixmesh {

class ByteBudget {
 public:
  explicit ByteBudget(std::uint64_t bytes_max) : bytes_max_(bytes_max) {}

  // Takes `bytes` until Refund. kExhausted: too much is taken; counted.
  Status Charge(std::uint64_t bytes) {
    const std::uint64_t before = bytes_.fetch_add(bytes, std::memory_order_relaxed);
    if (before + bytes <= bytes_max_) return {};
    Refund(bytes);
    refused_.fetch_add(1, std::memory_order_relaxed);
    return Error{ErrorCode::kExhausted, "requests of " + std::to_string(before) +
                                            " bytes are in flight; this router bears " + std::to_string(bytes_max_)};
  }
  void Refund(std::uint64_t bytes) { bytes_.fetch_sub(bytes, std::memory_order_relaxed); }

  // More than half is taken.
  bool crowded() const { return bytes() > bytes_max_ / 2; }
  std::uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  std::uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }

 private:
  const std::uint64_t bytes_max_;
  std::atomic<std::uint64_t> bytes_{0}, refused_{0};
};

}  // namespace prefixmesh
