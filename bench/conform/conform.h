// conform.h — start here for vectors: runs language-neutral ones against this implementation (docs/conform.md lists the
// kinds and fields).
//
// A file is a JSON array of items; each has a `kind` and passes or fails as a whole. An unknown kind, a missing field
// or one of the wrong type is a failure with a clear line, never skipped.
//
// Threads: a pure function. Ownership: values. Errors: failures are lines of the outcome. Bounds: items may ask for
// kWorkMax bytes of text or so many operations; more is a failure.
#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace prefixmesh::bench {

struct ConformOutcome {
  std::size_t passed = 0;
  std::vector<std::string> failures;  // "item 3 (tenant_delta): encodes differently from byte 17 on"
};

inline constexpr std::size_t kWorkMax = 64u << 20;

// `items` is the array. Not an array: one failure.
ConformOutcome Conform(const nlohmann::json& items);

}  // namespace prefixmesh::bench
