#include "bench/sim/rules/core_rules.h"

namespace prefixmesh::sim {
namespace {

// In periods of the checks, by the router's clock: one that replied to a request is left out once, an idle one until
// its turn comes (IdlePeriods), and the third miss in a row counts. And the time that checks take.
constexpr double kSeenUpWithin = 2, kSeenDownWithin = 5, kSeenRestartedWithin = 2;
constexpr Time kChecksTake = std::chrono::milliseconds(500);

void CheckWorker(const SimMesh& mesh, const SimRouter& router, WorkerIndex slot, const Rule::Broken& broken) {
  const std::size_t number = *router.NumberOf(slot);
  const Fleet& fleet = router.core().fleet();
  if (fleet.own_in_flight(slot) != router.in_flight(slot))
    broken("counts " + std::to_string(fleet.own_in_flight(slot)) + " requests in flight at " + WorkerLabel(number) +
           "; there are " + std::to_string(router.in_flight(slot)));
  const SimWorker& worker = mesh.worker(number);
  const double slowest = 1 - mesh.swarm().clock_skew;  // of the clocks
  const auto known = Time(static_cast<Time::rep>(
      slowest * static_cast<double>((mesh.now() - std::max(worker.since, router.running_since())).count())));
  const auto periods = [&](double count) { return Seconds(count * mesh.swarm().health_s) + kChecksTake; };
  if (known > periods(worker.up ? kSeenUpWithin : kSeenDownWithin + IdlePeriods(mesh.swarm())) &&
      fleet.healthy(slot) != worker.up)
    broken("takes " + WorkerLabel(number) + " for " + (worker.up ? "unhealthy; it is up" : "healthy; it is down") +
           " since " + std::to_string(std::chrono::duration<double>(known).count()) + " s");
  const Time same = std::min(
      known,
      Time(static_cast<Time::rep>(slowest * static_cast<double>((mesh.now() - worker.incarnation_since).count()))));
  if (worker.up && same > periods(kSeenRestartedWithin + IdlePeriods(mesh.swarm())) && !router.lies() &&
      fleet.incarnation(slot) != worker.incarnation)
    broken("has incarnation " + std::to_string(fleet.incarnation(slot).value) + " of " + WorkerLabel(number) +
           ", which is " + std::to_string(worker.incarnation.value));
}

}  // namespace

void CoreRules::Step(const SimMesh& mesh, const Broken& broken) {
  for (std::size_t node = 0; node < mesh.nodes(); ++node) {
    if (mesh.router(node) == nullptr) continue;
    const SimRouter& router = *mesh.router(node);
    const Broken by_router = [&](std::string what) { broken(RouterName(node) + " " + std::move(what)); };
    if (!router.broken().empty()) by_router("broke a rule: " + router.broken());
    std::uint64_t in_flight = 0;
    for (const WorkerIndex worker : router.core().own_workers()) {
      CheckWorker(mesh, router, worker, by_router);
      in_flight += router.in_flight(worker);
    }
    if (router.core().admission().in_flight() != in_flight)
      by_router("counts " + std::to_string(router.core().admission().in_flight()) +
                " requests in flight in all; there are " + std::to_string(in_flight));
  }
}

void CoreRules::End(const SimMesh& mesh, const Broken& broken) {
  for (std::size_t node = 0; node < mesh.nodes(); ++node) {
    if (!mesh.counts(node)) continue;
    const SimRouter& router = *mesh.router(node);
    for (const WorkerIndex worker : router.core().own_workers())
      if (router.core().fleet().own_in_flight(worker) != 0)
        broken(RouterName(node) + " still has a request in flight at " + WorkerLabel(*router.NumberOf(worker)));
  }
}

}  // namespace prefixmesh::sim
