// Any text is a trace or is refused with one line.
#include <cstdlib>

#include "loadgen/prompts/mooncake.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto trace = prefixmesh::load::ParseMooncake(text, "trace", {60'000});
  if (!trace.ok() && trace.error().message.find('\n') != std::string::npos) std::abort();
  return 0;
}
