#include "impl/sync/generations/arrival.h"

#include <utility>

#include "impl/wire/request_view.h"

namespace prefixmesh::generations {
namespace {

constexpr std::size_t kKeyBytesMax = 4 * kRequestNameBytesMax;  // a model's name, with H4 fixed a router's as well

}  // namespace

Result<std::string> KeyOf(const Context& context, const StoreEntryView& entry, std::string_view model) {
  if (model.size() > kRequestNameBytesMax || entry.key.size() > kKeyBytesMax)
    return Error{ErrorCode::kTooBig, "an entry's key or model is longer than any that a request can have"};
  if (!context.Fixes(Hazard::kScalarVersion)) return TreeKey(model);
  if (!IsWriterKey(entry.key) || ModelOf(entry.key) != model)
    return Error{ErrorCode::kCorrupt, "an entry's key is no writer's of its model"};
  return std::string(entry.key);
}

Result<Arrival> OpenEntry(const Context& context, const StoreEntryView& entry, StreamRole role) {
  const Result<PolicyStateView> envelope = DecodePolicyState(entry.value);
  if (!envelope.ok()) return envelope.error();
  Result<std::string> key = KeyOf(context, entry, envelope->model_id);
  if (!key.ok()) return key.error();
  return Arrival{.value = entry.value, .envelope = *envelope, .key = std::move(*key), .role = role};
}

void ReplayInto(Actions& actions, std::string_view model, const OperationView& operation, HazardSet fixed) {
  if (operation.type == TreeOperation::Type::kRemove) {
    if (fixed.contains(Hazard::kRemovalsDropped))
      actions.push_back(ForgetTenant{.model = std::string(model), .worker_name = std::string(operation.tenant)});
    return;
  }
  actions.push_back(ApplyPrompt{.model = std::string(model),
                                .kind = operation.kind,
                                .prompt = std::string(operation.prompt),
                                .worker_name = std::string(operation.tenant)});
}

}  // namespace prefixmesh::generations
