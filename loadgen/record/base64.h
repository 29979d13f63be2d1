// base64.h — the text form of a histogram (RFC 4648, with padding).
// Threads: any. Errors: Decode refuses other characters, wrong padding and lengths that are not a multiple of 4.
#pragma once

#include <string>
#include <string_view>

#include "impl/base/result.h"

namespace prefixmesh::load {

std::string Base64Encode(std::string_view bytes);
Result<std::string> Base64Decode(std::string_view text);

}  // namespace prefixmesh::load
