// Goal: half-sent bodies are bounded, and whoever holds many of them cannot keep the others out.
#include "impl/env/body_admission.h"

#include <catch2/catch.hpp>
#include <map>
#include <set>

#include "impl/base/prng.h"

namespace prefixmesh {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Verdict = BodyAdmission::Verdict;

constexpr BodyAdmissionOptions kSmall{2, 4, 3, 5, seconds(10), seconds(1)};

TEST_CASE("Body admission: the next body of a full connection waits its turn, in order") {
  BodyAdmission admission(kSmall);
  REQUIRE(admission.Arrived(1, "a", Time{0}).verdict == Verdict::kRead);
  REQUIRE(admission.Arrived(2, "a", Time{0}).verdict == Verdict::kRead);
  REQUIRE(admission.Arrived(3, "a", Time{0}).verdict == Verdict::kWait);
  REQUIRE(admission.Arrived(4, "a", Time{0}).verdict == Verdict::kWait);
  REQUIRE(admission.Arrived(5, "b", Time{0}).verdict == Verdict::kRead);
  REQUIRE(admission.Ended(5).empty());  // the place is not one of a's
  REQUIRE(admission.Ended(1) == std::vector<BodyAdmission::Id>{3});
  REQUIRE(admission.Ended(3) == std::vector<BodyAdmission::Id>{4});
  REQUIRE(admission.Ended(99).empty());
}

TEST_CASE("Body admission: a connection that holds the most gives way to one that holds less") {
  BodyAdmission admission(kSmall);
  REQUIRE(admission.Arrived(1, "a", Time{0}).verdict == Verdict::kRead);
  REQUIRE(admission.Arrived(2, "a", Time{0}).verdict == Verdict::kRead);
  REQUIRE(admission.Arrived(3, "b", Time{0}).verdict == Verdict::kRead);
  REQUIRE(admission.Arrived(4, "b", Time{0}).verdict == Verdict::kRead);
  const auto honest = admission.Arrived(5, "c", Time{0});
  REQUIRE(honest.verdict == Verdict::kRead);
  REQUIRE(honest.evicted == BodyAdmission::Id{1});
  // Among equals nobody is evicted for being there, only for being slow.
  REQUIRE(admission.Arrived(6, "a", milliseconds(10)).verdict == Verdict::kWait);
  REQUIRE(admission.Arrived(7, "d", milliseconds(20)).evicted == BodyAdmission::Id{3});
}

TEST_CASE("Body admission: the body that is evicted may be the only one of its connection, and of the newcomer's") {
  BodyAdmission admission({2, 1, 3, 5, seconds(10), seconds(1)});
  REQUIRE(admission.Arrived(1, "a", Time{0}).verdict == Verdict::kRead);
  REQUIRE(admission.Arrived(2, "a", seconds(1)).evicted == BodyAdmission::Id{1});
  REQUIRE(admission.Arrived(3, "b", seconds(3)).evicted == BodyAdmission::Id{2});
  REQUIRE(admission.Ended(3).empty());
  REQUIRE(admission.idle());
}

TEST_CASE("Body admission: what does not arrive in time is refused, and slow bodies give way to those that wait") {
  BodyAdmission admission(kSmall);
  for (BodyAdmission::Id id = 1; id <= 4; ++id)
    admission.Arrived(id, std::string(1, static_cast<char>('a' + id)), Time{0});
  REQUIRE(admission.Arrived(5, "z", Time{0}).verdict == Verdict::kWait);
  std::vector<BodyAdmission::Id> read;
  REQUIRE(admission.Expired(milliseconds(500), read).empty());
  REQUIRE(read.empty());
  REQUIRE(admission.Expired(seconds(1), read) == std::vector<BodyAdmission::Id>{1});
  REQUIRE(read == std::vector<BodyAdmission::Id>{5});
  REQUIRE(admission.Expired(seconds(10), read).size() == 4);
  REQUIRE(admission.idle());
}

// Twenty connections that had filled the line made an honest one's calls fail.
TEST_CASE("Body admission: a full line makes room for who waits with less, and gives up the newest of the longest") {
  BodyAdmission admission({1, 2, 4, 5, seconds(10), seconds(60)});
  REQUIRE(admission.Arrived(1, "a", Time{0}).verdict == Verdict::kRead);
  REQUIRE(admission.Arrived(2, "b", Time{0}).verdict == Verdict::kRead);
  for (BodyAdmission::Id id = 3; id <= 6; ++id) REQUIRE(admission.Arrived(id, "a", Time{0}).verdict == Verdict::kWait);
  REQUIRE(admission.Arrived(7, "b", Time{0}).verdict == Verdict::kWait);
  const auto honest = admission.Arrived(8, "c", Time{0});
  REQUIRE(honest.verdict == Verdict::kWait);
  REQUIRE(honest.evicted == BodyAdmission::Id{6});
  REQUIRE(admission.Arrived(9, "a", Time{0}).verdict == Verdict::kRefuse);
  REQUIRE(admission.waiting() == 5);
  // Among those that are as long nobody gives way.
  REQUIRE(admission.Arrived(10, "b", Time{0}).evicted == BodyAdmission::Id{5});
  REQUIRE(admission.Arrived(11, "c", Time{0}).verdict == Verdict::kRefuse);
}

TEST_CASE(
    "Body admission: a free place goes to the connection that is read the least, however long the others' line is") {
  BodyAdmission admission({2, 3, 100, 100, seconds(10), seconds(60)});
  for (BodyAdmission::Id id = 1; id <= 20; ++id) admission.Arrived(id, id % 2 == 0 ? "a" : "b", Time{0});
  REQUIRE(admission.Arrived(21, "c", Time{0}).evicted == BodyAdmission::Id{1});
  REQUIRE(admission.Arrived(22, "c", Time{0}).verdict == Verdict::kWait);
  // a and b wait with nine each, from before; both are read once, as is c.
  REQUIRE(admission.Ended(21) == std::vector<BodyAdmission::Id>{22});
}

// Random arrivals and ends beside a naive account of them.
TEST_CASE("Body admission: its bounds hold, nobody is read twice and nobody who waits is forgotten") {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Prng prng(seed);
    BodyAdmission admission(kSmall);
    std::map<BodyAdmission::Id, std::string> reading, waiting;
    Time now{0};
    const auto promote = [&](const std::vector<BodyAdmission::Id>& ids) {
      for (const BodyAdmission::Id id : ids) {
        REQUIRE(waiting.count(id) == 1);
        reading.insert(waiting.extract(id));
      }
    };
    for (BodyAdmission::Id id = 1; id <= 300; ++id) {
      now += milliseconds(prng.Below(300));
      switch (prng.Below(3)) {
        case 0: {
          if (reading.empty()) break;
          auto at = reading.begin();
          std::advance(at, static_cast<long>(prng.Below(reading.size())));
          const BodyAdmission::Id ended = at->first;
          reading.erase(at);
          promote(admission.Ended(ended));
          break;
        }
        case 1: {
          std::vector<BodyAdmission::Id> read;
          for (const BodyAdmission::Id expired : admission.Expired(now, read))
            REQUIRE(reading.erase(expired) + waiting.erase(expired) == 1);
          promote(read);
          break;
        }
        default: {
          const std::string connection(1, static_cast<char>('a' + prng.Below(5)));
          const auto admitted = admission.Arrived(id, connection, now);
          if (admitted.evicted) REQUIRE(reading.erase(*admitted.evicted) + waiting.erase(*admitted.evicted) == 1);
          if (admitted.verdict == Verdict::kRead) reading[id] = connection;
          if (admitted.verdict == Verdict::kWait) waiting[id] = connection;
        }
      }
      REQUIRE(admission.reading() == reading.size());
      REQUIRE(admission.waiting() == waiting.size());
      REQUIRE(reading.size() <= kSmall.bodies);
      REQUIRE(waiting.size() <= kSmall.waiting);
      std::map<std::string, std::size_t> of;
      for (const auto& [call, connection] : reading) REQUIRE(++of[connection] <= kSmall.bodies_per_connection);
      // Nobody waits while there is a place.
      for (const auto& [call, connection] : waiting)
        REQUIRE((reading.size() == kSmall.bodies || of[connection] == kSmall.bodies_per_connection));
    }
  }
}

}  // namespace
}  // namespace prefixmesh
