// tree_store.h — what every generation from the second on kept per tree: one counter, and one stored body.
//
//   key         "tree:" + model; with H4 fixed "tree@" + the writer's name + "=" + model, for each writer
//   counter     tree_versions: one number for all writers, so equal counters may hide different contents (H4)
//   body        tree_configs: an encoded operation list or an encoded snapshot; which of them is the owner's rule
//   generation  moves with every change of any tree: the idle gate
//
// Threads: mesh loop. Ownership: owns the bodies. Time and errors: none. Bounds: the models of the router; a body has
// none of its own (historical). Body bytes are a running total.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "impl/env/env.h"
#include "impl/sync/generations/store_frame.h"
#include "impl/wire/policy_state.h"

namespace prefixmesh::generations {

inline constexpr std::string_view kTreeKeyPrefix = "tree:";
inline std::string TreeKey(std::string_view model) { return std::string(kTreeKeyPrefix).append(model); }
inline constexpr std::string_view kWriterKeyPrefix = "tree@";
// A router's name has no '=', for peers are given as NAME=HOST:PORT.
std::string WriterKey(std::string_view writer, std::string_view model);
inline bool IsWriterKey(std::string_view key) {
  return key.starts_with(kWriterKeyPrefix) && key.find('=') != std::string_view::npos;
}
inline std::string ModelOf(std::string_view key) {
  return std::string(key.substr(IsWriterKey(key) ? key.find('=') + 1 : kTreeKeyPrefix.size()));
}

// An entry of the policy store's batch around one tree's body.
StoreEntry TreeEntry(std::string_view key, std::string_view tag, std::string config, std::uint64_t version,
                     std::string_view actor, Time now);

class TreeStore {
 public:
  // The counter; null: none was ever set.
  const std::uint64_t* Counter(std::string_view key) const;
  void SetCounter(const std::string& key, std::uint64_t version) { counters_[key] = version; }
  // Null: no body.
  const std::string* Body(std::string_view key) const;
  // `version`: the counter that the body stands for; 0 where the body says it itself.
  void SetBody(const std::string& key, std::string body, std::uint64_t version = 0);
  std::uint64_t BodyVersion(std::string_view key) const;
  void ClearBodies();
  // Changes a body that is there, in place.
  template <typename Change>
  void ChangeBody(std::string_view key, Change&& change) {
    std::string& body = bodies_.find(key)->second;
    body_bytes_ -= body.size();
    change(body);
    body_bytes_ += body.size();
  }
  void Changed() { ++generation_; }
  // Drops counters for which `keep` says no.
  template <typename Keep>
  void DropCounters(Keep&& keep) {
    std::erase_if(counters_, [&](const auto& item) { return !keep(item.first); });
  }

  std::uint64_t generation() const { return generation_; }
  const std::map<std::string, std::uint64_t, std::less<>>& counters() const { return counters_; }
  const std::map<std::string, std::string, std::less<>>& bodies() const { return bodies_; }
  std::uint64_t body_bytes() const { return body_bytes_; }

 private:
  std::map<std::string, std::uint64_t, std::less<>> counters_;
  std::map<std::string, std::string, std::less<>> bodies_;
  std::map<std::string, std::uint64_t, std::less<>> body_versions_;
  std::uint64_t generation_ = 0;
  std::uint64_t body_bytes_ = 0;
};

}  // namespace prefixmesh::generations
