// result_schema.h — start here for results: what result.json has, as its JSON Schema. It is read with read_json.h,
// json_at.h, key_figures.h and field_value.h, held against objectives with slo.h, and written in write/measured.h.
//
// The hand-written frame (schema_frame.json) with the figures' tables put in where it names a group.
// results/schema.json is this text; a test compares.
//
// Threads: any. Ownership: static. Errors: none. Bounds: the tables'. Source: https://json-schema.org/draft/2020-12
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace prefixmesh::bench {

// Within a version figures are added and none is taken away.
inline constexpr int kResultSchemaVersion = 2;

const nlohmann::json& ResultSchema();
// With its fields in the order of the tables, and short things on one line.
std::string ResultSchemaText();

}  // namespace prefixmesh::bench
