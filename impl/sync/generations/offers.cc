#include "impl/sync/generations/offers.h"

#include <string>
#include <utility>

namespace prefixmesh::generations {

std::string_view ModelName(const PlacementView& placement) {
  constexpr std::string_view kUnknownModel = "unknown";
  return placement.model.empty() ? kUnknownModel : placement.model;
}

Offer CopyOf(const PlacementView& placement) {
  Offer offer;
  offer.model = ModelName(placement);
  offer.kind = placement.kind;
  offer.worker = placement.worker;
  offer.worker_name = placement.worker_name;
  placement.prompt->CopyTo(offer.prompt);
  // Whole tokens only: a codec of u32 has no room for the rest.
  if (offer.kind == Kind::kTokens) offer.prompt.resize(offer.prompt.size() / kBytesPerToken * kBytesPerToken);
  return offer;
}

Offer NameOf(const PlacementView& placement) {
  Offer offer = CopyOf(placement);
  std::string().swap(offer.prompt);  // an assignment would keep its memory
  return offer;
}

TreeOperation OperationOf(Offer offer) {
  return {.type = TreeOperation::Type::kInsert,
          .kind = offer.kind,
          .prompt = std::move(offer.prompt),
          .tenant = std::move(offer.worker_name)};
}

TreeOperation OperationOf(const Removal& removal) {
  return {.type = TreeOperation::Type::kRemove, .kind = Kind::kText, .prompt = {}, .tenant = removal.worker_name};
}

}  // namespace prefixmesh::generations
