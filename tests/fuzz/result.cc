// Any JSON that ReadJson takes is a result that can be drawn, or is refused.
#include <nlohmann/json.hpp>

#include "bench/report/report.h"
#include "impl/base/nesting.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (!prefixmesh::CheckNesting({reinterpret_cast<const char*>(data), size}).ok()) return 0;
  const auto result = nlohmann::json::parse(data, data + size, nullptr, false);
  if (!result.is_discarded()) (void)prefixmesh::bench::RenderReport({result});
  return 0;
}
