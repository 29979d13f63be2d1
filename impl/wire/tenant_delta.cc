#include "impl/wire/tenant_delta.h"

#include <utility>

#include "impl/wire/delta_layout.h"

namespace prefixmesh::generations {

std::string Encode(const TenantDelta& delta) {
  return delta_layout::Encode(delta, &TenantInsert::hash, &TenantEviction::hash);
}

Result<TenantDelta> DecodeTenantDelta(Bytes bytes) {
  std::optional<TenantDelta> delta =
      delta_layout::Decode<TenantDelta>(bytes, &TenantInsert::hash, &TenantEviction::hash);
  if (!delta.has_value()) return Error{ErrorCode::kCorrupt, "tenant_delta does not decode"};
  return std::move(*delta);
}

}  // namespace prefixmesh::generations
