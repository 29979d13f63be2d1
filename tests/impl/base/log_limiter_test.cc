// Goal: nobody who causes log lines can flood the log, and what was held back is said.
#include "impl/base/log_limiter.h"

#include <catch2/catch.hpp>

namespace prefixmesh {
namespace {

using std::chrono::seconds;

TEST_CASE("Log limiter: one line a period for each key, and the next one says how many were held back") {
  LogLimiter log(seconds(10));
  REQUIRE(log.Allow("b corrupt", seconds(100)) == 0u);
  for (int i = 0; i < 1000; ++i) REQUIRE_FALSE(log.Allow("b corrupt", seconds(109)).has_value());
  REQUIRE(log.Allow("b version", seconds(109)) == 0u);
  REQUIRE(log.Allow("b corrupt", seconds(110)) == 1000u);
  REQUIRE(log.Allow("b corrupt", seconds(120)) == 0u);
}

TEST_CASE("Log limiter: invented keys share one place") {
  LogLimiter log(seconds(10));
  int written = 0;
  for (int i = 0; i < 10000; ++i) written += log.Allow("key " + std::to_string(i), seconds(1)).has_value();
  REQUIRE(written == LogLimiter::kKeysMax + 1);
}

}  // namespace
}  // namespace prefixmesh
