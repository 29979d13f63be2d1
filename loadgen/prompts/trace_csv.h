// trace_csv.h — traces that say when requests came and how long they were, and nothing else: CSV with a line of names.
//
//   TIMESTAMP,ContextTokens,GeneratedTokens             Azure's LLM inference traces; TIMESTAMP is a date with a time
//   Timestamp,Model,Request tokens,Response tokens,…    BurstGPT; Timestamp is seconds
//
// Nothing in them says what prompts share, so no prompt shares a block with another: such a trace shows arrivals and
// sizes, not cache hits. Other columns are passed over; fields are not quoted.
//
// Threads: pure. Ownership: values. Units: ms and tokens in the result. Errors: one line with file and line number.
// Bounds: those of mooncake.h, checked before anything is allocated for the value.
#pragma once

#include <string_view>

#include "impl/base/result.h"
#include "loadgen/prompts/mooncake.h"

namespace prefixmesh::load {

// Whether the first line names a time and prompt tokens.
bool IsTraceCsv(std::string_view text);

Result<MooncakeTrace> ParseTraceCsv(std::string_view text, std::string_view file, const MooncakeOptions& options);

}  // namespace prefixmesh::load
