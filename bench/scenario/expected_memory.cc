#include "bench/scenario/expected_memory.h"

#include <algorithm>

namespace prefixmesh::bench {
namespace {

constexpr double kMiB = 1 << 20;
// Of the first and the second generation: operations in a list, entries of a compacted log, rounds to a checkpoint.
constexpr double kListMax = 2048, kListUsual = 1536, kLogMax = 10'000, kLateCheckpoint = 60, kCheckpoint = 10;

// Bytes in the first generation's log after `requests` of one router: every value ever written, each of the whole list.
double CrdtLogBytes(const std::string& strategy, double requests, double own_rps, double prompt) {
  if (strategy == "crdt-ops/c") {
    // Empty values until the first checkpoint, then its list with each request.
    const double before = kLateCheckpoint * own_rps;
    return std::clamp(requests - before, 0.0, kLogMax) * std::min(before, kListMax) * prompt;
  }
  const double json = strategy == "crdt-ops/a" ? 7.17 : 1;
  const double growing = std::min(requests, kListMax);
  const double later = strategy == "crdt-ops/a" ? requests - growing : std::min(requests, kLogMax) - growing;
  return json * prompt * (growing * growing / 2 + later * kListUsual);
}

}  // namespace

std::uint64_t ExpectedRouterBytes(const std::string& strategy, const load::Settings& settings) {
  const double prompt = static_cast<double>(settings.prompt_bytes());
  const double seconds = settings.phases.warmup_s + settings.phases.load_s;
  const double requests = settings.load.rps * seconds;
  const double own_rps = settings.load.rps / static_cast<double>(settings.routers.count);
  const double own = own_rps * seconds;
  const double base = 40 * kMiB;
  const auto is = [&strategy](const char* family) { return strategy.starts_with(family); };
  if (strategy == "off" || strategy == "two-layer")
    return static_cast<std::uint64_t>(base + (settings.index.budget_mib + 2 * settings.two_layer.window_mib) * kMiB);

  // The text tree of every generation: the unique part of each prompt it hears of.
  const double tree =
      requests * prompt * (1 - settings.prompt.shared) + static_cast<double>(settings.prompt.templates) * prompt;
  double bytes = base + tree;
  if (is("crdt-ops")) {
    bytes += CrdtLogBytes(strategy, own, own_rps, prompt) + 5 * std::min(own, kListMax) * prompt;
  } else if (strategy == "raw-ops" || (is("tenant-deltas/d") && strategy.back() <= '4')) {
    // Pending of ten seconds, a list with three transient copies; the drafts keep a second's prompts once more.
    bytes += kCheckpoint * own_rps * prompt + 4 * kListMax * prompt;
    if (strategy != "raw-ops") bytes += own_rps * prompt;
  } else if (strategy == "snapshot-ops" || strategy == "capped-ops") {
    bytes += own * prompt + 4 * tree;  // no checkpoint commits under load
  } else if (is("full-snapshot") || is("checkpoint")) {
    bytes += 5 * tree;  // nodes, encoded, compressed, the body, and a frame of each peer
    if (strategy == "checkpoint/b") bytes += 3 * kListMax * prompt;
  } else {
    // tenant-deltas: the index keeps what had matched of every prompt.
    bytes += own * (prompt * settings.prompt.shared + 200);
    if (strategy != "tenant-deltas") bytes += 5 * tree;
    if (strategy == "tenant-deltas/d5") bytes += 3 * kListMax * prompt;
  }
  return static_cast<std::uint64_t>(bytes);
}

}  // namespace prefixmesh::bench
