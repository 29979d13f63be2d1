// schema_frame.h — bench/result/schema_frame.json, built into the program: what of result.json's schema is no figure.
// Threads: any. Ownership: static text. Errors: none; result_schema.cc reads it once, and a test keeps it readable.
#pragma once

#include <string_view>

namespace prefixmesh::bench {

std::string_view ResultSchemaFrame();

}  // namespace prefixmesh::bench
