#include "impl/sync/generations/tree_store.h"

#include <utility>

namespace prefixmesh::generations {

std::string WriterKey(std::string_view writer, std::string_view model) {
  return std::string(kWriterKeyPrefix).append(writer).append("=").append(model);
}

StoreEntry TreeEntry(std::string_view key, std::string_view tag, std::string config, std::uint64_t version,
                     std::string_view actor, Time now) {
  const PolicyState envelope{
      .model_id = ModelOf(key), .policy_type = std::string(tag), .config = std::move(config), .version = version};
  return {.key = std::string(key),
          .value = Encode(envelope),
          .version = version,
          .actor = std::string(actor),
          .timestamp_ns = static_cast<std::uint64_t>(now.count())};
}

const std::uint64_t* TreeStore::Counter(std::string_view key) const {
  const auto found = counters_.find(key);
  return found == counters_.end() ? nullptr : &found->second;
}

const std::string* TreeStore::Body(std::string_view key) const {
  const auto found = bodies_.find(key);
  return found == bodies_.end() ? nullptr : &found->second;
}

std::uint64_t TreeStore::BodyVersion(std::string_view key) const {
  const auto found = body_versions_.find(key);
  return found == body_versions_.end() ? 0 : found->second;
}

void TreeStore::ClearBodies() {
  bodies_.clear();
  body_versions_.clear();
  body_bytes_ = 0;
}

void TreeStore::SetBody(const std::string& key, std::string body, std::uint64_t version) {
  body_versions_[key] = version;
  std::string& stored = bodies_[key];
  body_bytes_ += body.size();
  body_bytes_ -= stored.size();
  stored = std::move(body);
}

}  // namespace prefixmesh::generations
