// item_fields.h — how an item of conformance vectors is read: a field that is missing or of another type fails the
// item.
//
// Threads: pure. Ownership: references into the item. Errors: Failure, which Conform catches. Units, bounds: none.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

namespace prefixmesh::bench {

// What went wrong with one item: thrown by a check, caught by Conform.
struct Failure {
  std::string what;
};

[[noreturn]] inline void Fail(const std::string& what) { throw Failure{what}; }
inline void Require(bool holds, const std::string& what) {
  if (!holds) Fail(what);
}

inline const nlohmann::json& Field(const nlohmann::json& item, const char* name) {
  Require(item.is_object() && item.contains(name), std::string("has no field '") + name + "'");
  return item.at(name);
}

inline std::string Text(const nlohmann::json& item, const char* name) {
  const nlohmann::json& value = Field(item, name);
  Require(value.is_string(), std::string("field '") + name + "' is not a text");
  return value;
}

inline std::uint64_t Number(const nlohmann::json& item, const char* name) {
  const nlohmann::json& value = Field(item, name);
  Require(value.is_number_unsigned(), std::string("field '") + name + "' is not a whole number of 0 or more");
  return value;
}

inline const nlohmann::json& List(const nlohmann::json& item, const char* name) {
  const nlohmann::json& value = Field(item, name);
  Require(value.is_array(), std::string("field '") + name + "' is not a list");
  return value;
}

}  // namespace prefixmesh::bench
