// generation_sim.h — start here for `prefixmesh sim` with a strategy on text trees: whole router cores on virtual time.
// The generations fail by design: what comes out are figures and the trace hash. Rules are few, and of removals only:
//
//   any strategy             the index of the router that is told forgets at once, and of a former incarnation nothing
//   off                      what went is not there again before it is placed again
//   lists with H13 fixed    what a worker held that dropped everything is at no peer before it is placed again: with
//                            one writer, in whose list the removal stands behind the placements that it follows. (Not
//                            at the writer: a peer's list may bring it back, H6. A snapshot in place of a delta says
//                            nothing of removals, and the drafts of S7 do not keep to the order)
//
// The same seed, strategy and options are the same run. The trace hash folds every placement with the worker chosen and
// every frame handed over, whole, with their times. It depends on no address and no allocation; the compressed bodies
// of checkpoint (b to e) and tenant-deltas/d5 to d8 are liblz4's.
//
// Prompt n is a function of n: a head that all share, its number, and text that does not compress. Requests last as
// sim_router.h says, a rebuild as long as the options say, all other work no time.
//
// Threads: one per simulation. Ownership: owns routers and network. Errors: none. Bounds: what the strategy keeps has
// those that it had; the prompts' numbers are kept to be looked up at the end.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bench/sim/generation_options.h"
#include "bench/sim/sim_router.h"

namespace prefixmesh::sim {

// Sums over all routers.
struct GenerationFigures {
  std::uint64_t placements = 0;
  std::uint64_t frames = 0;  // handed over
  std::uint64_t built_bytes = 0, refused_bytes = 0, queued_bytes = 0, delivered_bytes = 0;
  std::uint64_t rounds = 0, messages = 0;  // rounds that built something
  std::uint64_t oversize = 0;              // of every kind
  std::uint64_t streams_opened = 0;        // by either end
  RecordCounts records;
  std::uint64_t decode_errors = 0;
  // Of the placements, times all other routers that live: how many the other's tree has at the end.
  double held_share = 0;
  // The most that the buffers of one router's report came to.
  std::uint64_t buffers_peak_bytes = 0;
};

class GenerationSim {
 public:
  // `strategy` is one of strategies.h.
  GenerationSim(std::string_view strategy, const GenerationOptions& options, std::uint64_t seed);

  // Every writer places for so long.
  void Load(Time length);
  // Nobody does.
  void Idle(Time length) { Run(length); }

  std::size_t nodes() const { return routers_.size(); }
  // It lives: join_s is over.
  const SimRouter& router(std::size_t node) const { return *routers_[node]; }
  std::uint64_t hash() const;
  GenerationFigures Figures() const;
  // The first rule that does not hold, once there was silence; empty: none.
  std::string Broken() const;

 private:
  struct Placed {
    std::uint64_t number = 0;  // of the prompt
    std::uint16_t node = 0;
    WorkerIndex worker;
  };
  struct Dropped {
    Placed placed;  // a prefix of this prompt, or
    bool everything = false;
    std::size_t after = 0;  // so many placements
  };
  void Start(std::size_t node);
  // Time goes by: what is due happens, streams break, workers drop things, buffers are looked at.
  void Run(Time length);
  // Places what is due at the writer before `until`: now.
  void PlaceDue(std::size_t node, Time until);
  void NextArrival(std::size_t node);
  // Of this many average distances between two placements of the writer.
  Time Distance(std::size_t node, double count) const;
  void PlaceOne(std::size_t node);
  std::string ModelOf(std::uint64_t number) const;
  std::string PromptOf(std::uint64_t number) const;
  double HeldShare() const;
  void Removals(Time step);
  void Drop(bool everything);
  bool PeersApplyRemovals() const;

  const StrategyDescription strategy_;
  const GenerationOptions options_;
  const std::uint64_t seed_;
  Prng load_, faults_, lives_, removals_;
  SimWorld world_;
  SimNetwork network_;
  SimWorkers workers_;
  std::vector<std::unique_ptr<SimRouter>> routers_;
  std::vector<Time> next_arrival_;  // by writer
  Time load_until_{0};
  std::uint64_t next_number_;
  std::vector<Placed> placed_;
  std::vector<Dropped> dropped_;  // of everything the last one, by router and worker
  std::uint64_t placements_hash_ = 0;
  std::uint64_t buffers_peak_bytes_ = 0;
};

}  // namespace prefixmesh::sim
