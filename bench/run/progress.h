// progress.h — what a run shows while it runs: one line that is rewritten on a terminal, plain lines elsewhere.
//
// Threads: one. Output: stderr, so that stdout stays for the table. Bounds: 80 columns, or the terminal's if it is
// narrower; a plain line every 5 s.
#pragma once

#include <cstdint>
#include <string>

namespace prefixmesh::bench {

struct ProgressLine {
  std::string phase;
  double elapsed_s = 0;  // of the phase, and how long it may take
  double total_s = 0;
  double rps = 0;
  double lag_ms = 0;            // schedule delay p99 of the last second
  std::uint64_t rss_bytes = 0;  // of the largest router
  double sync_bytes_per_s = 0;  // built by all routers
  double cached_share = -1;     // of the last second; below 0: nothing was answered
};

class Progress {
 public:
  Progress();
  void Say(const std::string& line);  // a line of its own
  void Show(const ProgressLine& line);
  void Finish();

 private:
  const bool terminal_;
  bool drawn_ = false;
  double last_plain_s_ = -1e9;
  std::string last_phase_;
};

// "1.2 MiB", "340 B"
std::string FormatBytes(double bytes);

}  // namespace prefixmesh::bench
