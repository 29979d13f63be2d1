// output.h — how every command of prefixmesh says that it cannot go on, and reads what an earlier one wrote.
//
// Threads: one. Ownership: values. Errors: one line on stderr; 1 when the world failed, 2 when the input was wrong.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "impl/base/result.h"

namespace prefixmesh::bench {

inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;

// "prefixmesh: MESSAGE" on stderr; returns `code`.
int Fail(const std::string& message, int code = kExitUsage);
// The same with the code that the error means.
int Fail(const Error& error);

// A result file, or the one of a run folder.
Result<nlohmann::json> ReadResult(const std::string& path);

}  // namespace prefixmesh::bench
