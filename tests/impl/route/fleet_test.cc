// Goal: load is own plus what each peer last said, whatever was said in whatever order; registers only rise.
#include "impl/route/fleet.h"

#include <array>

#include "tests/support/properties.h"

namespace prefixmesh {
namespace {

TEST_CASE("Fleet: load is own in flight plus the last word of every peer") {
  test::ForAll("any history", [](const std::vector<std::uint32_t>& steps) {
    Fleet fleet(3);
    std::array<std::int64_t, 4> own{};
    std::array<std::array<std::uint32_t, 4>, 3> said{};
    std::vector<WorkerIndex> workers;
    for (const char* name : {"a", "b", "c", "d"}) workers.push_back(*fleet.Intern(name));
    for (const std::uint32_t step : steps) {
      const auto worker = static_cast<std::uint16_t>(step % 4), peer = static_cast<std::uint16_t>(step / 4 % 3);
      switch (step / 12 % 4) {
        case 0:
          fleet.BeginRequest(workers[worker]);
          ++own[worker];
          break;
        case 1:
          if (own[worker] > 0) {
            fleet.EndRequest(workers[worker]);
            --own[worker];
          }
          break;
        case 2:
          fleet.SetPeerLoad(PeerIndex{peer}, workers[worker], step % 97);
          said[peer][worker] = step % 97;
          break;
        default:
          fleet.ForgetPeerLoads(PeerIndex{peer});
          said[peer] = {};
      }
      for (std::uint16_t i = 0; i < 4; ++i)
        RC_ASSERT(fleet.load(workers[i]) == own[i] + said[0][i] + said[1][i] + said[2][i]);
    }
  });
}

TEST_CASE("Fleet: a register only rises, and only a change of life says so") {
  Fleet fleet(0);
  const WorkerIndex worker = *fleet.Intern("w");
  REQUIRE(fleet.RaiseIncarnation(worker, Incarnation{5}) == RegisterChange::kFirst);
  REQUIRE(fleet.RaiseIncarnation(worker, Incarnation{4}) == RegisterChange::kNone);
  REQUIRE(fleet.RaiseIncarnation(worker, Incarnation{5}) == RegisterChange::kNone);
  REQUIRE(fleet.incarnation(worker) == Incarnation{5});
  REQUIRE(fleet.RaiseIncarnation(worker, Incarnation{6}) == RegisterChange::kNewIncarnation);
}

TEST_CASE("Fleet: names keep their slot, and more workers than it holds are refused") {
  Fleet fleet(0);
  const WorkerIndex first = *fleet.Intern("w0");
  for (std::size_t i = 1; i < Fleet::kWorkersMax; ++i) REQUIRE(fleet.Intern("w" + std::to_string(i)).has_value());
  REQUIRE_FALSE(fleet.Intern("one too many").has_value());
  REQUIRE(*fleet.Intern("w0") == first);
  REQUIRE(fleet.name(first) == "w0");
}

TEST_CASE("Fleet: a name above 256 bytes gets no slot, whoever gives it") {
  Fleet fleet(1);
  REQUIRE(fleet.Intern(std::string(256, 'w')).has_value());
  REQUIRE_FALSE(fleet.Intern(std::string(257, 'w')).has_value());
  REQUIRE_FALSE(fleet.InternOwn(std::string(257, 'w')).has_value());
  REQUIRE(fleet.size() == 1);
}

TEST_CASE("Fleet: the queue counts what nobody of us sent and what failed, for a while; the load does not") {
  Fleet fleet(1);
  const WorkerIndex worker = *fleet.InternOwn("w");
  fleet.BeginRequest(worker);
  fleet.SetPeerLoad(PeerIndex{0}, worker, 2);
  fleet.SetTold(worker, 4, 8);
  fleet.NoteFailure(worker);
  REQUIRE(fleet.slots(worker) == 4);
  REQUIRE(fleet.load(worker) == 3);
  REQUIRE(fleet.queue(worker) == 3 + 5 + 1);
  fleet.SetTold(worker, 4, 2);  // fewer than we know of: on their way
  REQUIRE(fleet.queue(worker) == 3 + 1);
  fleet.SetTold(worker, UINT64_MAX, UINT64_MAX);
  REQUIRE(fleet.slots(worker) == Fleet::kToldMax);
  REQUIRE(fleet.queue(worker) == 3 + Fleet::kToldMax + 1);
  fleet.AgeLately();
  REQUIRE(fleet.queue(worker) == 3 + Fleet::kToldMax + 1);
  fleet.AgeLately();
  REQUIRE(fleet.queue(worker) == 3);
  fleet.NoteOwnPlacement(worker);
  fleet.NotePeerPlacement(worker);
  REQUIRE(fleet.lately(worker) == 2);
  REQUIRE(fleet.fresh(worker) == 1);
}

}  // namespace
}  // namespace prefixmesh
