// Goal: what many ask for is made at a bounded rate, and nobody gets an answer from before the question.
// Method: a world of virtual time; the answer is how often it was made and when.
#include "impl/env/shared_answer.h"

#include <catch2/catch.hpp>
#include <vector>

#include "impl/env/sim/sim_env.h"

namespace prefixmesh {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Asked {
  struct Answer {
    int made;
    Time at;
  };
  SimWorld world;
  SimClock clock{world, Time{0}, 1};
  SimExecutor executor{world, clock};
  int made = 0;
  // Ten a second, two at once.
  SharedAnswer<Answer> answers{Pace(10, 2), [this] { return Answer{++made, clock.Now()}; }, clock, executor};
};

TEST_CASE("Shared answer: who asks alone is answered at once") {
  Asked asked;
  int given = 0;
  for (int i = 1; i <= 20; ++i) {
    asked.answers.Ask([&](const Asked::Answer& answer) { given = answer.made; });
    REQUIRE(given == i);
    asked.world.RunUntil(i * milliseconds(100));
  }
}

TEST_CASE("Shared answer: a thousand askers a second cost ten answers, and each gets one from after its question") {
  Asked asked;
  int asks = 0, given = 0, stale = 0;
  Time longest{0};
  for (Time now{0}; now < seconds(5); now += milliseconds(1)) {
    asked.world.RunUntil(now);
    ++asks;
    asked.answers.Ask([&, now](const Asked::Answer& answer) {
      ++given;
      stale += answer.at < now;
      longest = std::max(longest, answer.at - now);
    });
  }
  asked.world.RunUntil(seconds(6));
  REQUIRE(given == asks);
  REQUIRE(stale == 0);
  REQUIRE(longest <= milliseconds(100));
  REQUIRE(asked.made <= 53);
  REQUIRE(asked.made >= 50);
}

}  // namespace
}  // namespace prefixmesh
