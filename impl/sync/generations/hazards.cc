#include "impl/sync/generations/hazards.h"

namespace prefixmesh::generations {
namespace {

Result<Hazard> ParseId(std::string_view id) {
  for (unsigned i = 1; i <= kHazards; ++i)
    if (const Hazard hazard = static_cast<Hazard>(i); id == IdOf(hazard)) return hazard;
  return Error{ErrorCode::kInvalid, "generations.fixed: '" + std::string(id) + "' is not one of H1 … H" +
                                        std::to_string(kHazards) + " (as in H1,H6)"};
}

}  // namespace

Result<HazardSet> ParseHazards(std::string_view text) {
  HazardSet set;
  if (text.empty()) return set;
  while (true) {
    const std::size_t cut = text.find_first_of(",+");
    const Result<Hazard> hazard = ParseId(text.substr(0, cut));
    if (!hazard.ok()) return hazard.error();
    set = set | HazardSet{*hazard};
    if (cut == std::string_view::npos) return set;
    text.remove_prefix(cut + 1);
  }
}

}  // namespace prefixmesh::generations
