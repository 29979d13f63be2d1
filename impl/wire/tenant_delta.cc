#include "impl/wire/tenant_delta.h"

#include <optional>

namespace prefixmesh::generations {

std::string Encode(const TenantDelta& delta) {
  return delta_layout::Encode(delta, &TenantInsert::hash, &TenantEviction::hash);
}

Result<TenantDeltaView> ViewTenantDelta(Bytes bytes) {
  const std::optional<TenantDeltaView> view = delta_layout::ViewOf<std::uint64_t>(bytes);
  if (!view.has_value()) return Error{ErrorCode::kCorrupt, "tenant_delta does not decode"};
  return *view;
}

Result<TenantDelta> DecodeTenantDelta(Bytes bytes) {
  const Result<TenantDeltaView> view = ViewTenantDelta(bytes);
  if (!view.ok()) return view.error();
  return delta_layout::Owned<TenantDelta, std::uint64_t>(*view);
}

}  // namespace prefixmesh::generations
