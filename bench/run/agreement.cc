#include "bench/run/agreement.h"

#include <algorithm>
#include <cstdint>
#include <set>

#include "impl/wire/prefixmesh.pb.h"

namespace prefixmesh::bench {
namespace {

std::optional<double> Share(std::uint64_t part, std::uint64_t whole) {
  return whole > 0 ? std::optional(static_cast<double>(part) / static_cast<double>(whole)) : std::nullopt;
}

}  // namespace

bool IsCacheOf(const v1::HeldByWorker& believed, const v1::WorkerStatus& worker) {
  return believed.worker() == worker.worker() && believed.blocks() == worker.cached_blocks() &&
         believed.ids() == worker.cached_ids();
}

void Agreement::Begin(const std::vector<std::pair<std::string, std::string>>& workers) {
  for (const auto& [name, address] : workers) workers_.push_back(WorkerClient::Make(address));
}

std::vector<Agreement::Shares> Agreement::Ask(const std::vector<RouterClient*>& routers) {
  v1::HeldRequest request;
  std::set<std::string> asked;
  std::uint64_t given = 0;
  for (std::size_t i = 0; i < std::min(kWorkersMax, workers_.size()); ++i) {
    v1::SampledBlocks& sample = *request.add_samples();
    if (!workers_[next_++ % workers_.size()]->ReadSample(sample).ok()) {
      request.mutable_samples()->RemoveLast();
      continue;
    }
    given += static_cast<std::uint64_t>(sample.ids_size());
    asked.insert(sample.worker());
  }
  std::vector<Shares> shares(routers.size());
  for (std::size_t i = 0; i < routers.size(); ++i) {
    v1::HeldBlocks held;
    if (routers[i] == nullptr || !routers[i]->ReadHeld(request, held).ok()) continue;
    std::uint64_t found = 0, believed = 0;
    for (const v1::HeldByWorker& each : held.workers()) {
      if (!asked.contains(each.worker())) continue;
      found += each.found();
      believed += each.sampled();
    }
    shares[i] = {Share(found, believed), Share(found, given)};
  }
  return shares;
}

}  // namespace prefixmesh::bench
