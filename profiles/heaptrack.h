// heaptrack.h — drives Debian's heaptrack: the environment in which a process is recorded, and from the recording to a
// profile. The process keeps its pid and is started as ever; what it writes is interpreted after it has ended.
//
// Threads: one. Time: interpreting takes about as long as the process ran; it has a deadline. Ownership: files in the
// folder given. Errors: kNotFound without heaptrack (with the package's name), kUnavailable for a tool that failed.
#pragma once

#include <string>
#include <vector>

#include "impl/base/result.h"
#include "profiles/heap_profile.h"

namespace prefixmesh::profiles {

Status CheckHeaptrack();
// "NAME=VALUE" for a process whose allocations are to be written to `recording`.
std::vector<std::string> RecordingEnvironment(const std::string& recording);

// Where ReadRecording leaves the stacks at the peak and of all allocations, a line each.
std::string StacksFile(const std::string& folder, StackCost cost);

// Interprets `recording` into FOLDER/heap.* and adds its costs to the profile. The recording is removed: it is large.
Status ReadRecording(const std::string& recording, const std::string& folder, HeapProfile& profile);

}  // namespace prefixmesh::profiles
