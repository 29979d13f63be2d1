#include "impl/wire/policy_state.h"

#include "impl/wire/bincode.h"

namespace prefixmesh::generations {

std::string Encode(const PolicyState& state) {
  BincodeWriter writer(32 + state.model_id.size() + state.policy_type.size() + state.config.size());
  writer.String(state.model_id);
  writer.String(state.policy_type);
  writer.String(state.config);
  writer.U64(state.version);
  return writer.Take();
}

Result<PolicyStateView> DecodePolicyState(Bytes bytes) {
  ByteReader reader(bytes);
  PolicyStateView view;
  view.model_id = ReadString(reader);
  view.policy_type = ReadString(reader);
  view.config = AsBytes(ReadString(reader));
  view.version = reader.Fixed64();
  if (!reader.Finished()) return Error{ErrorCode::kCorrupt, "policy state does not decode"};
  return view;
}

}  // namespace prefixmesh::generations
