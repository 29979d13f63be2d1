#include "impl/wire/path_delta.h"

#include <optional>

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

Result<PathDeltaView> ViewPathDelta(Bytes bytes) {
  const std::optional<PathDeltaView> view = delta_layout::ViewOf<std::string_view>(bytes);
  if (!view.has_value()) return Error{ErrorCode::kCorrupt, "path delta does not decode"};
  return *view;
}

Result<PathDelta> DecodePathDelta(Bytes bytes) {
  const Result<PathDeltaView> view = ViewPathDelta(bytes);
  if (!view.ok()) return view.error();
  return delta_layout::Owned<PathDelta, std::string>(*view);
}

}  // namespace prefixmesh::generations
