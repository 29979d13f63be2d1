#include "bench/sim/simulation.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <memory>
#include <vector>

#include "bench/sim/sim_mesh.h"

namespace prefixmesh::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using two_layer::OriginKey;
using two_layer::Replica;
using two_layer::TwoLayer;

class Simulation {
 public:
  Simulation(const Swarm& swarm, std::uint64_t seed, Time duration)
      : swarm_(swarm), duration_(duration), mesh_(swarm, seed) {}

  Outcome Run() {
    mesh_.StartAll();
    Time at{0};
    const Time heal = duration_ * 6 / 10, quiet = duration_ * 75 / 100;
    bool healed = false;
    for (; broken_.empty() && at < quiet; at += kStep) {
      if (!healed && at >= heal) {
        mesh_.Heal();
        healed = true;
      }
      if (!healed) mesh_.Faults(kStep);
      mesh_.Load(kStep);
      mesh_.RunUntil(at + kStep);
      CheckStep();
    }
    healed_at_ = heal;
    if (broken_.empty()) Converge(at);
    if (broken_.empty()) LastPlacements(at);
    if (broken_.empty() && swarm_.delay_ms <= 50) Calm(at);
    if (broken_.empty() && swarm_.bridge != 0 && swarm_.delay_ms <= 50) Bridged(at);
    if (broken_.empty()) Quiet(at);
    if (broken_.empty()) CheckEnd();
    for (std::size_t node = 0; node < mesh_.nodes(); ++node)
      if (mesh_.router(node)) outcome_.applied += mesh_.router(node)->strategy().Report().records.applied;
    outcome_.broken = broken_;
    outcome_.hash = mesh_.network().trace_hash();
    outcome_.placements = mesh_.ledger().records();
    outcome_.lives = mesh_.lives();
    outcome_.frames = mesh_.network().frames();
    return outcome_;
  }

 private:
  static constexpr Time kStep = milliseconds(250);

  void Broken(std::string what) {
    if (broken_.empty())
      broken_ = "at " + std::to_string(std::chrono::duration<double>(mesh_.now()).count()) + " s: " + std::move(what);
  }

  // ---- rules

  void CheckStep() {
    for (std::size_t node = 0; node < mesh_.nodes(); ++node)
      if (mesh_.router(node)) mesh_.ledger().Wrote(mesh_.replica(node));  // under a new name, perhaps
    for (std::size_t node = 0; node < mesh_.nodes(); ++node) {
      if (!mesh_.router(node)) continue;
      const SimRouter& router = *mesh_.router(node);
      const Replica& replica = router.strategy().replica();
      if (const std::string wrong = mesh_.ledger().Check(replica, mesh_.life(node)); !wrong.empty())
        Broken(RouterName(node) + ": " + wrong);
      const StrategyReport report = router.strategy().Report();
      if (report.records.local - report.records.unresolved + 1 != replica.own().window.head())
        Broken(RouterName(node) + ": " + std::to_string(report.records.local) + " placements came, " +
               std::to_string(replica.own().window.head() - 1) + " records were written");
      for (const two_layer::WorkerName& entry : replica.RegistersSince(0)) {
        Incarnation& seen = registers_seen_[{mesh_.life(node), entry.name}];
        if (entry.incarnation < seen) Broken(RouterName(node) + ": worker " + entry.name + "'s register fell");
        seen = entry.incarnation;
        for (std::size_t worker = 0; worker < mesh_.workers() && !mesh_.lies(node); ++worker)
          if (entry.name == WorkerLabel(worker) && entry.incarnation > mesh_.worker(worker).highest)
            Broken(RouterName(node) + ": worker " + entry.name + "'s register is a life that it never had");
      }
      if (swarm_.clone_rate == 0 && replica.own().key.incarnation != mesh_.incarnation(node))
        Broken(RouterName(node) + " took a new incarnation, and no one had its old one");
      const std::uint64_t window = static_cast<std::uint64_t>(swarm_.window_kib * 1024);
      const std::uint64_t one = 12 + 8 * two_layer::kRecordIdsMax;
      if (replica.own().window.bytes() > window + one) Broken(RouterName(node) + ": its log is over its budget");
      if (replica.copies_bytes() > replica.logs().size() * (4 * window + one))
        Broken(RouterName(node) + ": copies over their bound");
      constexpr std::uint64_t kTablesLeast = 192 << 10;  // what the index's tables take however small the budget is
      if (router.index().Size().bytes > static_cast<std::uint64_t>(swarm_.index_kib * 1024) + kTablesLeast)
        Broken(RouterName(node) + ": its index is over its budget");
      if (swarm_.damage == 0 && swarm_.lose == 0 && swarm_.repeat == 0 && swarm_.reorder == 0 && swarm_.replay == 0 &&
          swarm_.clone_rate == 0 && report.decode_errors > 0)
        Broken(RouterName(node) + ": a frame did not decode that nothing had damaged");
    }
    if (swarm_.damage > 0 && mesh_.network().damaged() > 50 && Rejects() == 0)
      Broken("frames are damaged and nobody notices");
    if (mesh_.network().queue_peak_bytes() > static_cast<std::size_t>(swarm_.queue_kib * 1024))
      Broken("a queue is over its bound");
  }

  // What is said of logs whose owners are alive; dead ones age out at their own times.
  std::string Differs() const {
    const SimRouter* first = nullptr;
    std::size_t first_node = 0;
    for (std::size_t node = 0; node < mesh_.nodes(); ++node) {
      if (!mesh_.counts(node)) continue;
      const Replica& replica = mesh_.replica(node);
      if (first == nullptr) {
        first = mesh_.router(node);
        first_node = node;
        continue;
      }
      const Replica& other = first->strategy().replica();
      if (replica.VectorHash() == other.VectorHash() && replica.RegisterHash() == other.RegisterHash()) continue;
      std::string what = RouterName(first_node) + " and " + RouterName(node) + " differ:";
      for (const auto& [a, b, label] :
           {std::tuple(&replica, &other, RouterName(node)), std::tuple(&other, &replica, RouterName(first_node))}) {
        for (const auto& log : a->logs()) {
          const auto at = std::find_if(b->logs().begin(), b->logs().end(),
                                       [&](const auto& candidate) { return candidate->key == log->key; });
          const bool same = at != b->logs().end() && (*at)->window.floor() == log->window.floor() &&
                            (*at)->window.head() == log->window.head() && (*at)->window.sum == log->window.sum;
          if (!same && log->window.head() > 1)
            what += " " + label + " has " + log->key.router + "/" + std::to_string(log->key.incarnation.value) + " [" +
                    std::to_string(log->window.floor()) + ", " + std::to_string(log->window.head()) + ")";
        }
      }
      if (replica.RegisterHash() != other.RegisterHash()) what += " registers";
      return what;
    }
    return {};
  }

  void Advance(Time& at) {
    mesh_.RunUntil(at + kStep);
    at += kStep;
    CheckStep();
  }

  // What the largest log needs to get through a link of which no more than unacked_kib may be under way.
  Time TransferTime() const {
    double bytes = 0;
    for (std::size_t node = 0; node < mesh_.nodes(); ++node)
      if (mesh_.counts(node)) bytes = std::max(bytes, static_cast<double>(mesh_.replica(node).own().window.bytes()));
    const double round_trip_s = 2 * (swarm_.delay_ms + swarm_.round_ms) / 1e3;
    return Seconds(bytes / (swarm_.unacked_kib * 1024) * round_trip_s);
  }

  void Converge(Time& at) {
    const Time limit =
        at + 2 * Seconds(swarm_.dead_after_s) + seconds(30) + 20 * Seconds(swarm_.round_ms / 1e3) + 2 * TransferTime();
    while (broken_.empty() && at < limit && !Differs().empty()) Advance(at);
    outcome_.converged_after_s = std::chrono::duration<double>(at - healed_at_).count();
    if (const std::string differs = Differs(); !differs.empty()) return Broken("did not converge: " + differs);
    // What is left of dead routers goes, everywhere.
    const auto dead_logs = [&] {
      std::string dead;
      for (std::size_t node = 0; node < mesh_.nodes(); ++node) {
        if (!mesh_.counts(node)) continue;
        for (const auto& log : mesh_.replica(node).logs()) {
          bool alive = false;
          for (std::size_t other = 0; other < mesh_.nodes(); ++other)
            alive = alive || (mesh_.counts(other) && mesh_.replica(other).own().key == log->key);
          if (!alive)
            dead =
                RouterName(node) + " still has " + log->key.router + "/" + std::to_string(log->key.incarnation.value);
        }
      }
      return dead;
    };
    while (broken_.empty() && at < limit && !dead_logs().empty()) Advance(at);
    if (const std::string dead = dead_logs(); !dead.empty()) return Broken("a dead router's log never goes: " + dead);
    while (broken_.empty() && at < limit + seconds(10) && !Differs().empty()) Advance(at);
    if (const std::string differs = Differs(); !differs.empty()) Broken("did not converge again: " + differs);
  }

  // Every accepted write reaches everyone.
  void LastPlacements(Time& at) {
    // In a round of its own: with others it might leave a tiny window at once.
    for (const Time collected = at + 2 * Seconds(swarm_.round_ms / 1e3); broken_.empty() && at <= collected;)
      Advance(at);
    for (std::size_t node = 0; node < mesh_.nodes(); ++node) {
      if (!mesh_.counts(node)) continue;
      std::vector<NodeId> ids;
      for (int i = 0; i < 3; ++i) ids.push_back(mesh_.DrawId());
      mesh_.router(node)->Place(0, ids);
      last_.emplace_back(node, ids.back());
    }
    const Time limit = at + seconds(5) + 10 * Seconds(swarm_.round_ms / 1e3) + 20 * Seconds(swarm_.delay_ms / 1e3);
    for (const Time collected = at + 2 * Seconds(swarm_.round_ms / 1e3); broken_.empty() && at <= collected;)
      Advance(at);
    while (broken_.empty() && at < limit && !Differs().empty()) Advance(at);
    if (const std::string differs = Differs(); !differs.empty())
      return Broken("a last write did not arrive: " + differs);
    for (const auto& [writer, leaf] : last_)
      for (std::size_t node = 0; node < mesh_.nodes(); ++node) {
        if (!mesh_.counts(node)) continue;
        bool held = false;
        for (std::size_t worker = 0; worker < mesh_.workers(); ++worker)
          held = held || mesh_.router(node)->strategy().Holds("m0", Kind::kText, leaf, WorkerLabel(worker));
        if (!held) Broken(RouterName(node) + " does not hold the last write of " + RouterName(writer));
      }
  }

  std::uint64_t Rejects() const {
    std::uint64_t rejects = 0;
    for (std::size_t node = 0; node < mesh_.nodes(); ++node)
      if (mesh_.router(node)) rejects += mesh_.router(node)->strategy().Report().decode_errors;
    return rejects;
  }

  // Without faults each record goes to each peer once, from its owner: nothing is repaired, nothing comes twice.
  void Calm(Time& at) {
    for (Time until = at + seconds(4); broken_.empty() && at < until;) Advance(at);  // leases run out
    std::vector<MeshStats> before;
    for (std::size_t node = 0; node < mesh_.nodes(); ++node)
      before.push_back(mesh_.counts(node) ? mesh_.router(node)->stats() : MeshStats{});
    for (int step = 0; step < 8; ++step) {
      for (std::size_t node = 0; node < mesh_.nodes(); ++node) {
        if (!mesh_.counts(node)) continue;
        for (int i = 0; i < 3; ++i) {
          const NodeId ids[] = {mesh_.DrawId(), mesh_.DrawId()};
          mesh_.router(node)->Place(0, ids);
        }
      }
      Advance(at);
    }
    // In time: two rounds to be written and sent, and the way. (Tiny pages and queues need more.)
    const bool roomy = swarm_.page_bytes >= 4096 && swarm_.unacked_kib >= 64 && swarm_.queue_frames >= 64;
    const Time limit = at + 2 * Seconds(swarm_.round_ms / 1e3) + 20 * Seconds(swarm_.delay_ms / 1e3) +
                       (roomy ? milliseconds(250) : milliseconds(20000));
    for (const Time collected = at + 2 * Seconds(swarm_.round_ms / 1e3); broken_.empty() && at <= collected;)
      Advance(at);
    while (broken_.empty() && at < limit && !Differs().empty()) Advance(at);
    if (const std::string differs = Differs(); !differs.empty())
      return Broken("writes in a calm mesh come late: " + differs);
    for (std::size_t node = 0; node < mesh_.nodes(); ++node) {
      if (!mesh_.counts(node)) continue;
      const MeshStats after = mesh_.router(node)->stats();
      const auto repair = static_cast<std::size_t>(Layer::kRepair);
      if (after.by_layer[repair].bytes != before[node].by_layer[repair].bytes)
        Broken(RouterName(node) + " repairs in a calm mesh");
      const std::uint64_t twice =
          mesh_.router(node)->strategy().Report().records.stale - before[node].strategy.records.stale;
      if (twice > 0) Broken(RouterName(node) + " gets " + std::to_string(twice) + " records twice in a calm mesh");
    }
  }

  // Two routers cannot reach each other and all others can: what one writes is at the other within a lease, for as long
  // as it lasts, and neither takes the other for dead.
  void Bridged(Time& at) {
    std::vector<std::size_t> counted;
    for (std::size_t node = 0; node < mesh_.nodes(); ++node)
      if (mesh_.counts(node)) counted.push_back(node);
    const bool roomy = swarm_.page_bytes >= 4096 && swarm_.unacked_kib >= 64 && swarm_.queue_frames >= 64;
    if (counted.size() < 3 || !roomy) return;
    const std::size_t ends[] = {counted.front(), counted.back()};
    const auto replica_of = [&](std::size_t node) -> const Replica& { return mesh_.replica(node); };
    mesh_.CutBoth(ends[0], ends[1]);
    const Time cut_at = at;
    const Time noticed = seconds(8) + 4 * Seconds(swarm_.round_ms / 1e3);
    const Time late = TwoLayer::kLease + 4 * Seconds(swarm_.round_ms / 1e3) + 40 * Seconds(swarm_.delay_ms / 1e3);
    std::vector<std::pair<Time, std::array<std::uint32_t, 2>>> heads;
    while (broken_.empty() && at < cut_at + noticed + Seconds(swarm_.dead_after_s) + seconds(2)) {
      heads.push_back({at, {replica_of(ends[0]).own().window.head(), replica_of(ends[1]).own().window.head()}});
      for (const std::size_t node : counted) {
        const NodeId ids[] = {mesh_.DrawId(), mesh_.DrawId()};
        mesh_.router(node)->Place(0, ids);
      }
      Advance(at);
      if (at < cut_at + noticed) continue;
      const auto due =
          std::find_if(heads.rbegin(), heads.rend(), [&](const auto& then) { return then.first <= at - late; });
      for (std::size_t end = 0; end < 2 && due != heads.rend(); ++end) {
        const OriginKey& key = replica_of(ends[end]).own().key;
        const auto& logs = replica_of(ends[1 - end]).logs();
        const auto copy = std::find_if(logs.begin(), logs.end(), [&](const auto& log) { return log->key == key; });
        const std::uint32_t have = copy != logs.end() ? (*copy)->window.head() : 0;
        if (have < due->second[end])
          Broken(RouterName(ends[1 - end]) + " has " + key.router + " up to " + std::to_string(have) + " of " +
                 std::to_string(due->second[end]) + " although others reach both");
      }
    }
    mesh_.HealPair(ends[0], ends[1]);
    const Time limit = at + seconds(15) + 10 * Seconds(swarm_.round_ms / 1e3);
    while (broken_.empty() && at < limit && !Differs().empty()) Advance(at);
    if (const std::string differs = Differs(); broken_.empty() && !differs.empty())
      Broken("did not converge behind a bridge: " + differs);
  }

  // At rest only digests flow: at most 32 bytes per peer and second.
  void Quiet(Time& at) {
    for (Time until = at + seconds(6); broken_.empty() && at < until;) Advance(at);  // leases run out
    std::vector<MeshStats> before;
    for (std::size_t node = 0; node < mesh_.nodes(); ++node)
      before.push_back(mesh_.counts(node) ? mesh_.router(node)->stats() : MeshStats{});
    constexpr int kSeconds = 10;
    for (Time until = at + seconds(kSeconds); broken_.empty() && at < until;) Advance(at);
    for (std::size_t node = 0; node < mesh_.nodes(); ++node) {
      if (!mesh_.counts(node)) continue;
      const MeshStats after = mesh_.router(node)->stats();
      for (std::size_t layer = 0; layer < kLayerCount; ++layer) {
        const std::uint64_t bytes = after.by_layer[layer].bytes - before[node].by_layer[layer].bytes;
        const bool digest = static_cast<Layer>(layer) == Layer::kDigest;
        // A stranger goes on being refused; that is no traffic of the mesh.
        if (!digest && swarm_.stranger != 0 && static_cast<Layer>(layer) == Layer::kControl) continue;
        // Digests that are slow look like silence: then loads are asked for again, and whether an owner is dead.
        const bool slow = swarm_.delay_ms > 50;
        const std::uint64_t peers = mesh_.nodes() - 1;
        const std::uint64_t allowed = digest ? peers * (32 * (kSeconds + 2) + (slow ? 200 * mesh_.nodes() : 0))
                                      : static_cast<Layer>(layer) == Layer::kControl && slow ? 1000 * peers
                                                                                             : 0;
        if (bytes > allowed)
          Broken(RouterName(node) + " is not quiet: " + std::to_string(bytes) + " bytes of " +
                 LayerName(static_cast<Layer>(layer)) + " in " + std::to_string(kSeconds) + " s");
      }
    }
  }

  // What counts as announced by this router is named by the record of that seq, or was, before the floor passed it.
  static bool Announced(const SimRouter& router, const DumpedEdge& edge) {
    const Replica& replica = router.strategy().replica();
    if (edge.seq < replica.own().window.floor()) return true;
    if (edge.seq >= replica.own().window.head()) return false;
    two_layer::Record record;
    replica.own().window.Read(edge.seq, record);
    return std::find(record.ids.begin(), record.ids.end(), edge.id) != record.ids.end() &&
           replica.workers()[record.worker].name == router.fleet().name(edge.worker);
  }

  void CheckEnd() {
    for (std::size_t node = 0; node < mesh_.nodes(); ++node) {
      if (!mesh_.counts(node)) continue;
      const SimRouter& router = *mesh_.router(node);
      const Replica& replica = router.strategy().replica();
      const MeshStats stats = router.stats();
      if (std::any_of(stats.oversize.begin(), stats.oversize.end(), [](std::uint64_t count) { return count > 0; }))
        Broken(RouterName(node) + ": a frame was above its limit");
      // index = f(windows, registers), minus what was forgotten
      std::map<std::tuple<std::uint64_t, std::uint16_t, std::uint16_t>, std::uint32_t> expected;
      two_layer::Record record;
      for (const auto& log : replica.logs()) {
        if (log.get() == &replica.own()) continue;
        for (std::uint32_t seq = log->window.floor(); seq < log->window.head(); ++seq) {
          log->window.Read(seq, record);
          const two_layer::WorkerName& worker = replica.workers()[record.worker];
          const auto slot = router.fleet().Find(worker.name);
          if (!slot || worker.incarnation != router.fleet().incarnation(*slot)) continue;
          for (const NodeId id : record.ids) expected[{id.value, slot->value, log->index_slot}] = seq;
        }
      }
      std::size_t found = 0;
      for (const DumpedEdge& edge : router.index().Dump()) {
        if (edge.origin == 0) {
          // Where ids collide an edge may stand twice, and only one of the two gets the seq.
          if (swarm_.id_bits >= 64 && !Announced(router, edge))
            Broken(RouterName(node) + ": a prefix counts as announced at seq " + std::to_string(edge.seq) +
                   ", whose record does not name it");
          continue;
        }
        ++found;
        const auto at = expected.find({edge.id.value, edge.worker.value, edge.origin});
        if (at == expected.end() || at->second != edge.seq) {
          Broken(RouterName(node) + ": its index has an announcement that no window holds, seq " +
                 std::to_string(edge.seq) + " of log " + std::to_string(edge.origin));
          break;
        }
      }
      if (router.index().ForgottenCounts().announced == 0 && found != expected.size())
        Broken(RouterName(node) + ": its index has " + std::to_string(found) + " announcements of " +
               std::to_string(expected.size()));
      for (const auto& log : replica.logs())
        for (std::size_t other = 0; other < mesh_.nodes(); ++other)
          if (!mesh_.member(other) && log->key.router == RouterName(other))
            Broken(RouterName(node) + " holds the log of a router it had to refuse");
    }
    // Nobody has a request in flight, and everyone knows it.
    for (std::size_t node = 0; node < mesh_.nodes(); ++node)
      for (std::size_t worker = 0; mesh_.counts(node) && worker < mesh_.workers(); ++worker)
        if (const auto slot = mesh_.router(node)->fleet().Find(WorkerLabel(worker));
            slot && mesh_.router(node)->fleet().load(*slot) != 0)
          Broken(RouterName(node) + " believes that " + WorkerLabel(worker) + " is busy");
    // A worker that everyone met is at its register.
    for (std::size_t worker = 0; worker < mesh_.workers(); ++worker) {
      for (std::size_t node = 0; node < mesh_.nodes(); ++node) {
        if (!mesh_.counts(node)) continue;
        const auto slot = mesh_.router(node)->fleet().Find(WorkerLabel(worker));
        Incarnation highest;
        for (const two_layer::WorkerName& entry : mesh_.replica(node).RegistersSince(0))
          if (entry.name == WorkerLabel(worker)) highest = entry.incarnation;
        if (slot && mesh_.router(node)->fleet().incarnation(*slot) != highest && highest.value != 0)
          Broken(RouterName(node) + ": worker " + WorkerLabel(worker) + "'s register is not what its fleet says");
      }
    }
  }

  const Swarm swarm_;
  const Time duration_;
  SimMesh mesh_;
  std::vector<std::pair<std::size_t, NodeId>> last_;
  Outcome outcome_;
  std::map<std::pair<std::uint64_t, std::string>, Incarnation> registers_seen_;  // by life of the router, and worker
  std::string broken_;
  Time healed_at_{0};
};

}  // namespace

Outcome Simulate(const Swarm& swarm, std::uint64_t seed, Time duration) {
  return Simulation(swarm, seed, duration).Run();
}

}  // namespace prefixmesh::sim
