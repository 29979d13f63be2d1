#include "impl/sync/generations/crdt_ops/value_codec.h"

#include <utility>

#include "impl/wire/json_ops.h"
#include "impl/wire/policy_state.h"

namespace prefixmesh::generations {

std::string EncodeValue(ValueForm form, const TreeState& list, std::uint64_t version) {
  const bool json = form == ValueForm::kJson;
  const PolicyState state{.model_id = list.model_id,
                          .policy_type = std::string(kTreeStateTag),
                          .config = json ? EncodeJson(list, JsonForm::kKeyAndText) : Encode(list),
                          .version = version};
  return json ? EncodeJson(state) : Encode(state);
}

std::optional<TreeState> DecodeValue(ValueForm form, Bytes value) {
  const bool json = form == ValueForm::kJson;
  std::string config;
  if (json) {
    if (Result<PolicyState> state = DecodeJsonPolicyState(value); state.ok()) config = std::move(state->config);
  } else if (const Result<PolicyStateView> view = DecodePolicyState(value); view.ok()) {
    config = AsText(view->config);
  }
  Result<TreeState> list = json ? DecodeJsonTreeState(AsBytes(config)) : DecodeTreeState(AsBytes(config));
  if (!list.ok()) return std::nullopt;
  return std::move(*list);
}

Result<ValueHeader> CheckValue(ValueForm form, Bytes value) {
  if (form == ValueForm::kJson) {
    const Result<PolicyState> state = DecodeJsonPolicyState(value);
    if (!state.ok()) return state.error();
    if (state->policy_type != kTreeStateTag) return ValueHeader{};
    Result<JsonStateHeader> list = CheckJsonTreeState(AsBytes(state->config));
    if (!list.ok()) return list.error();
    return ValueHeader{true, std::move(list->model_id), state->version, list->operations};
  }
  const Result<PolicyStateView> state = DecodePolicyState(value);
  if (!state.ok()) return state.error();
  if (state->policy_type != kTreeStateTag) return ValueHeader{};
  const Result<StateView> list = ViewTreeState(state->config);
  if (!list.ok()) return list.error();
  return ValueHeader{true, std::string(list->model_id), state->version, list->operations.count};
}

void ForEachOperation(ValueForm form, Bytes value,
                      FunctionRef<void(std::string_view model, const OperationView& operation)> sink) {
  if (form == ValueForm::kJson) {
    const std::string config = std::move(DecodeJsonPolicyState(value)->config);
    const std::string model = std::move(CheckJsonTreeState(AsBytes(config))->model_id);
    ForEachJsonOperation(AsBytes(config), [&](const OperationView& operation) { sink(model, operation); });
    return;
  }
  const StateView list = *ViewTreeState(DecodePolicyState(value)->config);
  list.operations.ForEach([&](const OperationView& operation) { sink(list.model_id, operation); });
}

}  // namespace prefixmesh::generations
