// histogram.h — a log-linear histogram compatible with HdrHistogram: same buckets, same V2 exchange format.
//
// A value is kept to `significant_digits` decimal digits: buckets double in width each time the value doubles, each
// half-filled with 2^k equal sub-buckets. Sources: the HdrHistogram project's description of its layout and its V2
// encoding (http://hdrhistogram.org, CC0/BSD-2); npm's hdr-histogram-js reads what this writes (histogram_test.cc).
//
//   value  |0 … 2047 by 1|2048 … 4095 by 2|4096 … 8191 by 4| …        3 digits, lowest 1
//
// Threads: one; the owner locks. Units: the caller's (microseconds everywhere in this project). Ownership: values.
// Errors: Decode returns kCorrupt for anything that is not a histogram, or would be above kBytesMax, before anything is
// allocated for it. Bounds: values above `highest` are counted at it (Clamped tells how many), so a histogram never
// grows: 1 µs … 1 h at 3 digits is 188 KiB; none is above kBytesMax, and no more is in memory while one is decoded.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "impl/base/result.h"

namespace prefixmesh::load {

struct HistogramOptions {
  std::uint64_t lowest = 1;                // smallest value told apart from 0; at least 1
  std::uint64_t highest = 3'600'000'000u;  // 1 h in µs; at least 2 x lowest
  int significant_digits = 3;              // 1 … 5
  friend bool operator==(const HistogramOptions&, const HistogramOptions&) = default;
};

class Histogram {
 public:
  static constexpr std::size_t kBytesMax = 1u << 20;

  // Options that make one above kBytesMax are a programmer error.
  explicit Histogram(const HistogramOptions& options = {});

  void Record(std::uint64_t value) { Record(value, 1); }
  void Record(std::uint64_t value, std::uint64_t times);
  // Adds another's counts; its values keep only this one's precision.
  void Merge(const Histogram& other);
  void Reset();

  std::uint64_t count() const { return count_; }
  std::uint64_t clamped() const { return clamped_; }
  std::uint64_t min() const { return count_ == 0 ? 0 : min_; }
  std::uint64_t max() const { return max_; }
  double Mean() const;
  // The largest value that is equal, to the histogram's precision, to the smallest one with at least `percentile` % of
  // the counts at or below it; 0 when empty. Never above max().
  std::uint64_t Percentile(double percentile) const;

  // V2, zlib-compressed, base64: what HdrHistogram libraries decode from a compressed base64 string.
  std::string Encode() const;
  static Result<Histogram> Decode(std::string_view base64);

  const HistogramOptions& options() const { return options_; }

  // The counts, in order of value, of all buckets that are not empty: (lowest equal value, count).
  struct Bucket {
    std::uint64_t low, high, count;
  };
  std::vector<Bucket> Buckets() const;

 private:
  struct Layout {
    unsigned unit_magnitude = 0;
    unsigned sub_bucket_half_magnitude = 0;
    std::size_t counts = 0;
  };
  // Nothing for options that no histogram can have, or that would take more than kBytesMax.
  static std::optional<Layout> LayoutOf(const HistogramOptions& options);
  std::size_t IndexOf(std::uint64_t value) const;
  std::uint64_t LowOf(std::size_t index) const;
  std::uint64_t HighOf(std::size_t index) const;

  HistogramOptions options_;
  unsigned unit_magnitude_ = 0;
  unsigned sub_bucket_half_magnitude_ = 0;
  std::uint64_t sub_bucket_mask_ = 0;
  std::uint64_t count_ = 0, clamped_ = 0, min_ = 0, max_ = 0;
  std::vector<std::uint64_t> counts_;
};

}  // namespace prefixmesh::load
