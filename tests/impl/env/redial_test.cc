// Goal: a peer that was broken is dialed again within a second; one that does not fit, ever less often.
#include "impl/env/redial.h"

#include <catch2/catch.hpp>

namespace prefixmesh {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Ending = Redial::Ending;

std::vector<Time> Waits(Redial& redial, Ending ending, Time up_for, int count) {
  std::vector<Time> waits;
  for (int i = 0; i < count; ++i) waits.push_back(redial.After(ending, up_for));
  return waits;
}

TEST_CASE("Redial: twice as long each time, up to a second, where the peer may be back any moment") {
  for (const Ending ending : {Ending::kUnreached, Ending::kReplaced, Ending::kBroken}) {
    Redial redial;
    REQUIRE(Waits(redial, ending, milliseconds(500), 6) == std::vector<Time>{milliseconds(100), milliseconds(200),
                                                                             milliseconds(400), milliseconds(800),
                                                                             seconds(1), seconds(1)});
  }
}

TEST_CASE("Redial: up to thirty seconds where the two do not fit, and no longer than a second after a break") {
  Redial redial;
  REQUIRE(Waits(redial, Ending::kRefused, seconds(1), 10).back() == seconds(30));
  REQUIRE(redial.After(Ending::kBroken, seconds(1)) == seconds(1));
}

TEST_CASE("Redial: a stream that stayed up begins anew, whatever was before and however it ended") {
  for (const Ending ending : {Ending::kBroken, Ending::kRefused}) {
    Redial redial;
    Waits(redial, Ending::kRefused, seconds(1), 10);
    REQUIRE(redial.After(ending, seconds(5)) == milliseconds(100));
  }
}

}  // namespace
}  // namespace prefixmesh
