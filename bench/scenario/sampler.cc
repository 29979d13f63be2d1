#include "bench/scenario/sampler.h"

#include <algorithm>

#include "bench/process/proc.h"
#include "impl/sync/strategy.h"
#include "impl/wire/prefixmesh.pb.h"

namespace prefixmesh::bench {

void Sampler::Begin() {
  begin_ = std::chrono::steady_clock::now();
  next_s_ = 0;
}

double Sampler::elapsed_s() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
}

bool Sampler::SampleIfDue() {
  if (elapsed_s() < next_s_) return false;
  samples_.push_back(SampleNow());
  next_s_ = std::max(next_s_ + 1, samples_.back().t_s + 0.5);
  return true;
}

Sample Sampler::SampleNow(std::vector<v1::RouterStatus>* raw) {
  Sample sample;
  sample.t_s = elapsed_s();
  std::vector<Cluster::Router>& routers = cluster_.routers();
  sample.routers.resize(routers.size());
  std::vector<RouterClient*> clients;
  for (std::size_t i = 0; i < routers.size(); ++i) {
    clients.push_back(routers[i].answering());
    if (routers[i].child == nullptr) continue;
    if (const auto memory = ReadMemory(routers[i].child->pid())) sample.routers[i].rss_bytes = memory->rss_bytes;
  }
  std::vector<v1::RouterStatus> statuses;
  const std::vector<StatusAnswer> answers = ReadStatuses(clients, statuses);
  bool all_answered = true;
  for (std::size_t i = 0; i < routers.size(); ++i)
    all_answered = all_answered && (routers[i].client == nullptr || answers[i].answered);
  for (std::size_t i = 0; i < routers.size(); ++i) {
    if (!answers[i].answered) continue;
    RouterCounters& counters = sample.routers[i].counters.emplace();
    const v1::SyncStatus& sync = statuses[i].sync();
    counters.at_s = std::chrono::duration<double>(answers[i].at - begin_).count();
    counters.built_bytes = sync.built_bytes();
    counters.wire_bytes = sync.wire_sent_bytes();
    counters.news_bytes = sync.built_bytes();
    if (const auto digests = sync.by_layer().find(LayerName(Layer::kDigest)); digests != sync.by_layer().end())
      counters.news_bytes -= digests->second.bytes();
    counters.records = sync.records_received();
    counters.in_flight = statuses[i].in_flight();
    if (!all_answered) continue;
    std::uint64_t& delivered = counters.delivered_bytes.emplace(0);
    for (const v1::RouterStatus& peer : statuses) {
      const auto from = peer.sync().received_bytes_by_peer().find(routers[i].name);
      if (from != peer.sync().received_bytes_by_peer().end()) delivered += from->second;
    }
  }
  if (raw != nullptr) *raw = std::move(statuses);
  return sample;
}

}  // namespace prefixmesh::bench
