// Goal: a number has its unit and three digits that count, and what was not measured is no number.
#include "bench/text/quantity.h"

#include <catch2/catch.hpp>
#include <limits>

namespace prefixmesh::bench {
namespace {

TEST_CASE("QuantityText: three digits that count, and a unit") {
  CHECK(QuantityText(Quantity::kBytes, 0) == "0 B");
  CHECK(QuantityText(Quantity::kBytes, 1023) == "1023 B");
  CHECK(QuantityText(Quantity::kBytes, 1024) == "1.00 KiB");
  CHECK(QuantityText(Quantity::kBytes, 1048575) == "1.00 MiB");
  CHECK(QuantityText(Quantity::kBytes, 50.0 * 1048576) == "50.0 MiB");
  CHECK(QuantityText(Quantity::kBytesPerSecond, 2048) == "2.00 KiB/s");
  CHECK(QuantityText(Quantity::kMicroseconds, 412) == "412 µs");
  CHECK(QuantityText(Quantity::kMicroseconds, 999.7) == "1.00 ms");
  CHECK(QuantityText(Quantity::kMilliseconds, 3100) == "3.10 s");
  CHECK(QuantityText(Quantity::kShare, 0.98764) == "98.76 %");
  CHECK(QuantityText(Quantity::kPoints, 0.12449) == "+12.4 points");
  CHECK(QuantityText(Quantity::kPoints, -0.002) == "-0.2 points");
  CHECK(QuantityText(Quantity::kPoints, -0.0002) == "0.0 points");
  CHECK(QuantityText(Quantity::kCount, 1234567) == "1,234,567");
  CHECK(QuantityText(Quantity::kCount, -1234) == "-1,234");
  CHECK(QuantityText(Quantity::kCount, 123) == "123");
  CHECK(QuantityText(Quantity::kRatio, std::nullopt) == "–");
  CHECK(QuantityText(Quantity::kRatio, std::numeric_limits<double>::infinity()) == "–");
}

}  // namespace
}  // namespace prefixmesh::bench
