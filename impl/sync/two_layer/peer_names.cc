#include "impl/sync/two_layer/peer_names.h"

#include <algorithm>

#include "impl/base/seeded_bug.h"
#include "impl/sync/two_layer/frame_reader.h"
#include "impl/sync/two_layer/options.h"

namespace prefixmesh::two_layer {
namespace {

std::size_t TextBytes(const ScopeName& scope) { return scope.model.size(); }
std::size_t TextBytes(const WorkerName& worker) { return worker.name.size(); }

}  // namespace

PeerNames::~PeerNames() {
  for (const auto& defined : scopes_)
    if (defined && defined->slot) names_.scopes.Release(*defined->slot);
  for (const auto& defined : workers_)
    if (defined && defined->slot) names_.workers.Release(*defined->slot);
}

template <typename Name>
void PeerNames::DefineOne(Names<Name>& names, Table<Name>& table, const Definition<Name>& definition) {
  if (table.size() <= definition.slot) table.resize(definition.slot + std::size_t{1});
  std::optional<Defined<Name>>& defined = table[definition.slot];
  if (defined) {
    if (defined->slot) names.Release(*defined->slot);
    bytes_ -= TextBytes(defined->name);
  }
  bytes_ += TextBytes(definition.name);
  defined = Defined<Name>{definition.name, definition.name.Hash(), std::nullopt};
}

bool PeerNames::Define(const Round& round) {
  for (const auto& scope : round.scopes) DefineOne(names_.scopes, scopes_, scope);
  for (const auto& worker : round.workers) DefineOne(names_.workers, workers_, worker);
  return bytes_ <= kStreamNameBytesMax;
}

const std::string* PeerNames::WorkerOf(Slot slot) const {
  return slot < workers_.size() && workers_[slot] ? &workers_[slot]->name.name : nullptr;
}

bool PeerNames::Mark(const RangeView& range, Record& record, SlotMap& slots) const {
  std::uint64_t sum = 0;
  slots.scopes.assign(scopes_.size(), SlotMap::kNoSlot);
  slots.workers.assign(workers_.size(), SlotMap::kNoSlot);
  for (RecordCursor cursor(range); cursor.Next(record);) {
    const bool known = record.scope < scopes_.size() && scopes_[record.scope] && record.worker < workers_.size() &&
                       workers_[record.worker];
    if (!known && !Seeded(Bug::kW9_unknown_dropped)) return false;
    if (!known) {
      slots.scopes.resize(kNamesMax, 0);
      slots.workers.resize(kNamesMax, 0);
    }
    slots.scopes[record.scope] = slots.workers[record.worker] = 0;  // to be resolved
    if (known) sum += EntryHash(record, scopes_[record.scope]->hash, workers_[record.worker]->hash);
  }
  return static_cast<std::uint32_t>(sum) == range.checksum || Seeded(Bug::kW9_unknown_dropped);
}

bool PeerNames::Resolve(Introducer by, bool relayed, SlotMap& slots) {
  const auto resolve = [&](auto& names, auto& table, std::vector<Slot>& marked) {
    for (std::size_t slot = 0; slot < std::min(marked.size(), table.size()); ++slot) {
      if (marked[slot] == SlotMap::kNoSlot || !table[slot]) continue;
      if (!table[slot]->slot) table[slot]->slot = names.Acquire(table[slot]->name, by, relayed);
      if (!table[slot]->slot) return false;
      marked[slot] = *table[slot]->slot;
    }
    return true;
  };
  return resolve(names_.scopes, scopes_, slots.scopes) && resolve(names_.workers, workers_, slots.workers);
}

}  // namespace prefixmesh::two_layer
