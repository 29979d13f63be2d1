// recorder.h — start here for what the generator keeps: its counts while it runs, of the sending side and of the
// answering side, each with its own lock at its owner, so that a reply never delays a send. request_log.h has each
// request.
//
// Latency is taken twice: from the intended send time (what a user of an open system feels; immune to coordinated
// omission) and from the real one (what the servers did). Only ok requests of the load phase enter the latency
// histograms; failed ones are counted beside them, never hidden. Times are from the start of the warm-up.
//
// Threads: one each; the owner locks. Units: histograms in µs, everything else in ns. Ownership: values. Errors: none.
// Bounds: a row per second of the run.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "loadgen/plan/plan.h"
#include "loadgen/record/histogram.h"
#include "loadgen/record/request_log.h"

namespace prefixmesh::load {

struct SendSecond {
  std::uint64_t sent = 0;
  std::uint64_t schedule_delay_p99_us = 0;
};

class SendRecorder {
 public:
  explicit SendRecorder(std::int64_t late_ns) : late_ns_(late_ns) {}

  // `woke_ns`: when the pacing sleep ended; negative if it did not have to sleep. Calls come in the order of sent_ns.
  void OnSent(Phase phase, std::int64_t intended_ns, std::int64_t woke_ns, std::int64_t sent_ns);
  void OnDropped(Phase phase, std::uint64_t requests);

  std::uint64_t sent_all() const { return sent_all_; }  // both phases
  std::uint64_t sent() const { return sent_; }
  std::uint64_t late() const { return late_; }
  std::uint64_t dropped() const { return dropped_; }
  std::uint64_t dropped_warmup() const { return dropped_warmup_; }
  const Histogram& schedule_delay_us() const { return schedule_delay_us_; }
  const Histogram& wakeup_us() const { return wakeup_us_; }
  // Row i is second i; the p99 of the last one is that of its sends so far.
  std::vector<SendSecond> Seconds() const;

 private:
  std::int64_t late_ns_;
  std::uint64_t sent_all_ = 0, sent_ = 0, late_ = 0, dropped_ = 0, dropped_warmup_ = 0;
  Histogram schedule_delay_us_, wakeup_us_;
  std::vector<SendSecond> seconds_;
  std::vector<std::uint32_t> delays_us_;  // of the last row
};

struct ReplySecond {
  std::uint64_t ok = 0;
  std::uint64_t failed = 0;
  std::uint64_t prompt_bytes = 0;
  std::uint64_t cached_bytes = 0;
};

class ReplyRecorder {
 public:
  // The record as it goes to the log.
  void OnDone(const RequestRecord& record);

  std::uint64_t done_all() const { return done_all_; }  // both phases
  std::uint64_t ok_all() const { return ok_all_; }
  std::uint64_t failed_all() const { return done_all_ - ok_all_; }
  std::uint64_t ok() const { return ok_; }
  std::uint64_t failed() const { return failed_; }
  std::uint64_t timeouts() const { return timeouts_; }
  std::uint64_t prompt_bytes() const { return prompt_bytes_; }  // ok requests of the load phase, as all below
  std::uint64_t cached_bytes() const { return cached_bytes_; }
  // Failed requests by StatusName; "OK" is a reply that ended before its last message. The first of both phases.
  using ByStatus = std::map<std::string, std::uint64_t>;
  const ByStatus& failed_by_status_all() const { return failed_by_status_all_; }
  const ByStatus& failed_by_status() const { return failed_by_status_; }
  const Histogram& from_intended_us() const { return from_intended_us_; }
  const Histogram& from_sent_us() const { return from_sent_us_; }
  const Histogram& ttft_us() const { return ttft_us_; }  // first token, from the intended time
  const std::map<std::uint16_t, std::uint64_t>& requests_by_worker() const { return requests_by_worker_; }
  const std::map<std::uint8_t, std::uint64_t>& requests_by_reason() const { return requests_by_reason_; }
  const std::vector<ReplySecond>& seconds() const { return seconds_; }

 private:
  std::uint64_t done_all_ = 0, ok_all_ = 0, ok_ = 0, failed_ = 0, timeouts_ = 0, prompt_bytes_ = 0, cached_bytes_ = 0;
  Histogram from_intended_us_, from_sent_us_, ttft_us_;
  std::map<std::uint16_t, std::uint64_t> requests_by_worker_;
  std::map<std::uint8_t, std::uint64_t> requests_by_reason_;
  ByStatus failed_by_status_all_, failed_by_status_;
  std::vector<ReplySecond> seconds_;
};

}  // namespace prefixmesh::load
