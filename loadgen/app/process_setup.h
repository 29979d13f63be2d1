// process_setup.h — what the load-side mains share: exit codes, one clear line. Signals and death with the
// parent are those of every program (impl/env/real/process.h).
// Threads: call before any thread starts. Errors: printed by the mains.
#pragma once

#include <string_view>

namespace prefixmesh::load {

// Exit codes; docs/results.md says when which.
inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitUntrusted = 3;

// One line on stderr: "prefixmesh-worker: message".
void PrintError(std::string_view program, std::string_view message);

}  // namespace prefixmesh::load
