#include "impl/env/real/request_parse.h"

#include <utility>

namespace prefixmesh {

Result<ParsedRequest> ParseRequest(const grpc::ByteBuffer& buffer) {
  ParsedRequest request;
  if (!buffer.Dump(&request.slices).ok()) return Error{ErrorCode::kCorrupt, "the request has no body"};
  Slices body;
  for (const grpc::Slice& slice : request.slices) body.Append({slice.begin(), slice.size()});
  Result<RequestView> view = ViewRequest(body);
  if (!view.ok()) return view.error();
  static_cast<RequestView&>(request) = std::move(*view);
  return request;
}

}  // namespace prefixmesh
