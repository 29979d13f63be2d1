// path_index.h — what a hash stood for on this router: hash of a whole prompt → the first part of it that was in the
// tree when it was last placed here.
//
// One map for all models, so the same prompt under two models overwrites itself (W1). What is kept is the match before
// the insert: nothing for a prompt seen for the first time, all of it for a repeated one (X3). The only bound is a
// count that is compared with the tree's limit in chars, so it is never reached in practice; then all goes (X4).
//
// Threads: mesh loop. Ownership: owns the text. Time and errors: none. Bounds: entries_max, held by ClearIfAbove; none
// in bytes (historical). Bytes are a running total, as malloc cuts them.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>

namespace prefixmesh::generations {

class PathIndex {
 public:
  void Put(std::uint64_t hash, std::string prefix);
  // Null: unknown here.
  const std::string* Find(std::uint64_t hash) const;
  // How many entries went.
  std::size_t ClearIfAbove(std::uint64_t entries_max);

  std::uint64_t bytes() const;
  std::size_t entries() const { return prefixes_.size(); }

 private:
  std::unordered_map<std::uint64_t, std::string> prefixes_;  // looked up only, never iterated
  std::uint64_t text_bytes_ = 0;
};

}  // namespace prefixmesh::generations
