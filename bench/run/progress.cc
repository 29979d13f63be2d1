#include "bench/run/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace prefixmesh::bench {
namespace {

constexpr int kColumnsMax = 79;

}  // namespace

std::string FormatBytes(double bytes) {
  const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  int unit = 0;
  while (std::fabs(bytes) >= 1024 && unit < 4) {
    bytes /= 1024;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof(text), unit == 0 || bytes >= 100 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
  return text;
}

Progress::Progress() : terminal_(isatty(STDERR_FILENO) != 0) {}

void Progress::Say(const std::string& line) {
  Finish();
  std::fprintf(stderr, "%s\n", line.c_str());
}

void Progress::Show(const ProgressLine& line) {
  char cached[16] = "-";
  if (line.cached_share >= 0) std::snprintf(cached, sizeof(cached), "%.1f %%", line.cached_share * 100);
  char text[160];
  std::snprintf(text, sizeof(text), "%-7s %3.0f/%.0fs %4.0f rps lag %.1fms rss %s sync %s/s cached %s",
                line.phase.c_str(), line.elapsed_s, line.total_s, line.rps, line.lag_ms,
                FormatBytes(static_cast<double>(line.rss_bytes)).c_str(), FormatBytes(line.sync_bytes_per_s).c_str(),
                cached);
  if (terminal_) {
    // One column stays free: a line that fills the last one wraps, and could not be rewritten. Asked every time,
    // because terminals are resized.
    winsize size{};
    const bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
    std::fprintf(stderr, "\r\033[K%.*s", known ? std::min(size.ws_col - 1, kColumnsMax) : kColumnsMax, text);
    std::fflush(stderr);
    drawn_ = true;
    return;
  }
  if (line.phase == last_phase_ && line.elapsed_s - last_plain_s_ < 5) return;
  last_plain_s_ = line.elapsed_s;
  last_phase_ = line.phase;
  std::fprintf(stderr, "%s\n", text);
}

void Progress::Finish() {
  if (!drawn_) return;
  std::fprintf(stderr, "\n");
  drawn_ = false;
}

}  // namespace prefixmesh::bench
