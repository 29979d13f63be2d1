// engine_batch.h — start here for KV events as engines publish them: a batch of them in msgpack, in either of the
// layouts that are in the field.
//
//   arrays   [ts, [["BlockStored", hashes, parent, tokens, block_size, …], …], rank]    trailing defaults are left out
//   maps     {"ts": …, "events": [{"type": "BlockStored", "block_hashes": …}, …], "data_parallel_rank": …}
//
// A field more than is known is skipped, one that is missing is its default; an event of an unknown kind is skipped and
// counted. Source: vLLM's kv_events, as read in August to November 2026.
//
// Threads: pure. Ownership: values. Errors: kCorrupt for what is no batch, with what and where; kTooBig. Time: none.
// Bounds: kEngineBatchBytesMax of payload, kEngineValuesMax values in it, kEngineDepthMax deep, whatever counts it
// claims: nothing is allocated by a claim.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "impl/base/result.h"
#include "impl/kvevents/kv_event.h"

namespace prefixmesh::kvevents {

inline constexpr std::size_t kEngineBatchBytesMax = 4u << 20;
inline constexpr std::size_t kEngineValuesMax = 1u << 19;
inline constexpr std::size_t kEngineDepthMax = 8;
inline constexpr std::size_t kEngineTextBytesMax = 1024;

struct EngineEvent {
  EventKind kind = EventKind::kStored;
  std::vector<BlockName> blocks;    // hashes, as the engine made them
  std::optional<BlockName> parent;  // kStored; none: the first block begins a prompt
  std::vector<std::uint32_t> tokens;
  std::uint64_t block_size = 0;   // tokens in a block
  std::string lora_name, medium;  // empty: none, not said; a LoRA that has a number alone is called #number
  // Kept apart by more than its tokens: by block, empty for most; none at all if all are. Of the first block's it is
  // the cache salt; images and the like make others.
  std::vector<std::string> extra;
  std::uint64_t group = 0;  // of the cache, where a model has several
  friend bool operator==(const EngineEvent&, const EngineEvent&) = default;
};

struct EngineBatch {
  double ts = 0;  // seconds
  std::optional<std::uint32_t> rank;
  std::vector<EngineEvent> events;
  std::size_t unknown = 0;  // events of other kinds
};

enum class EngineLayout : std::uint8_t { kArrays, kMaps };

Result<EngineBatch> ReadEngineBatch(std::string_view payload);
std::string WriteEngineBatch(const EngineBatch& batch, EngineLayout layout);

}  // namespace prefixmesh::kvevents
