// Goal: server stalls of known length give percentiles within 1 % of the closed form, and a closed loop would hide
// them. Method: a model server on a virtual clock (no threads, no sleeps) and the real recorders.
#include "loadgen/record/recorder.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "loadgen/drive/pacer.h"

namespace prefixmesh::load {
namespace {

constexpr std::int64_t kMs = 1'000'000;

// Serves at once in `service_ns`, except that a request that arrives in [stall_begin, stall_end) waits for its end.
struct StallingServer {
  std::int64_t stall_begin, stall_end, service_ns;
  std::int64_t DoneAt(std::int64_t arrived) const {
    const bool stalled = arrived >= stall_begin && arrived < stall_end;
    return (stalled ? stall_end : arrived) + service_ns;
  }
};

RequestRecord Record(std::int64_t intended, std::int64_t sent, std::int64_t done) {
  RequestRecord record;
  record.intended_ns = intended;
  record.sent_ns = sent;
  record.first_token_ns = done;
  record.done_ns = done;
  record.outcome = Outcome::kOk;
  record.phase = static_cast<std::uint8_t>(Phase::kLoad);
  return record;
}

// With a stall of S in a run of T and service s, the latency's quantile function is s up to 1 - S/T and then rises
// linearly to s + S.
double ClosedFormUs(double percentile, double run_ms, double stall_ms, double service_ms) {
  const double beyond = percentile / 100 - (1 - stall_ms / run_ms);
  return (service_ms + std::max(0.0, beyond * run_ms)) * 1000;
}

TEST_CASE("Recorder: an open loop reports a stall as every user felt it") {
  constexpr double kRunMs = 100000, kServiceMs = 2;
  for (const std::int64_t stall_ms : {1000, 5000, 20000}) {
    const StallingServer server{30000 * kMs, (30000 + stall_ms) * kMs, static_cast<std::int64_t>(kServiceMs) * kMs};
    ReplyRecorder replies;
    for (std::int64_t at = 0; at < 100000 * kMs; at += kMs) replies.OnDone(Record(at, at, server.DoneAt(at)));
    for (const double p : {50.0, 90.0, 95.0, 99.0, 99.5, 99.9, 99.99}) {
      const double expected = ClosedFormUs(p, kRunMs, static_cast<double>(stall_ms), kServiceMs);
      INFO("stall " << stall_ms << " ms, p" << p);
      REQUIRE(static_cast<double>(replies.from_intended_us().Percentile(p)) == Approx(expected).epsilon(0.01));
      REQUIRE(static_cast<double>(replies.from_sent_us().Percentile(p)) == Approx(expected).epsilon(0.01));
    }
  }
}

TEST_CASE("Recorder: when the sender itself was held up, the intended time still tells the truth") {
  // A closed loop: one request at a time, so the stall delays the sends behind it; it then catches up.
  constexpr std::int64_t kStallMs = 5000;
  const StallingServer server{30000 * kMs, (30000 + kStallMs) * kMs, kMs / 100};
  ReplyRecorder replies;
  SendRecorder sends(5 * kMs);
  std::int64_t free_at = 0;
  for (std::int64_t intended = 0; intended < 100000 * kMs; intended += kMs) {
    const std::int64_t sent = std::max(intended, free_at);
    free_at = server.DoneAt(sent);
    sends.OnSent(Phase::kLoad, intended, -1, sent);
    replies.OnDone(Record(intended, sent, free_at));
  }
  // From the intended time: as in the open loop, the stall and a backlog that drains 100 times as fast as it grew.
  for (const double p : {96.0, 97.0, 99.0, 99.5}) {
    const double drained = 100.0 / 99;  // the backlog's part of the run, relative to the stall's
    const double beyond = (p / 100 - (1 - 0.05 * drained)) / drained;
    REQUIRE(static_cast<double>(replies.from_intended_us().Percentile(p)) ==
            Approx(10 + beyond * 100000 * 1000).epsilon(0.01));
  }
  // From the sent time one request of 100,000 carries the whole stall: this is the omission.
  REQUIRE(replies.from_sent_us().Percentile(99.99) <= 11);
  REQUIRE(static_cast<double>(replies.from_sent_us().max()) == Approx(kStallMs * 1000 + 10).epsilon(0.001));
  // And the generator says of itself that it was late.
  REQUIRE(static_cast<double>(sends.late()) == Approx(5000 * 100.0 / 99 - 5).epsilon(0.01));
  REQUIRE(static_cast<double>(sends.schedule_delay_us().max()) == Approx(kStallMs * 1000).epsilon(0.01));
}

TEST_CASE("Recorder: warm-up and failures stay out of the load's latency and are counted") {
  ReplyRecorder replies;
  RequestRecord warmup = Record(0, 0, 9000 * kMs);
  warmup.phase = static_cast<std::uint8_t>(Phase::kWarmup);
  replies.OnDone(warmup);
  RequestRecord failed = Record(0, 0, 9000 * kMs);
  failed.outcome = Outcome::kTimeout;
  replies.OnDone(failed);
  replies.OnDone(Record(0, 0, kMs));
  REQUIRE(replies.from_intended_us().count() == 1);
  REQUIRE(replies.from_intended_us().max() == 1000);
  REQUIRE(replies.ok() == 1);
  REQUIRE(replies.failed() == 1);
  REQUIRE(replies.timeouts() == 1);
  REQUIRE(replies.ok_all() == 2);
}

// A clock that a test moves: sleeping goes forward, and ends `wake_delay` late.
class VirtualPace final : public Pace {
 public:
  Time Now() override { return now; }
  void SleepUntil(Time when) override { now = std::max(now, when) + wake_delay; }
  Time now{1000};
  Time wake_delay{0};
};

std::vector<PlannedRequest> EveryMs(std::size_t count) {
  std::vector<PlannedRequest> requests(count);
  for (std::size_t i = 0; i < count; ++i) {
    requests[i].intended_ns = static_cast<std::int64_t>(i) * kMs;
    requests[i].phase = Phase::kLoad;
  }
  return requests;
}

TEST_CASE("Recorder: failed requests are counted by their status, and an unknown one has a name, too") {
  ReplyRecorder replies;
  replies.OnDone(Record(0, 0, kMs));
  for (const std::uint32_t status : {8u, 8u, 14u, 0u, 4096u}) {
    RequestRecord failed = Record(0, 0, kMs);
    failed.outcome = Outcome::kFailed;
    failed.status = status;
    replies.OnDone(failed);
    failed.phase = static_cast<std::uint8_t>(Phase::kWarmup);
    replies.OnDone(failed);
  }
  const ReplyRecorder::ByStatus load{{"OK", 1}, {"RESOURCE_EXHAUSTED", 2}, {"UNAVAILABLE", 1}, {"UNKNOWN", 1}};
  REQUIRE(replies.failed_by_status() == load);
  REQUIRE(replies.failed_by_status_all().at("RESOURCE_EXHAUSTED") == 4);
}

TEST_CASE("RunPacing: sends at the planned times, whatever sending costs, and catches up after a hold-up") {
  const auto requests = EveryMs(1000);
  VirtualPace pace;
  pace.wake_delay = std::chrono::microseconds(20);
  SendRecorder sends(5 * kMs);
  const Time epoch{1000};
  const std::size_t end = RunPacing(
      requests, epoch, std::chrono::seconds(10), pace, [](std::size_t) {},
      [&](const PacedSend& paced) {
        sends.OnSent(Phase::kLoad, requests[paced.index].intended_ns, paced.woke.count(), paced.now.count());
        // The machine takes the processor away for 50 ms once.
        pace.now += paced.index == 500 ? std::chrono::milliseconds(50) : std::chrono::microseconds(100);
      });
  REQUIRE(end == 1000);
  REQUIRE(sends.sent() == 1000);
  REQUIRE(sends.schedule_delay_us().Percentile(50) == 20);
  REQUIRE(sends.schedule_delay_us().max() == Approx(49020).epsilon(0.001));
  REQUIRE(sends.late() == 49);  // 49.02 ms behind, 0.9 ms gained a send: 49 sends above 5 ms
  REQUIRE(sends.wakeup_us().max() == 20);
}

TEST_CASE("RunPacing: what cannot be sent by the end is dropped, not sent late") {
  const auto requests = EveryMs(100);
  VirtualPace pace;
  std::size_t sent = 0;
  const std::size_t dropped_from = RunPacing(
      requests, Time(1000), std::chrono::milliseconds(100), pace, [](std::size_t) {},
      [&](const PacedSend&) {
        ++sent;
        pace.now += std::chrono::milliseconds(2);
      });
  REQUIRE(sent == 50);
  REQUIRE(dropped_from == 50);
}

}  // namespace
}  // namespace prefixmesh::load
