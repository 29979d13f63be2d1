// schema_embed.h — results/schema.json, built into the program: the one list of result.json's fields.
// Threads: any. Ownership: static text. Errors: none; a test keeps it valid and the fixtures valid against it.
#pragma once

#include <string_view>

namespace prefixmesh::bench {

std::string_view ResultSchema();

}  // namespace prefixmesh::bench
