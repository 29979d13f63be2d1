// Goal: what a peer does not have is sent, again only when it was lost, and counted as unacknowledged as long as it may
// be. Method: events by hand, and a naive list of what is in flight as the oracle.
#include "impl/sync/two_layer/send_window.h"

#include <vector>

#include "impl/base/prng.h"
#include "impl/sync/two_layer/options.h"
#include "tests/support/properties.h"

namespace prefixmesh::two_layer {
namespace {

using std::chrono::milliseconds;

constexpr Time kTimeout = std::chrono::seconds(3);

// 10 records of 20 bytes are under way, in two parts, since 1 s.
SendWindow Sent() {
  SendWindow window;
  window.RestartAt(5);
  window.Send(std::chrono::seconds(1), 9, 80);
  window.Send(std::chrono::seconds(2), 15, 120);
  return window;
}

TEST_CASE("SendWindow: an ack takes the parts that the peer has whole") {
  struct Row {
    std::uint32_t have;
    bool hole;
    std::uint32_t acked, next;
    std::uint64_t unacked_bytes;
  };
  for (const Row& row : {Row{4, false, 5, 15, 200}, Row{8, false, 8, 15, 200}, Row{9, false, 9, 15, 120},
                         Row{14, false, 14, 15, 120}, Row{15, false, 15, 15, 0},
                         // A hole: everything after it goes out again. One that came late does not move what is acked.
                         Row{9, true, 9, 9, 0}, Row{3, true, 5, 3, 0}}) {
    INFO(row.have << (row.hole ? " with a hole" : ""));
    SendWindow window = Sent();
    window.OnAck(std::chrono::seconds(3), row.have, row.hole);
    CHECK(window.acked() == row.acked);
    CHECK(window.next() == row.next);
    CHECK(window.unacked_bytes() == row.unacked_bytes);
    CHECK(window.idle() == (row.unacked_bytes == 0));
  }
}

TEST_CASE("SendWindow: what is in flight and does not move goes out once more, then the window stalls until an ack") {
  SendWindow window = Sent();
  window.RetransmitOnce(milliseconds(3999), kTimeout);
  REQUIRE(window.next() == 15);
  window.RetransmitOnce(milliseconds(4000), kTimeout);
  REQUIRE(window.next() == 5);
  REQUIRE(window.idle());
  REQUIRE_FALSE(window.stalled());
  window.Send(milliseconds(4100), 15, 200);
  window.RetransmitOnce(milliseconds(7099), kTimeout);
  REQUIRE_FALSE(window.stalled());
  window.RetransmitOnce(milliseconds(7100), kTimeout);
  REQUIRE(window.stalled());
  REQUIRE(window.next() == 15);
  REQUIRE(window.unacked_bytes() == 200);
  SECTION("an ack that moves") { window.OnAck(milliseconds(7200), 6, false); }
  SECTION("a vector") { window.RestartAt(6); }
  REQUIRE_FALSE(window.stalled());
}

TEST_CASE("SendWindow: an empty window does not retransmit") {
  SendWindow window;
  window.RetransmitOnce(std::chrono::seconds(100), kTimeout);
  window.RetransmitOnce(std::chrono::seconds(200), kTimeout);
  REQUIRE_FALSE(window.stalled());
}

TEST_CASE("SendWindow: a pull that is renewed leaves what is under way to it alone") {
  struct Row {
    const char* when;
    int now_ms;
    std::uint32_t from;
    bool renewal;
    std::uint32_t next;
  };
  for (const Row& row : {Row{"the first", 1100, 7, false, 7}, Row{"renewed, under way", 1100, 7, true, 15},
                         Row{"renewed, beyond what was sent", 1100, 16, true, 16},
                         Row{"renewed, and nothing moves", 1400, 7, true, 7}}) {
    INFO(row.when);
    SendWindow window = Sent();
    REQUIRE_FALSE(window.leased(milliseconds(1000)));
    window.OnPull(milliseconds(row.now_ms), row.from, row.renewal);
    CHECK(window.next() == row.next);
    CHECK(window.leased(milliseconds(row.now_ms) + kLease));
    CHECK_FALSE(window.leased(milliseconds(row.now_ms + 1) + kLease));
  }
}

TEST_CASE("SendWindow: unacknowledged bytes are those of the parts in flight, whatever happens") {
  test::ForAll("any events", [](std::uint64_t seed) {
    Prng prng(seed);
    SendWindow window;
    std::vector<std::pair<std::uint32_t, std::uint64_t>> oracle;  // end, bytes
    Time now{0};
    for (int step = 0; step < 200; ++step) {
      now += milliseconds(prng.Below(1000));
      const auto seq = static_cast<std::uint32_t>(1 + prng.Below(100));
      switch (prng.Below(5)) {
        case 0:
          window.RestartAt(seq);
          oracle.clear();
          break;
        case 1:
          window.Rewind();
          RC_ASSERT(window.next() == window.acked());
          oracle.clear();
          break;
        case 2: {
          const bool hole = prng.Below(4) == 0;
          window.OnAck(now, seq, hole);
          while (!oracle.empty() && oracle.front().first <= seq) oracle.erase(oracle.begin());
          if (hole) oracle.clear();
          break;
        }
        default: {
          const std::uint32_t end = window.next() + seq;
          window.Send(now, end, seq * 20);
          oracle.emplace_back(end, seq * 20);
        }
      }
      std::uint64_t bytes = 0;
      for (const auto& part : oracle) bytes += part.second;
      RC_ASSERT(window.unacked_bytes() == bytes);
      RC_ASSERT(window.idle() == oracle.empty());
    }
  });
}

}  // namespace
}  // namespace prefixmesh::two_layer
