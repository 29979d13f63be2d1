// output.h — how every command of prefixmesh says that it cannot go on.
//
// Threads: one. Ownership: values. Errors: one line on stderr; 1 when the world failed, 2 when the input was wrong.
#pragma once

#include <string>

#include "impl/base/result.h"

namespace prefixmesh::bench {

inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;

// "prefixmesh: MESSAGE" on stderr; returns `code`.
int Fail(const std::string& message, int code = kExitUsage);
// The same with the code that the error means.
int Fail(const Error& error);

// To stderr. A run ignores a reader that went away, because it has processes to end; between two runs there are none,
// so there `2>&1 | head` ends the command.
void SayBetweenRuns(const std::string& line);

}  // namespace prefixmesh::bench
