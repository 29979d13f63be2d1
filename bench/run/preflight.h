// preflight.h — what can be known before a run starts anything, so that it does not fail half way.
//
// Threads: one, before children start. Ownership: values. Units: bytes, threads, files. Errors: kInvalid, one line that
// says what is missing and which setting or limit to change; kExhausted for a full disk.
#pragma once

#include <string>

#include "bench/process/proc.h"
#include "bench/run/run.h"
#include "bench/run/run_folder.h"
#include "impl/base/result.h"

namespace prefixmesh::bench {

// Memory, open files, address space and threads. Raises the limit of open files as far as it may.
Status CheckMachine(const RunRequest& request, const Machine& machine);

// Takes the folder for one run: as it is, or made if missing; refused if it holds another run.
Result<FolderLock> PrepareFolder(const std::string& out);

}  // namespace prefixmesh::bench
