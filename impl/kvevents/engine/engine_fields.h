// engine_fields.h — the fields of engine events, as both layouts name and order them (engine_batch.h).
//
// Threads: constants. Ownership, errors, time, bounds: none.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "impl/kvevents/kv_event.h"

namespace prefixmesh::kvevents {

enum class EngineField : std::uint8_t {
  kHashes,
  kParent,
  kTokens,
  kBlockSize,
  kLoraId,
  kMedium,
  kLoraName,
  kExtraKeys,
  kGroup,
  kSkipped
};
struct EngineFieldName {
  std::string_view name;
  EngineField field;
};
// In the order of the array layout.
inline constexpr EngineFieldName kStoredFields[] = {
    {"block_hashes", EngineField::kHashes}, {"parent_block_hash", EngineField::kParent},
    {"token_ids", EngineField::kTokens},    {"block_size", EngineField::kBlockSize},
    {"lora_id", EngineField::kLoraId},      {"medium", EngineField::kMedium},
    {"lora_name", EngineField::kLoraName},  {"extra_keys", EngineField::kExtraKeys},
    {"group_idx", EngineField::kGroup},
};
inline constexpr EngineFieldName kRemovedFields[] = {
    {"block_hashes", EngineField::kHashes}, {"medium", EngineField::kMedium}, {"group_idx", EngineField::kGroup}};

struct EngineEventKind {
  std::string_view tag;
  EventKind kind;
  std::span<const EngineFieldName> fields;
};
inline constexpr EngineEventKind kEngineEventKinds[] = {
    {"BlockStored", EventKind::kStored, kStoredFields},
    {"BlockRemoved", EventKind::kRemoved, kRemovedFields},
    {"AllBlocksCleared", EventKind::kCleared, {}},
};

}  // namespace prefixmesh::kvevents
