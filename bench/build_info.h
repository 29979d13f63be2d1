// build_info.h — what this binary was built from: recorded in every result. Values are strings made at build time; the
// commit is asked of git when the build runs, so a rebuild after a commit tells the truth.
#pragma once

#include <string>

namespace prefixmesh::bench {

std::string BuildCommit();  // 40 hex digits, or "unknown" outside a git checkout
bool BuildDirty();          // the work tree had changes in tracked files, results apart
std::string BuildCompiler();
std::string BuildFlags();

}  // namespace prefixmesh::bench
