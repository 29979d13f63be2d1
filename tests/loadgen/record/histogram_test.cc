// Goal: percentiles are those of the recorded values to the stated precision, and the exchange format is
// HdrHistogram's.
#include "loadgen/record/histogram.h"

#include <algorithm>
#include <cmath>

#include "tests/support/properties.h"

namespace prefixmesh::load {
namespace {

// Made once with node and npm's hdr-histogram-js 3.0.1: build({lowestDiscernibleValue: 1, highestTrackableValue:
// 3600000000, numberOfSignificantValueDigits: 3, useWebAssembly: false}), the records of GoldenHistogram() below, then
// encodeIntoCompressedBase64.
constexpr char kGolden[] =
    "HISTFAAAAHJ4nDXHsQ2CQBxG8e/e/"
    "S9WF2KMhVFKQ01BmMBYWRmKK9nFDShY4DZgALcwNO5CCOFVv3f7DCdJb0lOktfWav2GrP1NFBCttGCBQGNC3Ok5kPBcOVMRKTlS43nyInLhQSLS0NH"
    "y90yOMbvZvpNjAXC8DXQ=";

Histogram GoldenHistogram() {
  Histogram histogram;
  for (std::uint64_t i = 1; i <= 40; ++i) histogram.Record(i * i % 79 * (1 + i % 13));
  histogram.Record(1234567, 300);
  histogram.Record(3000000000u);
  histogram.Record(0, 2);
  return histogram;
}

bool SameBuckets(const Histogram& a, const Histogram& b) {
  const auto left = a.Buckets(), right = b.Buckets();
  return std::equal(left.begin(), left.end(), right.begin(), right.end(), [](const auto& x, const auto& y) {
    return x.low == y.low && x.high == y.high && x.count == y.count;
  });
}

TEST_CASE("Histogram: a percentile is the closed form's to three digits") {
  Histogram histogram;
  for (std::uint64_t i = 1; i <= 100000; ++i) histogram.Record(i * 37);
  for (const double p : {1.0, 25.0, 50.0, 90.0, 99.0, 99.9, 99.99}) {
    REQUIRE(static_cast<double>(histogram.Percentile(p)) == Approx(p * 1000 * 37).epsilon(0.001));
  }
  REQUIRE(histogram.Percentile(100) == 3700000);
  REQUIRE(histogram.min() == 37);
  REQUIRE(histogram.Mean() == Approx(50000.5 * 37).epsilon(0.001));
}

TEST_CASE("Histogram: every value lies in a bucket no wider than its precision") {
  test::ForAll("any value", [](std::uint64_t value, std::uint8_t digits_seed) {
    const HistogramOptions options{.highest = 3'600'000'000u, .significant_digits = 1 + digits_seed % 5};
    Histogram histogram(options);
    value %= 3'600'000'000u;
    histogram.Record(value);
    const auto bucket = histogram.Buckets().at(0);
    RC_ASSERT(bucket.low <= value && value <= bucket.high && bucket.count == 1u);
    const double allowed = std::max(1.0, static_cast<double>(value) * std::pow(10, -options.significant_digits));
    RC_ASSERT(static_cast<double>(bucket.high - bucket.low) < allowed);
    RC_ASSERT(histogram.Percentile(50) == value);  // never above the largest value recorded
  });
}

TEST_CASE("Histogram: values beyond the range are counted at its end and told") {
  Histogram histogram({.highest = 1000});
  histogram.Record(5000, 3);
  REQUIRE(histogram.count() == 3);
  REQUIRE(histogram.clamped() == 3);
  REQUIRE(histogram.max() == 1000);
}

TEST_CASE("Histogram: merging equals recording everything in one") {
  test::ForAll("merge", [](const std::vector<std::uint32_t>& a, const std::vector<std::uint32_t>& b) {
    Histogram first, second, both;
    for (const std::uint32_t value : a) {
      first.Record(value % 3000000000u);
      both.Record(value % 3000000000u);
    }
    for (const std::uint32_t value : b) {
      second.Record(value % 3000000000u);
      both.Record(value % 3000000000u);
    }
    first.Merge(second);
    RC_ASSERT(SameBuckets(first, both));
    RC_ASSERT(first.count() == both.count() && first.max() == both.max() && first.min() == both.min());
  });
}

TEST_CASE("Histogram: reads what HdrHistogram wrote, and writes the same") {
  const Result<Histogram> golden = Histogram::Decode(kGolden);
  REQUIRE(golden.ok());
  const Histogram ours = GoldenHistogram();
  REQUIRE(golden->options() == ours.options());
  REQUIRE(golden->count() == 343);
  REQUIRE(SameBuckets(*golden, ours));
  REQUIRE(golden->Percentile(50) == 1234943);  // as hdr-histogram-js answers
  const Result<Histogram> again = Histogram::Decode(ours.Encode());
  REQUIRE(again.ok());
  REQUIRE(SameBuckets(*again, ours));
}

TEST_CASE("Histogram: encoding round-trips at any precision") {
  test::ForAll("round trip", [](const std::vector<std::uint32_t>& values, std::uint8_t digits_seed) {
    Histogram histogram({.lowest = 1 + digits_seed % 7u, .significant_digits = 1 + digits_seed % 4});
    for (const std::uint32_t value : values) histogram.Record(value % 3600000000u, 1 + value % 100000);
    const Result<Histogram> decoded = Histogram::Decode(histogram.Encode());
    RC_ASSERT(decoded.ok());
    RC_ASSERT(SameBuckets(*decoded, histogram));
    RC_ASSERT(decoded->options() == histogram.options());
  });
}

TEST_CASE("Histogram: anything else is refused") {
  for (const char* bad : {"", "AAAA", "!!!!", "HISTFAAA", "HISTFAAAAAA=", "HISTFAAAAAh4nAMAAAAAAQ=="}) {
    REQUIRE_FALSE(Histogram::Decode(bad).ok());
  }
  const std::string good = GoldenHistogram().Encode();
  test::ForAll("a changed character", [&](std::uint16_t position, char with) {
    std::string bad = good;
    bad[position % bad.size()] = with;
    (void)Histogram::Decode(bad);  // whatever it says, it does not crash
  });
  REQUIRE_FALSE(Histogram::Decode(std::string_view(good).substr(0, good.size() / 2)).ok());
}

}  // namespace
}  // namespace prefixmesh::load
