// machine_text.h — which machine a result is from, as one line.
// Threads: any, pure. Errors: none; what the result does not say is null in the line.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace prefixmesh::bench {

// Cpu, cores, memory and kernel: equal text is the same machine.
std::string MachineText(const nlohmann::json& result);

}  // namespace prefixmesh::bench
