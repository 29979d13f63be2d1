// Behaviour: what the pacing thread is granted is its own; the threads that it starts, gRPC's among them, are ordinary.
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>
#include <catch2/catch.hpp>

#include <thread>

#include "loadgen/clock/process.h"

namespace prefixmesh::load {
namespace {

struct Standing {
  int policy = 0;
  int nice = 0;
};
Standing Mine() {
  return {sched_getscheduler(0) & ~SCHED_RESET_ON_FORK, getpriority(PRIO_PROCESS, static_cast<id_t>(gettid()))};
}

TEST_CASE("A preferred thread does not pass its preference on") {
  bool granted = false;
  Standing own, child;
  std::thread([&] {
    granted = PreferThisThread();
    own = Mine();
    std::thread([&] { child = Mine(); }).join();
  }).join();
  if (!granted) {
    WARN("no right to a priority here: nothing to pass on");
    return;
  }
  REQUIRE((own.policy == SCHED_RR || own.nice < 0));
  REQUIRE(child.policy == SCHED_OTHER);
  REQUIRE(child.nice >= 0);
}

}  // namespace
}  // namespace prefixmesh::load
