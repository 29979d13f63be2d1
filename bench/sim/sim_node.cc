#include "bench/sim/sim_node.h"

namespace prefixmesh::sim {
namespace {

std::vector<std::string> PeerNames(std::size_t node, std::size_t nodes) {
  std::vector<std::string> names;
  for (std::size_t other = 0; other < nodes; ++other)
    if (other != node) names.push_back(RouterName(other));
  return names;
}

}  // namespace

std::string RouterName(std::size_t node) {
  std::string digits = std::to_string(node);
  return "r" + std::string(3 - std::min<std::size_t>(3, digits.size()), '0') + digits;
}

std::string WorkerLabel(std::size_t worker) { return "w" + std::to_string(worker); }

SimNode::SimNode(const Parameters& parameters, std::size_t workers, SimWorld& world, SimNetwork& network)
    : parameters_(parameters),
      network_(network),
      peers_(PeerNames(parameters.node, parameters.nodes)),
      clock_(world, parameters.clock_offset, parameters.clock_rate),
      random_(Prng::ForPurpose(parameters.seed, "router " + std::to_string(parameters.incarnation.value)).Next()),
      executor_(world, clock_),
      fleet_(peers_.size()) {
  for (std::size_t i = 0; i < workers; ++i) {
    const double drawn = Prng::ForPurpose(parameters.seed, RouterName(parameters.node) + WorkerLabel(i)).Unit();
    if (drawn < parameters.foreign && i != parameters.node % workers) {
      fleet_.Intern(WorkerLabel(i));
      continue;
    }
    candidates_.push_back(*fleet_.InternOwn(WorkerLabel(i)));
    fleet_.SetHealthy(candidates_.back(), true);
  }
}

void SimNode::Join(Mesh& mesh) { mesh.Start(network_.Attach(parameters_.node, mesh)); }

void SimNode::Leave() { network_.Detach(parameters_.node); }

void SimNode::Serve(WorkerIndex worker) {
  fleet_.BeginRequest(worker);
  executor_.PostAt(clock_.Now() + std::chrono::milliseconds(60), [this, worker] { fleet_.EndRequest(worker); });
}

std::span<const WorkerLoad> SimNode::Workers() const {
  loads_.clear();
  for (const WorkerIndex worker : candidates_)
    loads_.push_back(
        {fleet_.name(worker), parameters_.lies ? Lie() : fleet_.incarnation(worker), fleet_.own_in_flight(worker)});
  return loads_;
}

}  // namespace prefixmesh::sim
