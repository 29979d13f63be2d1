// Goal: percentiles are within a bucket of the exact ones of the same values.
#include "impl/base/histogram.h"

#include <vector>

#include "tests/support/properties.h"

namespace prefixmesh {
namespace {

TEST_CASE("Histogram: percentiles are at most 0.8 % above the exact ones, never below") {
  test::ForAll("any values", [](const std::vector<std::uint32_t>& values) {
    RC_PRE(!values.empty());
    Histogram histogram;
    for (const std::uint32_t value : values) histogram.Record(value);
    std::vector<std::uint32_t> sorted = values;
    std::sort(sorted.begin(), sorted.end());
    for (const double share : {0.01, 0.5, 0.9, 0.99, 1.0}) {
      const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(sorted.size())));
      const double exact = sorted[std::max<std::size_t>(rank, 1) - 1];
      const auto reported = static_cast<double>(histogram.Percentile(share));
      RC_ASSERT(reported >= exact);
      RC_ASSERT(reported <= exact * 1.008 + 1);
    }
    RC_ASSERT(histogram.max() == sorted.back());
  });
}

TEST_CASE("Histogram: values beyond the range count as the maximum") {
  Histogram histogram;
  histogram.Record(UINT64_MAX);
  REQUIRE(histogram.Percentile(0.5) == Histogram::kMax);
}

}  // namespace
}  // namespace prefixmesh
