// constants.h — the numbers that the generations had in their code: limits, caps, periods, the queue. Settings
// (`generations.NAME`) whose default is history.
//
// What a strategy has no use for is not looked at. With other numbers than those of history a run is an experiment, as
// it is with hazards fixed; all routers of a cluster get the same.
//
// Threads: a value type, any. Ownership: values. Time: none. Errors: setting.h's. Bounds: each row's. Source:
// specification of the generations, §5.
#pragma once

#include <cstdint>
#include <string>

#include "impl/settings/setting.h"
#include "impl/wire/bincode.h"
#include "impl/wire/lz4_body.h"

namespace prefixmesh::generations {

struct Constants {
  std::uint64_t batch_bytes = 10u << 20;
  std::uint64_t transport_bytes = 0;
  std::uint64_t queue_messages = 128;
  std::uint64_t tick_ms = 1000;
  std::uint64_t round_ms = 1000;
  std::uint64_t checkpoint_rounds = 0;
  std::uint64_t garbage_rounds = 60;
  std::uint64_t structure_rounds = 30;
  std::uint64_t list_operations = TreeState::kOperationsMax;
  std::uint64_t log_entries = 10'000;
  std::uint64_t mark_trim_operations = 4096;
  std::uint64_t force_trim_operations = 100;
  std::uint64_t delta_operations = 200;
  std::uint64_t compressed_bytes = 8u << 20;
  std::uint64_t claim_bytes = kLz4ClaimMax;
  std::uint64_t snapshot_entries = 100;

  friend bool operator==(const Constants&, const Constants&) = default;
};

// The settings of the generations: what they had in their code, by the names there, and what they are to be without.
struct Settings : Constants {
  std::string fixed;  // ids of hazards (hazards.h)
};

inline constexpr SettingRow kConstantRows[] = {
    Number<&Constants::batch_bytes>("batch_bytes", 1, 256u << 20, "sum of values above which a batch is refused"),
    Number<&Constants::transport_bytes>("transport_bytes", 0, 256u << 20,
                                        "a larger frame ends the stream; 0: 4 MiB in crdt-ops and /a, else 10 MiB"),
    Number<&Constants::queue_messages>("queue_messages", 1, 1u << 20,
                                       "frames that wait for a peer; a batch for which there is no room is not marked"),
    Number<&Constants::tick_ms>("tick_ms", 10, 3'600'000, "between two collections of a stream"),
    Number<&Constants::round_ms>("round_ms", 10, 3'600'000, "between two rounds"),
    Number<&Constants::checkpoint_rounds>("checkpoint_rounds", 0, 1u << 20,
                                          "between two checkpoints; 0: 60 in crdt-ops/c, else 10"),
    Number<&Constants::garbage_rounds>("garbage_rounds", 1, 1u << 20, "between two garbage collections"),
    Number<&Constants::structure_rounds>(
        "structure_rounds", 1, 1u << 20,
        "tenant-deltas/d3 to /d8: rounds with records of a stream, of which the last drops them"),
    Number<&Constants::list_operations>("list_operations", 2, 1u << 30, "a longer list forgets its older half"),
    Number<&Constants::log_entries>("log_entries", 4, 1u << 30,
                                    "crdt-ops, /b, /c: a longer log keeps the latest of each key, or so many of these "
                                    "that it is three quarters full"),
    Number<&Constants::mark_trim_operations>("mark_trim_operations", 0, 1u << 30,
                                             "more that are pending are halved when a batch is marked"),
    Number<&Constants::force_trim_operations>("force_trim_operations", 0, 1u << 30,
                                              "more that are pending are halved when a batch is refused at a dialer"),
    Number<&Constants::delta_operations>("delta_operations", 1, 1u << 30, "capped-ops: operations of a delta"),
    Number<&Constants::compressed_bytes>("compressed_bytes", 1, 256u << 20,
                                         "checkpoint, tenant-deltas, /d7, /d8: a larger compressed body is dropped"),
    Number<&Constants::claim_bytes>("claim_bytes", 1, double{kLz4ClaimMax},
                                    "a compressed body that claims more is refused"),
    Number<&Constants::snapshot_entries>("snapshot_entries", 1, 1024, "entries of a snapshot's chunk"),
};
inline constexpr SettingRow kSettingRows[] = {
    Formerly("mended",
             Text<&Settings::fixed>(
                 "fixed", "", "hazards of a generation that are fixed, H1,H6 (H1+H6 in an arm); none: as it was")),
};

}  // namespace prefixmesh::generations
