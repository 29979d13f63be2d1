// Goal: percentiles are those of the recorded values to the stated precision, and the exchange format is
// HdrHistogram's.
#include "loadgen/record/histogram.h"

#include <zlib.h>

#include <algorithm>
#include <cmath>

#include "loadgen/record/base64.h"
#include "tests/support/allocations.h"
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
    const int digits = 1 + digits_seed % 4;
    const std::uint64_t highest = digits < 4 ? 3'600'000'000u : 1'000'000u;
    const HistogramOptions options{.highest = highest, .significant_digits = digits};
    Histogram histogram(options);
    value %= highest;
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
    Histogram histogram({.lowest = 1 + digits_seed % 7u, .significant_digits = 1 + digits_seed % 3});
    for (const std::uint32_t value : values) histogram.Record(value % 3600000000u, 1 + value % 100000);
    const Result<Histogram> decoded = Histogram::Decode(histogram.Encode());
    RC_ASSERT(decoded.ok());
    RC_ASSERT(SameBuckets(*decoded, histogram));
    RC_ASSERT(decoded->options() == histogram.options());
  });
}

// A compressed V2 histogram of this header and payload, as no encoder of ours would make it.
std::string Hostile(std::uint32_t digits, std::uint64_t lowest, std::uint64_t highest, const std::string& payload) {
  std::string plain;
  const auto big = [](std::string& out, std::uint64_t value, int bytes) {
    for (int i = bytes - 1; i >= 0; --i) out.push_back(static_cast<char>(value >> (8 * i)));
  };
  big(plain, 0x1c849313, 4);
  big(plain, payload.size(), 4);
  big(plain, 0, 4);
  big(plain, digits, 4);
  big(plain, lowest, 8);
  big(plain, highest, 8);
  big(plain, 0x3ff0000000000000, 8);
  plain += payload;
  uLongf size = compressBound(plain.size());
  std::string compressed(size, '\0');
  compress2(reinterpret_cast<Bytef*>(compressed.data()), &size, reinterpret_cast<const Bytef*>(plain.data()),
            plain.size(), 9);
  compressed.resize(size);
  std::string out;
  big(out, 0x1c849314, 4);
  big(out, compressed.size(), 4);
  return Base64Encode(out + compressed);
}

TEST_CASE("Histogram: none takes more than 1 MiB, whatever range, precision or length it claims") {
  for (const std::uint32_t digits : {0u, 1u, 3u, 5u, 6u, 0xffffffffu}) {
    for (const std::uint64_t lowest : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1} << 40, UINT64_MAX}) {
      for (const std::uint64_t highest : {std::uint64_t{2}, std::uint64_t{INT64_MAX}, UINT64_MAX}) {
        for (const std::size_t payload : {0u, 40u, 30u << 20}) {
          const std::string hostile = Hostile(digits, lowest, highest, std::string(payload, '\0'));
          const std::uint64_t peak = test::PeakOf([&] { (void)Histogram::Decode(hostile); });
          INFO(digits << " " << lowest << " " << highest << " " << payload << ": " << peak);
          REQUIRE(peak <= Histogram::kBytesMax + 2 * hostile.size() + 4096);
        }
      }
    }
  }
  REQUIRE_FALSE(Histogram::Decode(Hostile(5, 1, INT64_MAX, "")).ok());
  REQUIRE(Histogram::Decode(Hostile(3, 1, 3'600'000'000u, "")).ok());
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
