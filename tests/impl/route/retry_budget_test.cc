// Goal: at most a tenth of the requests are placed twice, beside a few for a start.
#include "impl/route/retry_budget.h"

#include <catch2/catch.hpp>

namespace prefixmesh {
namespace {

TEST_CASE("Retry budget: a tenth of the requests, and ten for a start") {
  RetryBudget budget;
  int retried = 0;
  for (int i = 0; i < 1000; ++i) {
    budget.NoteRequest();
    retried += budget.TakeRetry();  // every request would like to
  }
  REQUIRE(retried == 10 + 100);
}

TEST_CASE("Retry budget: a quiet hour does not buy a storm") {
  RetryBudget budget;
  for (int i = 0; i < 100000; ++i) budget.NoteRequest();
  int retried = 0;
  while (budget.TakeRetry()) ++retried;
  REQUIRE(retried == 100);
}

}  // namespace
}  // namespace prefixmesh
