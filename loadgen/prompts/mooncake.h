// mooncake.h — reads a Mooncake trace: JSON lines {"timestamp": ms, "input_length": tokens, "output_length": tokens,
// "hash_ids": [one per 512 tokens]}. The format is public (kvcache-ai/Mooncake, FAST25-release); the file is not ours.
//
// A token is 4 bytes of text, so a hash id is 2,048 bytes and the last one is cut to the input's length. Equal ids give
// equal bytes; different ids lie at different places of the corpus and differ there.
//
// Threads: pure. Ownership: values. Errors: one line with file and line number for anything malformed, out of order or
// beyond a bound. Bounds: below; they are checked before anything is allocated for the value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "impl/base/result.h"
#include "loadgen/plan/settings.h"

namespace prefixmesh::load {

inline constexpr std::uint64_t kTraceBlockTokens = 512;
inline constexpr std::uint64_t kTraceBlockBytes = 2048;
inline constexpr std::uint64_t kTraceInputTokensMax = kPromptBytesMax / kBytesPerToken;
inline constexpr std::size_t kTraceLineBytesMax = 1u << 20;
inline constexpr std::size_t kTraceRequestsMax = 10000000;

struct TraceRequest {
  std::int64_t timestamp_ms = 0;
  std::uint32_t prompt_bytes = 0;
  std::uint32_t first_block = 0;  // into MooncakeTrace::blocks
  std::uint32_t blocks = 0;
};

struct MooncakeTrace {
  std::vector<TraceRequest> requests;  // ascending by time
  std::vector<std::uint32_t> blocks;   // hash ids renumbered by first appearance, so any 64-bit id is fine
  std::uint32_t distinct_blocks = 0;
  std::string sha256;  // of the whole file
};

// `span_ms`: requests at or after the first timestamp plus this are not kept (they are still checked for form until
// then; reading stops there).
Result<MooncakeTrace> ParseMooncake(std::string_view text, std::string_view file, double span_ms);
Result<MooncakeTrace> ReadMooncake(const std::string& path, double span_ms);

}  // namespace prefixmesh::load
