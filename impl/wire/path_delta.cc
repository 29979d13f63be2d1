#include "impl/wire/path_delta.h"

#include <utility>

#include "impl/wire/delta_layout.h"

namespace prefixmesh::generations {

std::string PathOfTokens(std::string_view tokens) {
  std::string path(kTokensPath);
  ByteReader reader(AsBytes(tokens));
  for (bool first = true; reader.remaining() >= kBytesPerToken; first = false) {
    if (!first) path += ',';
    path += std::to_string(reader.Fixed32());
  }
  return path;
}

std::string Encode(const PathDelta& delta) {
  return delta_layout::Encode(delta, &PathInsert::path, &PathEviction::path);
}

Result<PathDelta> DecodePathDelta(Bytes bytes) {
  std::optional<PathDelta> delta = delta_layout::Decode<PathDelta>(bytes, &PathInsert::path, &PathEviction::path);
  if (!delta.has_value()) return Error{ErrorCode::kCorrupt, "path delta does not decode"};
  return std::move(*delta);
}

}  // namespace prefixmesh::generations
