#include "bench/result/json_at.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace prefixmesh::bench {

const nlohmann::json& NodeAt(const nlohmann::json& json, std::string_view path) {
  static const nlohmann::json null;
  const nlohmann::json* node = &json;
  while (!path.empty()) {
    const std::size_t dot = std::min(path.find('.'), path.size());
    if (!node->is_object()) return null;
    const auto found = node->find(std::string(path.substr(0, dot)));
    if (found == node->end()) return null;
    node = &*found;
    path.remove_prefix(std::min(dot + 1, path.size()));
  }
  return *node;
}

const nlohmann::json& ArrayAt(const nlohmann::json& json, std::string_view path) {
  static const nlohmann::json empty = nlohmann::json::array();
  const nlohmann::json& node = NodeAt(json, path);
  return node.is_array() ? node : empty;
}

std::optional<double> NumberAt(const nlohmann::json& json, std::string_view path) {
  const nlohmann::json& node = NodeAt(json, path);
  return node.is_number() ? std::optional<double>(node.get<double>()) : std::nullopt;
}

std::string TextAt(const nlohmann::json& json, std::string_view path, std::string_view otherwise) {
  const nlohmann::json& node = NodeAt(json, path);
  return node.is_string() ? node.get<std::string>() : std::string(otherwise);
}

}  // namespace prefixmesh::bench
