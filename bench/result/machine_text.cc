#include "bench/result/machine_text.h"

#include <nlohmann/json.hpp>

#include "bench/result/json_at.h"
#include "bench/text/quantity.h"

namespace prefixmesh::bench {

std::string MachineText(const nlohmann::json& result) {
  const auto text = [&](const char* path) {
    const nlohmann::json& node = NodeAt(result, path);
    return node.is_string() ? node.get<std::string>()
                            : node.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  };
  return text("machine.cpu") + ", " + text("machine.cores") + " cores, " +
         QuantityText(Quantity::kBytes, NumberAt(result, "machine.memory_bytes")) + ", " + text("machine.kernel");
}

}  // namespace prefixmesh::bench
