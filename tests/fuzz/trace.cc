// Any text is a trace or is refused with one line.
#include <cstdlib>
#include <string>

#include "loadgen/prompts/mooncake.h"
#include "loadgen/prompts/trace_csv.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto trace = prefixmesh::load::ParseMooncake(text, "trace", {60'000});
  const auto table =
      prefixmesh::load::ParseTraceCsv("TIMESTAMP,ContextTokens\n" + std::string(text), "trace", {60'000});
  for (const auto* each : {&trace, &table})
    if (!each->ok() && each->error().message.find('\n') != std::string::npos) std::abort();
  return 0;
}
