#include "bench/sim/rules/two_layer_rules.h"

#include <algorithm>
#include <tuple>

#include "impl/sync/two_layer/two_layer.h"

namespace prefixmesh::sim {
namespace {

using two_layer::Replica;

// A recheck may have to wait for the one before it, and checks take their time.
constexpr Time kAskedWithin = std::chrono::milliseconds(1800);

// Calls f(node, router, replica) for each router that counts.
template <typename F>
void ForEachThatCounts(const SimMesh& mesh, F&& f) {
  for (std::size_t node = 0; node < mesh.nodes(); ++node)
    if (mesh.counts(node)) f(node, *mesh.router(node), ReplicaOf(*mesh.router(node)));
}

// What counts as announced by this router is named by the record of that seq, or was, before the floor passed it.
bool Announced(const SimRouter& router, const DumpedEdge& edge) {
  const Replica& replica = ReplicaOf(router);
  if (edge.seq < replica.own().window.floor()) return true;
  if (edge.seq >= replica.own().window.head()) return false;
  two_layer::Record record;
  replica.own().window.Read(edge.seq, record);
  return std::find(record.ids.begin(), record.ids.end(), edge.id) != record.ids.end() &&
         replica.workers()[record.worker].name == router.core().fleet().name(edge.worker);
}

// By id, worker and index slot of the log: the seq that the windows and registers say.
using Announcements = std::map<std::tuple<std::uint64_t, std::uint16_t, std::uint16_t>, std::uint32_t>;
Announcements ExpectedOf(const SimRouter& router) {
  const Replica& replica = ReplicaOf(router);
  const Fleet& fleet = router.core().fleet();
  Announcements expected;
  two_layer::Record record;
  for (const auto& log : replica.logs()) {
    if (log.get() == &replica.own()) continue;
    for (std::uint32_t seq = log->window.floor(); seq < log->window.head(); ++seq) {
      log->window.Read(seq, record);
      const two_layer::WorkerName& worker = replica.workers()[record.worker];
      const auto slot = fleet.Find(worker.name);
      if (!slot || worker.incarnation != fleet.incarnation(*slot)) continue;
      for (const NodeId id : record.ids) expected[{id.value, slot->value, log->index_slot}] = seq;
    }
  }
  return expected;
}

void CheckIndex(const SimMesh& mesh, SimRouter& router, const Rule::Broken& broken) {
  const BlockIndex& index = *router.core().trees().block_index();
  const Announcements expected = ExpectedOf(router);
  std::size_t found = 0;
  for (const DumpedEdge& edge : index.Dump()) {
    if (edge.origin == 0) {
      // Where ids collide an edge may stand twice, and only one of the two gets the seq.
      if (mesh.swarm().id_bits >= 64 && !Announced(router, edge))
        broken("a prefix counts as announced at seq " + std::to_string(edge.seq) + ", whose record does not name it");
      continue;
    }
    ++found;
    const auto at = expected.find({edge.id.value, edge.worker.value, edge.origin});
    if (at == expected.end() || at->second != edge.seq)
      return broken("its index has an announcement that no window holds, seq " + std::to_string(edge.seq) + " of log " +
                    std::to_string(edge.origin));
  }
  if (index.ForgottenCounts().announced == 0 && found != expected.size())
    broken("its index has " + std::to_string(found) + " announcements of " + std::to_string(expected.size()));
}

// Of a worker that this router knows: the register of the replica is the fleet's, and nobody has a request in flight.
void CheckWorkerAtRest(const SimRouter& router, const std::string& worker, const Rule::Broken& broken) {
  const Fleet& fleet = router.core().fleet();
  const auto slot = fleet.Find(worker);
  if (!slot) return;
  if (fleet.load(*slot) != 0) broken("believes that " + worker + " is busy");
  Incarnation highest;
  for (const two_layer::WorkerName& entry : ReplicaOf(router).RegistersSince(0))
    if (entry.name == worker) highest = entry.incarnation;
  if (highest.value != 0 && fleet.incarnation(*slot) != highest)
    broken("worker " + worker + "'s register is not what its fleet says");
}

}  // namespace

const Replica& ReplicaOf(const SimRouter& router) {
  return dynamic_cast<const two_layer::TwoLayer&>(*router.core().strategy()).replica();
}

void TwoLayerRules::OnApplied(const SimMesh& mesh, std::size_t node, const ApplyIds& action) {
  if (action.origin == 0) ledger_.Wrote(ReplicaOf(*mesh.router(node)));
}

void TwoLayerRules::Step(const SimMesh& mesh, const Broken& broken) {
  for (std::size_t node = 0; node < mesh.nodes(); ++node)
    if (mesh.router(node) != nullptr) ledger_.Wrote(ReplicaOf(*mesh.router(node)));  // a new incarnation's, perhaps
  for (std::size_t node = 0; node < mesh.nodes(); ++node) {
    if (mesh.router(node) == nullptr) continue;
    const Broken by_router = [&](const std::string& what) { broken(RouterName(node) + ": " + what); };
    const Replica& replica = ReplicaOf(*mesh.router(node));
    for (const auto& log : replica.logs())
      if (!mesh.cloned(log->key.router, log->key.incarnation) && !ledger_.HoldsWhatWasWritten(*log))
        by_router(log->key.router + "/" + std::to_string(log->key.incarnation.value) +
                  ": holds other records than its owner wrote");
    const StrategyReport report = mesh.router(node)->report();
    if (report.records.local - report.records.unresolved + 1 != replica.own().window.head())
      by_router(std::to_string(report.records.local) + " placements came, " +
                std::to_string(replica.own().window.head() - 1) + " records were written");
    if (mesh.swarm().clone_rate == 0 && replica.own().key.incarnation != mesh.incarnation(node))
      by_router("took a new incarnation, and no one had its old one");
    CheckRegisters(mesh, node, by_router);
    CheckAsked(mesh, node, by_router);
    CheckBudgets(mesh, node, by_router);
  }
}

void TwoLayerRules::CheckRegisters(const SimMesh& mesh, std::size_t node, const Broken& broken) {
  for (const two_layer::WorkerName& entry : ReplicaOf(*mesh.router(node)).RegistersSince(0)) {
    Incarnation& seen = registers_seen_[{mesh.life(node), entry.name}];
    if (entry.incarnation < seen) broken("worker " + entry.name + "'s register fell");
    seen = entry.incarnation;
    for (std::size_t worker = 0; worker < mesh.workers() && !mesh.lies(node); ++worker)
      if (entry.name == WorkerLabel(worker) && entry.incarnation > mesh.worker(worker).highest)
        broken("worker " + entry.name + "'s register is an incarnation that it never had");
  }
}

// Of a worker that is up, records name the life that it has, and it is not known here: it is asked, and says so.
void TwoLayerRules::CheckAsked(const SimMesh& mesh, std::size_t node, const Broken& broken) {
  const SimRouter& router = *mesh.router(node);
  const auto& named = ReplicaOf(router).workers();
  for (const WorkerIndex slot : router.core().own_workers()) {
    const std::string& name = router.core().fleet().name(slot);
    const SimWorker& worker = mesh.worker(*router.NumberOf(slot));
    bool ahead = false;
    for (std::size_t i = 0; i < named.size() && worker.up && !router.lies() && !router.paused(); ++i)
      ahead |= named.News(static_cast<two_layer::Slot>(i), 0) && named[static_cast<two_layer::Slot>(i)].name == name &&
               named[static_cast<two_layer::Slot>(i)].incarnation == worker.incarnation &&
               worker.incarnation > router.core().fleet().incarnation(slot);
    Time& since = ahead_since_.try_emplace({mesh.life(node), name}, mesh.now()).first->second;
    if (!ahead) since = mesh.now();
    if (mesh.now() - std::max({since, worker.since, worker.incarnation_since, router.running_since()}) > kAskedWithin)
      return broken("worker " + name + " is not asked for its register, of which records know more");
  }
}

void TwoLayerRules::CheckBudgets(const SimMesh& mesh, std::size_t node, const Broken& broken) const {
  const Replica& replica = ReplicaOf(*mesh.router(node));
  const std::uint64_t window = static_cast<std::uint64_t>(mesh.swarm().window_kib * 1024);
  const std::uint64_t one = 12 + 8 * two_layer::kRecordIdsMax;
  if (replica.own().window.bytes() > window + one) broken("its log is over its budget");
  if (replica.copies_bytes() > replica.logs().size() * (4 * window + one)) broken("copies over their bound");
}

std::string TwoLayerRules::Differs(const SimMesh& mesh) const {
  const Replica* first = nullptr;
  std::string differs;
  ForEachThatCounts(mesh, [&](std::size_t node, const SimRouter&, const Replica& replica) {
    if (first == nullptr) first = &replica;
    if (differs.empty() && replica.RegisterHash() != first->RegisterHash())
      differs = RouterName(node) + " differs in registers";
    if (differs.empty() && replica.VectorHash() != first->VectorHash())
      differs = RouterName(node) + " differs in what its digest covers";
  });
  return differs;
}

void TwoLayerRules::End(const SimMesh& mesh, const Broken& broken) {
  ForEachThatCounts(mesh, [&](std::size_t node, const SimRouter& router, const Replica&) {
    const Broken by_router = [&](const std::string& what) { broken(RouterName(node) + ": " + what); };
    CheckIndex(mesh, *mesh.router(node), by_router);
    for (std::size_t worker = 0; worker < mesh.workers(); ++worker)
      CheckWorkerAtRest(router, WorkerLabel(worker), by_router);
  });
}

}  // namespace prefixmesh::sim
