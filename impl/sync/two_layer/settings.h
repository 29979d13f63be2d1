// settings.h — what a user may set of two-layer, `two_layer.NAME`.
//
// Threads: values. Units: in the names. Ownership: values. Errors, bounds: setting.h. Time: none.
#pragma once

#include <cstdint>

#include "impl/settings/setting.h"

namespace prefixmesh::two_layer {

struct Settings {
  double round_ms = 50;
  std::uint64_t anchors = 32;
  double window_mib = 16;
  double dead_after_s = 600;
  double peer_round_budget_kib = 256;
};

inline constexpr SettingRow kSettingRows[] = {
    Number<&Settings::round_ms>("round_ms", 1, 60000, "time between two rounds"),
    Number<&Settings::anchors>("anchors", 0, 4096,
                               "blocks between the coarse ids that travel with a placement; 0: none"),
    Number<&Settings::window_mib>("window_mib", 0.0625, 1 << 20, "placement log kept per origin"),
    Number<&Settings::dead_after_s>("dead_after_s", 4, 86400, "a log whose owner was not heard for so long is dropped"),
    Number<&Settings::peer_round_budget_kib>("peer_round_budget_kib", 1, 512, "records to one peer in one frame"),
};

}  // namespace prefixmesh::two_layer
