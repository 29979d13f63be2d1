// mooncake.h — reads a Mooncake trace: JSON lines {"timestamp": ms, "input_length": tokens, "output_length": tokens,
// "hash_ids": [one per 512 tokens]}. The format is public (kvcache-ai/Mooncake, FAST25-release); the file is not ours.
// Other tools write the same lines with smaller blocks: trace.block_tokens says how many tokens an id stands for.
//
// A token is 4 bytes of text, so a hash id of 512 tokens is 2,048 bytes; the last one is cut to the input's length.
// Equal ids give equal bytes; different ids lie at different places of the corpus and differ there. A line has exactly
// as many ids as its input has blocks: with another block size nothing would be shared as the trace has it.
//
// Threads: pure. Ownership: values. Errors: one line with file and line number for anything malformed, out of order or
// beyond a bound. Bounds: below; they are checked before anything is allocated for the value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "impl/base/result.h"
#include "loadgen/settings/settings.h"

namespace prefixmesh::load {

inline constexpr std::uint64_t kTraceBlockTokensMin = 16;
inline constexpr std::uint64_t kTraceBlockTokensMax = 512;
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
  std::uint64_t block_tokens = kTraceBlockTokensMax;
  bool ended = true;   // the file ended within the span
  std::string sha256;  // of the whole file
};

struct MooncakeOptions {
  // Requests at or after the first timestamp plus this are not kept: reading stops there.
  double span_ms = 0;
  std::uint64_t block_tokens = kTraceBlockTokensMax;  // kTraceBlockTokensMin to kTraceBlockTokensMax
};

Result<MooncakeTrace> ParseMooncake(std::string_view text, std::string_view file, const MooncakeOptions& options);
// A file in this form, or a CSV (trace_csv.h).
Result<MooncakeTrace> ReadMooncake(const std::string& path, const MooncakeOptions& options);

}  // namespace prefixmesh::load
