// histogram.h — counts of non-negative values in log-linear buckets: 128 per power of two, so a percentile is at most
// 0.8 % above the true value. Fixed memory (about 30 KiB), nothing allocated after construction.
//
// The bucket layout is HdrHistogram's with two significant digits (https://hdrhistogram.org); loadgen/record has the
// three-digit one with its exchange format for latencies. Threads: none of its own. Bounds: values above kMax count as
// kMax.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>

namespace prefixmesh {

class Histogram {
 public:
  static constexpr std::uint64_t kMax = std::uint64_t{1} << 36;

  void Record(std::uint64_t value) {
    value = std::min(value, kMax);
    ++counts_[BucketOf(value)];
    ++count_;
    sum_ += static_cast<double>(value);
    max_ = std::max(max_, value);
  }
  void Reset() { *this = Histogram(); }

  std::uint64_t count() const { return count_; }
  std::uint64_t max() const { return max_; }
  double mean() const { return count_ == 0 ? 0.0 : sum_ / static_cast<double>(count_); }
  // The value below or at which `share` of the recorded values lie (upper end of its bucket, never above the maximum).
  std::uint64_t Percentile(double share) const {
    if (count_ == 0) return 0;
    const auto rank = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_)));
    std::uint64_t seen = 0;
    for (std::size_t bucket = 0; bucket < counts_.size(); ++bucket) {
      seen += counts_[bucket];
      if (seen >= std::max<std::uint64_t>(rank, 1)) return std::min(HighestIn(bucket), max_);
    }
    return max_;
  }

 private:
  static constexpr unsigned kHalfBits = 7;  // 128 sub-buckets per power of two
  static std::size_t BucketOf(std::uint64_t value) {
    const unsigned bits = static_cast<unsigned>(std::bit_width(value));
    if (bits <= kHalfBits + 1) return static_cast<std::size_t>(value);
    const unsigned shift = bits - (kHalfBits + 1);
    return (static_cast<std::size_t>(shift) << kHalfBits) + static_cast<std::size_t>(value >> shift);
  }
  static std::uint64_t HighestIn(std::size_t bucket) {
    if (bucket < (std::size_t{2} << kHalfBits)) return bucket;
    const auto shift = (bucket >> kHalfBits) - 1;
    const std::uint64_t base = bucket - (shift << kHalfBits);
    return ((base + 1) << shift) - 1;
  }

  std::array<std::uint64_t, (37 - kHalfBits) << kHalfBits> counts_{};
  std::uint64_t count_ = 0;
  std::uint64_t max_ = 0;
  double sum_ = 0;
};

}  // namespace prefixmesh
