// run_folder.h — folders of runs that are made one after another and may be stopped in between: what is whole is taken
// as it is, what is not is moved aside and made again.
//
// Threads: one. Ownership: values. Errors: kInvalid with the folder. Bounds: none of their own.
#pragma once

#include <string>
#include <utility>

#include "bench/run/run.h"
#include "impl/base/result.h"

namespace prefixmesh::bench {

// As long as it lives no other process of this tool takes the folder; nothing is left in it. The kernel ends it with
// the process, however that ends.
class FolderLock {
 public:
  // Makes the folder if need be. kInvalid, with the option that named it: another one has it.
  static Result<FolderLock> Take(const std::string& folder, const std::string& option = "--out");
  FolderLock(FolderLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FolderLock& operator=(FolderLock&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~FolderLock();

 private:
  explicit FolderLock(int fd) : fd_(fd) {}
  int fd_;
};

// Whether there is something of that name; what cannot be asked is not there, and using it says why.
bool Exists(const std::string& path);

// request.out has the result of just this run, made by this very build: strategy, seed and all settings agree, it did
// not fail, and the build has a commit that says what was built.
bool HoldsRun(const RunRequest& request);

// FOLDER becomes FOLDER.failed-1, or the next free number. `why` is a word for "failed".
Status MoveAside(const std::string& folder, const std::string& why = "failed");

}  // namespace prefixmesh::bench
