// Goal: the signatures of two raw-ops routers under load: what one writer and two writers send. Method: two state
// machines in one thread, a second at a time, ticks half a second apart; every frame arrives.
#include "tests/impl/sync/generations/raw_ops_node.h"

namespace prefixmesh::generations {
namespace {

using namespace test;

struct Sent {
  int deltas = 0, states = 0;
  std::uint64_t bytes = 0;
};

struct Run {
  Sent a, b;
  Node dialer{{.self_name = "a"}};
  Node server{{.self_name = "b"}};

  // rate: operations a second of each; odd, so that halves differ.
  explicit Run(int rate_a, int rate_b, int seconds) {
    dialer.Up(StreamRole::kDialer);
    server.Up(StreamRole::kServer);
    int next_a = 0, next_b = 1'000'000;
    const auto put = [](Node& node, int& next, int count) {
      node.Put(next, count, 100);
      next += count;
    };
    const auto exchange = [](Node& from, Node& to, Sent& sent) {
      const auto frame = from.Tick();
      if (!frame.has_value()) return;
      ++(Open(*frame).is_delta ? sent.deltas : sent.states);
      sent.bytes += frame->size();
      to.Receive(*frame);
    };
    for (int second = 0; second < seconds; ++second) {
      put(dialer, next_a, rate_a / 2);
      put(server, next_b, rate_b / 2);
      exchange(dialer, server, a);
      put(dialer, next_a, rate_a - rate_a / 2);
      put(server, next_b, rate_b - rate_b / 2);
      exchange(server, dialer, b);
      dialer.Rounds(1);
      server.Rounds(1);
    }
  }
};

double StateShare(const Sent& sent) { return static_cast<double>(sent.states) / (sent.states + sent.deltas); }

TEST_CASE("RawOps pair: one writer sends deltas but for one whole list a checkpoint; its reader echoes (H6)") {
  const Run run(21, 0, 60);
  REQUIRE(StateShare(run.a) < 0.15);
  REQUIRE(run.b.deltas == 0);
  REQUIRE(run.b.states > 50);  // each accepted delta comes back as a whole list
  REQUIRE(run.b.bytes > run.a.bytes);
  REQUIRE(run.server.tree.size() >= 58u * 21u);
}

TEST_CASE("RawOps pair: with two writers the slower one falls to whole lists nearly every round (H5)") {
  const Run run(21, 201, 60);
  REQUIRE(StateShare(run.a) > 0.6);
  REQUIRE(run.a.bytes > 10 * 60u * 21u * 130u);  // many times what its own operations take
}

TEST_CASE("RawOps pair: silence is silent") {
  Run run(21, 21, 30);
  for (int second = 0; second < 30; ++second) {  // the rest, and the last echoes
    if (const auto frame = run.dialer.Tick()) run.server.Receive(*frame);
    if (const auto frame = run.server.Tick()) run.dialer.Receive(*frame);
    run.dialer.Rounds(1);
    run.server.Rounds(1);
  }
  for (int second = 0; second < 30; ++second) {
    REQUIRE_FALSE(run.dialer.Tick().has_value());
    REQUIRE_FALSE(run.server.Tick().has_value());
    run.dialer.Rounds(1);
    run.server.Rounds(1);
  }
}

}  // namespace
}  // namespace prefixmesh::generations
