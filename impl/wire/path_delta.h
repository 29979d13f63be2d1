// path_delta.h — what the drafts of the seventh generation sent before they hashed: which worker got which prompt, with
// the whole prompt as its "path".
//
//   PathDelta  model version inserts evictions   32 + model + Σ(24 + path + url) + Σ(16 + path + url), as in bincode.h
//     insert     path url epoch
//     eviction   path url
//
// Tokens become the text "tok:" and their decimal list. Threads, ownership, errors and bounds: as bincode.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "impl/base/result.h"
#include "impl/base/slices.h"
#include "impl/wire/delta_layout.h"

namespace prefixmesh::generations {

inline constexpr std::string_view kTokensPath = "tok:";

struct PathInsert {
  std::string path;
  std::string worker_url;
  std::uint64_t epoch = 0;

  friend bool operator==(const PathInsert&, const PathInsert&) = default;
};

struct PathEviction {
  std::string path;
  std::string worker_url;

  friend bool operator==(const PathEviction&, const PathEviction&) = default;
};

struct PathDelta {
  std::string model_id;
  std::uint64_t version = 0;
  std::vector<PathInsert> inserts;
  std::vector<PathEviction> evictions;

  friend bool operator==(const PathDelta&, const PathDelta&) = default;
};

// The path of a token prompt: 4 little-endian bytes a token in, "tok:1,2,3" out.
std::string PathOfTokens(std::string_view tokens);

std::string Encode(const PathDelta& delta);
// The whole value, each part a copy: for what this router made itself.
Result<PathDelta> DecodePathDelta(Bytes bytes);
// What peers send.
using PathDeltaView = delta_layout::View<std::string_view>;
Result<PathDeltaView> ViewPathDelta(Bytes bytes);

}  // namespace prefixmesh::generations
