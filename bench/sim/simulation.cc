#include "bench/sim/simulation.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <vector>

#include "bench/sim/ledger.h"
#include "bench/sim/sim_router.h"

namespace prefixmesh::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using two_layer::OriginKey;
using two_layer::Replica;
using two_layer::TwoLayer;

constexpr std::uint16_t kScopes = 4;  // two models, two kinds

Time Seconds(double value) { return Time(static_cast<Time::rep>(value * 1e9)); }

class Simulation {
 public:
  Simulation(const Swarm& swarm, std::uint64_t seed, Time duration)
      : swarm_(swarm),
        seed_(seed),
        duration_(duration),
        nodes_(static_cast<std::size_t>(swarm.routers)),
        faults_(Prng::ForPurpose(seed, "faults")),
        load_(Prng::ForPurpose(seed, "load")),
        lives_(Prng::ForPurpose(seed, "lives")),
        network_(world_, nodes_, NetworkOptions(swarm), seed) {
    workers_.resize(static_cast<std::size_t>(swarm.workers));
    for (SimWorker& worker : workers_) worker.incarnation.value = 1000 + lives_.Below(1000);
    routers_.resize(nodes_);
    life_of_.resize(nodes_);
    incarnation_of_.resize(nodes_);
    for (std::size_t node = 0; node < nodes_; ++node) member_.push_back(swarm.stranger == 0 || node + 1 < nodes_);
  }

  Outcome Run() {
    for (std::size_t node = 0; node < nodes_; ++node) Start(node, false);
    if (swarm_.slow_ms > 0) network_.SlowReader(faults_.Below(nodes_), Seconds(swarm_.slow_ms / 1e3));
    if (swarm_.bridge != 0) CutBoth(0, nodes_ - 1);
    if (swarm_.split_s > 0) Split(Seconds(swarm_.split_s));
    Time at{0};
    const Time heal = duration_ * 6 / 10, quiet = duration_ * 75 / 100;
    bool healed = false;
    for (; broken_.empty() && at < quiet; at += kStep) {
      if (!healed && at >= heal) {
        Heal();
        healed = true;
      }
      if (!healed) Faults(kStep);
      Load(kStep);
      world_.RunUntil(at + kStep);
      CheckStep();
    }
    healed_at_ = heal;
    if (broken_.empty()) Converge(at);
    if (broken_.empty()) LastPlacements(at);
    if (broken_.empty() && swarm_.delay_ms <= 50) Calm(at);
    if (broken_.empty() && swarm_.bridge != 0 && swarm_.delay_ms <= 50) Bridged(at);
    if (broken_.empty()) Quiet(at);
    if (broken_.empty()) CheckEnd();
    for (std::size_t node = 0; node < nodes_; ++node)
      if (routers_[node]) outcome_.applied += routers_[node]->strategy().Report().records.applied;
    outcome_.broken = broken_;
    outcome_.hash = network_.trace_hash();
    outcome_.placements = ledger_.records();
    outcome_.frames = network_.frames();
    return outcome_;
  }

 private:
  static constexpr Time kStep = milliseconds(250);

  static SimNetworkOptions NetworkOptions(const Swarm& swarm) {
    SimNetworkOptions options;
    options.delay_mean = Seconds(swarm.delay_ms / 1e3);
    options.delay_min = options.delay_mean / 10;
    options.queue_frames = static_cast<std::size_t>(swarm.queue_frames);
    options.queue_bytes = static_cast<std::size_t>(swarm.queue_kib * 1024);
    options.lose = swarm.lose;
    options.repeat = swarm.repeat;
    options.reorder = swarm.reorder;
    options.damage = swarm.damage;
    options.replay = swarm.replay;
    options.strange = 0.05 * swarm.newer;
    return options;
  }

  void Broken(std::string what) {
    if (broken_.empty())
      broken_ = "at " + std::to_string(std::chrono::duration<double>(world_.now()).count()) + " s: " + std::move(what);
  }

  // ---- routers

  void Start(std::size_t node, bool same_incarnation) {
    SimRouter::Parameters parameters;
    parameters.node = node;
    parameters.nodes = nodes_;
    if (!same_incarnation) incarnation_of_[node] = Incarnation{lives_.Next() | 1};
    parameters.incarnation = incarnation_of_[node];
    parameters.clock_offset = Seconds(lives_.Unit() * 1e6);
    parameters.clock_rate = 1 + (lives_.Unit() * 2 - 1) * swarm_.clock_skew;
    parameters.seed = seed_;
    life_of_[node] = ++outcome_.lives;
    routers_[node] = std::make_unique<SimRouter>(swarm_, parameters, world_, network_, workers_);
    routers_[node]->on_stamped = [this](const SimRouter& router) { ledger_.Wrote(router.strategy().replica()); };
  }

  void Crash(std::size_t node, bool clone) {
    if (!routers_[node]) return;
    if (clone) {
      incarnation_of_[node] = routers_[node]->strategy().replica().own().key.incarnation;
      ledger_.Excuse({RouterName(node), incarnation_of_[node]});
    }
    routers_[node].reset();
    world_.At(world_.now() + Seconds(faults_.Exponential() * 2), [this, node, clone] {
      if (!routers_[node] && !gone_for_good(node)) Start(node, clone);
    });
  }

  bool gone_for_good(std::size_t node) const { return !core_.empty() && !core_[node]; }
  bool counts(std::size_t node) const { return routers_[node] && member_[node] && !gone_for_good(node); }

  // ---- load

  void Load(Time step) {
    const double mean = swarm_.rate * std::chrono::duration<double>(step).count();
    for (std::size_t node = 0; node < nodes_; ++node) {
      for (double left = load_.Exponential(); left < mean; left += load_.Exponential()) {
        const Time when = world_.now() + Time(static_cast<Time::rep>(load_.Unit() * static_cast<double>(step.count())));
        world_.At(when, [this, node] { Place(node); });
      }
    }
    const double restarts = swarm_.worker_restart_rate * std::chrono::duration<double>(step).count();
    for (SimWorker& worker : workers_) {
      if (faults_.Unit() >= restarts) continue;
      const std::uint64_t value = worker.incarnation.value;
      worker.incarnation.value = faults_.Unit() < swarm_.worker_clock_back
                                     ? value - std::min(value - 1, 1 + faults_.Below(50))
                                     : value + 1 + faults_.Below(50);
    }
  }

  void Place(std::size_t node) {
    if (!routers_[node] || routers_[node]->paused()) return;
    std::vector<NodeId> ids;
    std::uint16_t scope = 0;
    if (!placed_.empty() && load_.Unit() < swarm_.repeats) {
      const auto& [old_scope, old_ids] = placed_[load_.Below(placed_.size())];
      scope = old_scope;
      ids = old_ids;
    } else {
      scope = static_cast<std::uint16_t>(load_.Below(kScopes));
      const std::size_t blocks = 1 + load_.Below(static_cast<std::uint64_t>(swarm_.blocks));
      const std::size_t shared = load_.Below(blocks + 1);
      std::uint64_t chain = Mix64(load_.Below(static_cast<std::uint64_t>(swarm_.templates)) * kScopes + scope);
      const std::uint64_t mask = swarm_.id_bits >= 64 ? ~0ull : (1ull << static_cast<unsigned>(swarm_.id_bits)) - 1;
      for (std::size_t i = 0; i < blocks; ++i) {
        chain = Mix64(chain + (i < shared ? 1 : load_.Next()));
        const std::uint64_t id = Mix64(chain & mask);  // few ids, anywhere
        ids.push_back(NodeId{id == 0 ? 1 : id});
      }
      if (placed_.size() < 256) {
        placed_.emplace_back(scope, ids);
      } else {
        placed_[load_.Below(placed_.size())] = {scope, ids};
      }
    }
    routers_[node]->Place(scope, ids);
  }

  // ---- faults

  void CutBoth(std::size_t a, std::size_t b) {
    network_.Cut(a, b);
    network_.Cut(b, a);
  }

  void Split(Time length) {
    const std::size_t half = nodes_ / 2;
    for (std::size_t a = 0; a < half; ++a)
      for (std::size_t b = half; b < nodes_; ++b) CutBoth(a, b);
    world_.At(world_.now() + length, [this, half] {
      if (!core_.empty()) return;
      for (std::size_t a = 0; a < half; ++a)
        for (std::size_t b = half; b < nodes_; ++b) HealPair(a, b);
    });
  }

  void HealPair(std::size_t a, std::size_t b) {
    network_.Heal(a, b);
    network_.Heal(b, a);
  }

  bool Strikes(double rate, Time step) { return faults_.Unit() < rate * std::chrono::duration<double>(step).count(); }

  void Faults(Time step) {
    for (std::size_t node = 0; node < nodes_; ++node) {
      if (Strikes(swarm_.crash_rate, step)) Crash(node, false);
      if (Strikes(swarm_.clone_rate, step)) Crash(node, true);
      if (Strikes(swarm_.pause_rate, step) && routers_[node])
        routers_[node]->PauseUntil(world_.now() + Seconds(1 + faults_.Unit() * 19));
      for (std::size_t other = node + 1; other < nodes_; ++other) {
        if (Strikes(swarm_.break_rate, step)) network_.Break(node, other);
        if (!Strikes(swarm_.cut_rate, step)) continue;
        const std::uint64_t ways = 1 + faults_.Below(3);  // one way, the other, both
        if ((ways & 1) != 0) network_.Cut(node, other);
        if ((ways & 2) != 0) network_.Cut(other, node);
        const bool stays = swarm_.bridge != 0 && node == 0 && other + 1 == nodes_;
        world_.At(world_.now() + Seconds(0.5 + faults_.Exponential() * 8), [this, node, other, stays] {
          if (core_.empty() && !stays) HealPair(node, other);
        });
      }
    }
  }

  void Heal() {
    network_.StopChaos();
    if (swarm_.core_only != 0) {
      core_.assign(nodes_, false);
      std::size_t size = 2 + faults_.Below(nodes_ - 1);
      for (std::size_t node = 0; node < nodes_ && size > 0; ++node)
        if (faults_.Below(nodes_ - node) < size) core_[node] = true, --size;
    }
    for (std::size_t node = 0; node < nodes_; ++node) {
      if (gone_for_good(node)) {
        routers_[node].reset();
        continue;
      }
      if (routers_[node]) routers_[node]->PauseUntil(world_.now());
      if (!routers_[node]) Start(node, false);
    }
    for (std::size_t a = 0; a < nodes_; ++a)
      for (std::size_t b = a + 1; b < nodes_; ++b) HealPair(a, b);
  }

  // ---- rules

  void CheckStep() {
    for (std::size_t node = 0; node < nodes_; ++node)
      if (routers_[node]) ledger_.Wrote(routers_[node]->strategy().replica());  // under a new name, perhaps
    for (std::size_t node = 0; node < nodes_; ++node) {
      if (!routers_[node]) continue;
      const SimRouter& router = *routers_[node];
      const Replica& replica = router.strategy().replica();
      if (const std::string wrong = ledger_.Check(replica, life_of_[node]); !wrong.empty())
        Broken(RouterName(node) + ": " + wrong);
      const StrategyReport report = router.strategy().Report();
      if (report.records.local - report.records.unresolved + 1 != replica.own().window.head())
        Broken(RouterName(node) + ": " + std::to_string(report.records.local) + " placements came, " +
               std::to_string(replica.own().window.head() - 1) + " records were written");
      if (swarm_.clone_rate == 0 && replica.own().key.incarnation != incarnation_of_[node])
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
    if (swarm_.damage > 0 && network_.damaged() > 50 && Rejects() == 0) Broken("frames are damaged and nobody notices");
    if (network_.queue_peak_bytes() > static_cast<std::size_t>(swarm_.queue_kib * 1024))
      Broken("a queue is over its bound");
  }

  // What is said of logs whose owners are alive; dead ones age out at their own times.
  std::string Differs() const {
    const SimRouter* first = nullptr;
    std::size_t first_node = 0;
    for (std::size_t node = 0; node < nodes_; ++node) {
      if (!counts(node)) continue;
      const Replica& replica = routers_[node]->strategy().replica();
      if (first == nullptr) {
        first = routers_[node].get();
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
    world_.RunUntil(at + kStep);
    at += kStep;
    CheckStep();
  }

  // What the largest log needs to get through a link of which no more than unacked_kib may be under way.
  Time TransferTime() const {
    double bytes = 0;
    for (std::size_t node = 0; node < nodes_; ++node)
      if (counts(node))
        bytes = std::max(bytes, static_cast<double>(routers_[node]->strategy().replica().own().window.bytes()));
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
      for (std::size_t node = 0; node < nodes_; ++node) {
        if (!counts(node)) continue;
        for (const auto& log : routers_[node]->strategy().replica().logs()) {
          bool alive = false;
          for (std::size_t other = 0; other < nodes_; ++other)
            alive = alive || (counts(other) && routers_[other]->strategy().replica().own().key == log->key);
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
    for (std::size_t node = 0; node < nodes_; ++node) {
      if (!counts(node)) continue;
      std::vector<NodeId> ids;
      for (int i = 0; i < 3; ++i) ids.push_back(NodeId{load_.Next() | 1});
      routers_[node]->Place(0, ids);
      last_.emplace_back(node, ids.back());
    }
    const Time limit = at + seconds(5) + 10 * Seconds(swarm_.round_ms / 1e3) + 20 * Seconds(swarm_.delay_ms / 1e3);
    for (const Time collected = at + 2 * Seconds(swarm_.round_ms / 1e3); broken_.empty() && at <= collected;)
      Advance(at);
    while (broken_.empty() && at < limit && !Differs().empty()) Advance(at);
    if (const std::string differs = Differs(); !differs.empty())
      return Broken("a last write did not arrive: " + differs);
    for (const auto& [writer, leaf] : last_)
      for (std::size_t node = 0; node < nodes_; ++node) {
        if (!counts(node)) continue;
        bool held = false;
        for (std::size_t worker = 0; worker < workers_.size(); ++worker)
          held = held || routers_[node]->strategy().Holds("m0", Kind::kText, leaf, WorkerLabel(worker));
        if (!held) Broken(RouterName(node) + " does not hold the last write of " + RouterName(writer));
      }
  }

  std::uint64_t Rejects() const {
    std::uint64_t rejects = 0;
    for (std::size_t node = 0; node < nodes_; ++node)
      if (routers_[node]) rejects += routers_[node]->strategy().Report().decode_errors;
    return rejects;
  }

  // Without faults each record goes to each peer once, from its owner: nothing is repaired, nothing comes twice.
  void Calm(Time& at) {
    for (Time until = at + seconds(4); broken_.empty() && at < until;) Advance(at);  // leases run out
    std::vector<MeshStats> before;
    for (std::size_t node = 0; node < nodes_; ++node)
      before.push_back(counts(node) ? routers_[node]->stats() : MeshStats{});
    for (int step = 0; step < 8; ++step) {
      for (std::size_t node = 0; node < nodes_; ++node) {
        if (!counts(node)) continue;
        for (int i = 0; i < 3; ++i) {
          const NodeId ids[] = {NodeId{load_.Next() | 1}, NodeId{load_.Next() | 1}};
          routers_[node]->Place(0, ids);
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
    for (std::size_t node = 0; node < nodes_; ++node) {
      if (!counts(node)) continue;
      const MeshStats after = routers_[node]->stats();
      const auto repair = static_cast<std::size_t>(Layer::kRepair);
      if (after.by_layer[repair].bytes != before[node].by_layer[repair].bytes)
        Broken(RouterName(node) + " repairs in a calm mesh");
      const std::uint64_t twice =
          routers_[node]->strategy().Report().records.stale - before[node].strategy.records.stale;
      if (twice > 0) Broken(RouterName(node) + " gets " + std::to_string(twice) + " records twice in a calm mesh");
    }
  }

  // Two routers cannot reach each other and all others can: what one writes is at the other within a lease, for as long
  // as it lasts, and neither takes the other for dead.
  void Bridged(Time& at) {
    std::vector<std::size_t> counted;
    for (std::size_t node = 0; node < nodes_; ++node)
      if (counts(node)) counted.push_back(node);
    const bool roomy = swarm_.page_bytes >= 4096 && swarm_.unacked_kib >= 64 && swarm_.queue_frames >= 64;
    if (counted.size() < 3 || !roomy) return;
    const std::size_t ends[] = {counted.front(), counted.back()};
    const auto replica_of = [&](std::size_t node) -> const Replica& { return routers_[node]->strategy().replica(); };
    CutBoth(ends[0], ends[1]);
    const Time cut_at = at;
    const Time noticed = seconds(8) + 4 * Seconds(swarm_.round_ms / 1e3);
    const Time late = TwoLayer::kLease + 4 * Seconds(swarm_.round_ms / 1e3) + 40 * Seconds(swarm_.delay_ms / 1e3);
    std::vector<std::pair<Time, std::array<std::uint32_t, 2>>> heads;
    while (broken_.empty() && at < cut_at + noticed + Seconds(swarm_.dead_after_s) + seconds(2)) {
      heads.push_back({at, {replica_of(ends[0]).own().window.head(), replica_of(ends[1]).own().window.head()}});
      for (const std::size_t node : counted) {
        const NodeId ids[] = {NodeId{load_.Next() | 1}, NodeId{load_.Next() | 1}};
        routers_[node]->Place(0, ids);
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
    HealPair(ends[0], ends[1]);
    const Time limit = at + seconds(15) + 10 * Seconds(swarm_.round_ms / 1e3);
    while (broken_.empty() && at < limit && !Differs().empty()) Advance(at);
    if (const std::string differs = Differs(); broken_.empty() && !differs.empty())
      Broken("did not converge behind a bridge: " + differs);
  }

  // At rest only digests flow: at most 32 bytes per peer and second.
  void Quiet(Time& at) {
    for (Time until = at + seconds(6); broken_.empty() && at < until;) Advance(at);  // leases run out
    std::vector<MeshStats> before;
    for (std::size_t node = 0; node < nodes_; ++node)
      before.push_back(counts(node) ? routers_[node]->stats() : MeshStats{});
    constexpr int kSeconds = 10;
    for (Time until = at + seconds(kSeconds); broken_.empty() && at < until;) Advance(at);
    for (std::size_t node = 0; node < nodes_; ++node) {
      if (!counts(node)) continue;
      const MeshStats after = routers_[node]->stats();
      for (std::size_t layer = 0; layer < kLayerCount; ++layer) {
        const std::uint64_t bytes = after.by_layer[layer].bytes - before[node].by_layer[layer].bytes;
        const bool digest = static_cast<Layer>(layer) == Layer::kDigest;
        // A stranger goes on being refused; that is no traffic of the mesh.
        if (!digest && swarm_.stranger != 0 && static_cast<Layer>(layer) == Layer::kControl) continue;
        // Digests that are slow look like silence: then loads are asked for again, and whether an owner is dead.
        const bool slow = swarm_.delay_ms > 50;
        const std::uint64_t peers = nodes_ - 1;
        const std::uint64_t allowed = digest ? peers * (32 * (kSeconds + 2) + (slow ? 200 * nodes_ : 0))
                                      : static_cast<Layer>(layer) == Layer::kControl && slow ? 1000 * peers
                                                                                             : 0;
        if (bytes > allowed)
          Broken(RouterName(node) + " is not quiet: " + std::to_string(bytes) + " bytes of " +
                 LayerName(static_cast<Layer>(layer)) + " in " + std::to_string(kSeconds) + " s");
      }
    }
  }

  void CheckEnd() {
    for (std::size_t node = 0; node < nodes_; ++node) {
      if (!counts(node)) continue;
      const SimRouter& router = *routers_[node];
      const Replica& replica = router.strategy().replica();
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
        if (edge.origin == 0) continue;
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
        for (std::size_t other = 0; other < nodes_; ++other)
          if (!member_[other] && log->key.router == RouterName(other))
            Broken(RouterName(node) + " holds the log of a router it had to refuse");
    }
    // Nobody has a request in flight, and everyone knows it.
    for (std::size_t node = 0; node < nodes_; ++node)
      for (std::size_t worker = 0; counts(node) && worker < workers_.size(); ++worker)
        if (const auto slot = routers_[node]->fleet().Find(WorkerLabel(worker));
            slot && routers_[node]->fleet().load(*slot) != 0)
          Broken(RouterName(node) + " believes that " + WorkerLabel(worker) + " is busy");
    // A worker that everyone met is at its register.
    for (std::size_t worker = 0; worker < workers_.size(); ++worker) {
      for (std::size_t node = 0; node < nodes_; ++node) {
        if (!counts(node)) continue;
        const auto slot = routers_[node]->fleet().Find(WorkerLabel(worker));
        Incarnation highest;
        for (const two_layer::WorkerName& entry : routers_[node]->strategy().replica().RegistersSince(0))
          if (entry.name == WorkerLabel(worker)) highest = entry.incarnation;
        if (slot && routers_[node]->fleet().incarnation(*slot) != highest && highest.value != 0)
          Broken(RouterName(node) + ": worker " + WorkerLabel(worker) + "'s register is not what its fleet says");
      }
    }
  }

  const Swarm swarm_;
  const std::uint64_t seed_;
  const Time duration_;
  const std::size_t nodes_;
  Prng faults_, load_, lives_;
  SimWorld world_;
  SimNetwork network_;
  std::vector<SimWorker> workers_;
  std::vector<std::unique_ptr<SimRouter>> routers_;
  std::vector<std::uint64_t> life_of_;
  std::vector<Incarnation> incarnation_of_;
  std::vector<bool> member_, core_;
  std::vector<std::pair<std::uint16_t, std::vector<NodeId>>> placed_;
  std::vector<std::pair<std::size_t, NodeId>> last_;
  Ledger ledger_;
  Outcome outcome_;
  std::string broken_;
  Time healed_at_{0};
};

}  // namespace

Outcome Simulate(const Swarm& swarm, std::uint64_t seed, Time duration) {
  return Simulation(swarm, seed, duration).Run();
}

}  // namespace prefixmesh::sim
