// router_settings.h — the ranges of a router's numbers, written once: the flags of prefixmesh-router and the settings
// of a scenario that become these flags (loadgen/plan/settings_table.cc) are checked against the same row.
//
// Threads: constant data. Units: in the names. Errors: a key without a row does not compile where it is a constant.
#pragma once

#include <string_view>

#include "impl/base/check.h"

namespace prefixmesh {

struct SettingRange {
  std::string_view key;
  double low, high;
};

inline constexpr SettingRange kRouterSettings[] = {
    {"route.cache_threshold", 0, 1},
    {"route.balance_abs", 0, 1e9},
    {"route.balance_rel", 1, 1e9},
    {"index.budget_mib", 0.25, 1 << 20},  // tables that hold a little of everything take so much (block_index.h)
    {"index.block_bytes", 64, 4096},
    {"index.block_tokens", 16, 1024},
    {"index.text_max_chars", 1024, 1e12},
    {"index.text_eviction_s", 0.1, 86400},
    {"two_layer.round_ms", 1, 60000},
    {"two_layer.anchors", 0, 4096},
    {"two_layer.window_mib", 0.0625, 1 << 20},
    {"two_layer.dead_after_s", 4, 86400},
    {"two_layer.peer_round_budget_kib", 1, 512},
};

constexpr const SettingRange& RouterSetting(std::string_view key) {
  for (const SettingRange& row : kRouterSettings)
    if (row.key == key) return row;
  PREFIXMESH_CHECK(false);
  return kRouterSettings[0];
}

}  // namespace prefixmesh
