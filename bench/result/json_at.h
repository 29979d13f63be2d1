// json_at.h — values of a JSON document by their dotted path, whatever the document is.
// Threads: any, pure. Ownership: what is returned by reference is the document's, or static. Errors: none, and nothing
// is thrown: what is missing or of another type is nothing.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "bench/text/quantity.h"

namespace prefixmesh::bench {

// How those of a result's notes begin that say why values are null (write/nulls.h).
inline constexpr std::string_view kWhyNull = "null, because ";

std::optional<double> NumberAt(const nlohmann::json& json, std::string_view path);
std::string TextAt(const nlohmann::json& json, std::string_view path, std::string_view otherwise = kMissing);
const nlohmann::json& NodeAt(const nlohmann::json& json, std::string_view path);   // null when missing
const nlohmann::json& ArrayAt(const nlohmann::json& json, std::string_view path);  // empty when missing

}  // namespace prefixmesh::bench
