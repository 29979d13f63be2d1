// process_setup.h — what the load-side mains share: signals, death with the parent, one clear line, quiet gRPC.
// Threads: call Prepare before any thread starts. Errors: printed by the mains.
#pragma once

#include <string_view>

namespace prefixmesh::load {

// Exit codes of contract.md.
inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitUntrusted = 3;

// gRPC says nothing on its own: what matters comes back as a status and becomes one line of ours.
void QuietGrpc();
// SIGTERM when the parent ends (the thread that started us, to be exact), and at once if it already has.
void ExitWithParent();
// Blocks SIGTERM and SIGINT in this and all later threads; WaitForStop then returns when one arrives.
void BlockStopSignals();
void WaitForStop();

// One line on stderr: "prefixmesh-worker: message".
void PrintError(std::string_view program, std::string_view message);

}  // namespace prefixmesh::load
