#include "impl/tree/holder_sets.h"

#include <algorithm>

#include "impl/base/check.h"
#include "impl/base/prng.h"

namespace prefixmesh {

std::uint64_t HolderSets::HashOf(Holder holder) { return Mix64(holder.value + std::uint64_t{1}); }
std::uint32_t HolderSets::TagOf(std::uint64_t sum) { return static_cast<std::uint32_t>(Mix64(sum) >> 32); }

bool HolderSets::Contains(Set set, Holder holder) const {
  const std::span<const Holder> members = Members(set);
  return std::binary_search(members.begin(), members.end(), holder);
}

HolderSets::Set HolderSets::Intern(std::uint64_t sum) {
  if (scratch_.empty()) return kEmpty;
  const std::uint32_t tag = TagOf(sum);
  const Tagged* known = by_tag_.Find(tag, [&](const Tagged& each) {
    return sets_[each.set].sum == sum && std::ranges::equal(Members(each.set), scratch_);
  });
  if (known != nullptr) return known->set;
  auto set = static_cast<Set>(sets_.size());
  if (free_.empty()) {
    sets_.emplace_back();
  } else {
    set = free_.back();
    free_.pop_back();
  }
  Entry& entry = sets_[set];
  entry.sum = sum;
  entry.size = static_cast<std::uint32_t>(scratch_.size());
  entry.members = std::make_unique_for_overwrite<Holder[]>(scratch_.size());
  std::copy(scratch_.begin(), scratch_.end(), entry.members.get());
  member_bytes_ += scratch_.size() * sizeof(Holder);
  by_tag_.Insert({tag, set});
  return set;
}

HolderSets::Set HolderSets::With(Set set, Holder holder) {
  const std::span<const Holder> members = Members(set);
  const auto at = std::lower_bound(members.begin(), members.end(), holder);
  if (at != members.end() && *at == holder) return set;
  scratch_.assign(members.begin(), at);
  scratch_.push_back(holder);
  scratch_.insert(scratch_.end(), at, members.end());
  return Intern(sets_[set].sum + HashOf(holder));
}

HolderSets::Set HolderSets::Without(Set set, Holder holder) {
  const std::span<const Holder> members = Members(set);
  const auto at = std::lower_bound(members.begin(), members.end(), holder);
  if (at == members.end() || *at != holder) return set;
  scratch_.assign(members.begin(), at);
  scratch_.insert(scratch_.end(), at + 1, members.end());
  return Intern(sets_[set].sum - HashOf(holder));
}

void HolderSets::Release(Set set) {
  if (set == kEmpty) return;
  Entry& entry = sets_[set];
  PREFIXMESH_CHECK(entry.blocks > 0);
  if (--entry.blocks > 0) return;
  by_tag_.Erase(by_tag_.Find(TagOf(entry.sum), [&](const Tagged& each) { return each.set == set; }));
  member_bytes_ -= entry.size * sizeof(Holder);
  entry = {};
  free_.push_back(set);
}

std::uint64_t HolderSets::bytes() const {
  // What an allocation costs beside what was asked for.
  constexpr std::uint64_t kAllocationBytes = 16;
  return sets_.capacity() * sizeof(Entry) + free_.capacity() * sizeof(Set) + by_tag_.bytes() + member_bytes_ +
         by_tag_.count() * kAllocationBytes;
}

}  // namespace prefixmesh
