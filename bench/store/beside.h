// beside.h — what is recorded beside runs: A/Bs, and what micro benchmarks said.
//
//   results/ab/20261129T080600Z-reference.json          an ab.json (results/ab.schema.json)
//   results/micro/20261129T080600Z-bench_micro.json     Google Benchmark's JSON (--benchmark_out)
//
// Threads: one. Ownership: values. Errors: kInvalid for what is neither, or lacks what its name is made of; nothing is
// overwritten. Bounds: kJsonFileBytesMax. Of a benchmark's context, where the program lay and the host's name are left
// out: they are nobody's business.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "impl/base/result.h"

namespace prefixmesh::bench {

// The file that `path` means if it is such a one: an A/B's folder or file, or a benchmark's file; else nothing.
std::optional<std::string> BesideFile(const std::string& path);
// Returns the path written.
Result<std::string> RecordBeside(const std::string& file, const std::string& results);

}  // namespace prefixmesh::bench
