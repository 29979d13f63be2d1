// file_lock.h — a lock on an open file or folder that other processes respect, waited for so long and no longer.
//
// Threads: any. Time: blocks up to `longest`. Ownership: the lock ends when the descriptor is closed. Errors:
// kUnavailable, with the path; a file system without locks has none to wait for. Bounds: one descriptor.
#pragma once

#include <string>

#include "impl/base/result.h"
#include "impl/env/env.h"

namespace prefixmesh::bench {

Status LockWithin(int fd, const std::string& path, Time longest);

}  // namespace prefixmesh::bench
