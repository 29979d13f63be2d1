#include "bench/run/expected_memory.h"

#include <algorithm>

namespace prefixmesh::bench {
namespace {

constexpr double kMiB = 1 << 20;

// Of the first and the second generation: operations in a list, entries of a compacted log, seconds to a checkpoint.
struct Lists {
  double list_max, list_usual, log_max, checkpoint_s;
};
Lists ListsOf(const std::string& strategy, const generations::Constants& constants) {
  const double rounds = constants.checkpoint_rounds > 0 ? static_cast<double>(constants.checkpoint_rounds)
                        : strategy == "crdt-ops/c"      ? 60
                                                        : 10;
  const auto list_max = static_cast<double>(constants.list_operations);
  return {.list_max = list_max,
          .list_usual = list_max * 0.75,  // of the half that is kept and the whole
          .log_max = static_cast<double>(constants.log_entries),
          .checkpoint_s = rounds * static_cast<double>(constants.round_ms) / 1000};
}

// Bytes in the first generation's log after `requests` of one router: every value ever written, each of the whole list.
double CrdtLogBytes(const std::string& strategy, const Lists& lists, double requests, double own_rps, double prompt) {
  if (strategy == "crdt-ops/c") {
    // Empty values until the first checkpoint, then its list with each request.
    const double before = lists.checkpoint_s * own_rps;
    return std::clamp(requests - before, 0.0, lists.log_max) * std::min(before, lists.list_max) * prompt;
  }
  const double json = strategy == "crdt-ops/a" ? 7.17 : 1;
  const double growing = std::min(requests, lists.list_max);
  const double later = strategy == "crdt-ops/a" ? requests - growing : std::min(requests, lists.log_max) - growing;
  return json * prompt * (growing * growing / 2 + later * lists.list_usual);
}

}  // namespace

std::uint64_t ExpectedRouterBytes(const std::string& strategy, const load::Settings& settings) {
  const double prompt = static_cast<double>(settings.prompt_bytes());
  const double seconds = settings.phases.warmup_s + settings.phases.load_s;
  const double requests = settings.load.rps * seconds;
  const double own_rps = settings.load.rps / static_cast<double>(settings.routers.count);
  const double own = own_rps * seconds;
  const double base = 40 * kMiB;
  const Lists lists = ListsOf(strategy, settings.generations);
  const auto is = [&strategy](const char* family) { return strategy.starts_with(family); };
  if (strategy == "off" || strategy == "two-layer")
    return static_cast<std::uint64_t>(base + (settings.index.budget_mib + 2 * settings.two_layer.window_mib) * kMiB);

  // The text tree of every generation: the unique part of each prompt it hears of.
  const double tree =
      requests * prompt * (1 - settings.prompt.shared) + static_cast<double>(settings.prompt.templates) * prompt;
  double bytes = base + tree;
  if (is("crdt-ops")) {
    bytes += CrdtLogBytes(strategy, lists, own, own_rps, prompt) + 5 * std::min(own, lists.list_max) * prompt;
  } else if (strategy == "raw-ops" || (is("tenant-deltas/d") && strategy.back() <= '4')) {
    // Pending of ten seconds, a list with three transient copies; the drafts keep a second's prompts once more.
    bytes += lists.checkpoint_s * own_rps * prompt + 4 * lists.list_max * prompt;
    if (strategy != "raw-ops") bytes += own_rps * prompt;
  } else if (strategy == "snapshot-ops" || strategy == "capped-ops") {
    bytes += own * prompt + 4 * tree;  // no checkpoint commits under load
  } else if (is("full-snapshot") || is("checkpoint")) {
    bytes += 5 * tree;  // nodes, encoded, compressed, the body, and a frame of each peer
    if (strategy == "checkpoint/b") bytes += 3 * lists.list_max * prompt;
  } else {
    // tenant-deltas: the index keeps what had matched of every prompt.
    bytes += own * (prompt * settings.prompt.shared + 200);
    if (strategy != "tenant-deltas") bytes += 5 * tree;
    if (strategy == "tenant-deltas/d5") bytes += 3 * lists.list_max * prompt;
  }
  return static_cast<std::uint64_t>(bytes);
}

}  // namespace prefixmesh::bench
