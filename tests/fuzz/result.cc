// Any JSON is a result that can be drawn, or is refused.
#include <nlohmann/json.hpp>

#include "bench/report/report.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto result = nlohmann::json::parse(data, data + size, nullptr, false);
  if (!result.is_discarded()) (void)prefixmesh::bench::RenderReport({result});
  return 0;
}
