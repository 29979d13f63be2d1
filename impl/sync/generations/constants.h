// constants.h — the numbers that the generations had in their code: limits, caps, periods, the queue. Settings
// (`generations.NAME`, a router's --generations-NAME) whose default is history.
//
// What a strategy has no use for is not looked at. With other numbers than those of history a run is an experiment, as
// it is with hazards mended; all routers of a cluster get the same.
//
// Threads: a value type, any. Ownership: values. Time: none. Errors: none here; the reader of text holds a number
// against its row. Bounds: each row's. Source: specification of the generations, §5.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

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

// One of them by name; the unit is the name's last word.
struct ConstantRow {
  const char* name;
  std::uint64_t Constants::*member;
  std::uint64_t low, high;
  const char* help;
};

inline constexpr ConstantRow kConstantRows[] = {
    {"batch_bytes", &Constants::batch_bytes, 1, 256u << 20, "sum of values above which a batch is refused"},
    {"transport_bytes", &Constants::transport_bytes, 0, 256u << 20,
     "a larger frame ends the stream; 0: 4 MiB in crdt-ops and /a, else 10 MiB"},
    {"queue_messages", &Constants::queue_messages, 1, 1u << 20,
     "frames that wait for a peer; a batch for which there is no room is not marked"},
    {"tick_ms", &Constants::tick_ms, 10, 3'600'000, "between two collections of a stream"},
    {"round_ms", &Constants::round_ms, 10, 3'600'000, "between two rounds"},
    {"checkpoint_rounds", &Constants::checkpoint_rounds, 0, 1u << 20,
     "between two checkpoints; 0: 60 in crdt-ops/c, else 10"},
    {"garbage_rounds", &Constants::garbage_rounds, 1, 1u << 20, "between two garbage collections"},
    {"structure_rounds", &Constants::structure_rounds, 1, 1u << 20,
     "tenant-deltas/d3 to /d8: rounds with records of a stream, of which the last drops them"},
    {"list_operations", &Constants::list_operations, 2, 1u << 30, "a longer list forgets its older half"},
    {"log_entries", &Constants::log_entries, 4, 1u << 30,
     "crdt-ops, /b, /c: a longer log keeps the latest of each key, or so many of these that it is three quarters full"},
    {"mark_trim_operations", &Constants::mark_trim_operations, 0, 1u << 30,
     "more that are pending are halved when a batch is marked"},
    {"force_trim_operations", &Constants::force_trim_operations, 0, 1u << 30,
     "more that are pending are halved when a batch is refused at a dialer"},
    {"delta_operations", &Constants::delta_operations, 1, 1u << 30, "capped-ops: operations of a delta"},
    {"compressed_bytes", &Constants::compressed_bytes, 1, 256u << 20,
     "checkpoint, tenant-deltas, /d7, /d8: a larger compressed body is dropped"},
    {"claim_bytes", &Constants::claim_bytes, 1, kLz4ClaimMax, "a compressed body that claims more is refused"},
    {"snapshot_entries", &Constants::snapshot_entries, 1, 1024, "entries of a snapshot's chunk"},
};

constexpr const ConstantRow& ConstantNamed(std::string_view name) {
  return *std::find_if(std::begin(kConstantRows), std::end(kConstantRows),
                       [name](const ConstantRow& row) { return name == row.name; });
}

// --generations-batch-bytes
inline std::string FlagOf(const ConstantRow& row) {
  std::string flag = std::string("--generations-") + row.name;
  std::replace(flag.begin(), flag.end(), '_', '-');
  return flag;
}

}  // namespace prefixmesh::generations
