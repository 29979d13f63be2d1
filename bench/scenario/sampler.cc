#include "bench/scenario/sampler.h"

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

Sample Sampler::SampleNow() {
  Sample sample;
  sample.t_s = elapsed_s();
  std::vector<Cluster::Router>& routers = cluster_.routers();
  sample.routers.resize(routers.size());
  if (!samples_.empty()) sample.routers = samples_.back().routers;
  std::vector<v1::RouterStatus> statuses(routers.size());
  std::vector<bool> answered(routers.size(), false);
  for (std::size_t i = 0; i < routers.size(); ++i) {
    answered[i] = routers[i].client->ReadStatus(statuses[i]).ok();
    if (const auto memory = ReadMemory(routers[i].child->pid())) sample.routers[i].rss_bytes = memory->rss_bytes;
  }
  for (std::size_t i = 0; i < routers.size(); ++i) {
    if (!answered[i]) continue;
    RouterSample& router = sample.routers[i];
    const v1::SyncStatus& sync = statuses[i].sync();
    router.built_bytes = sync.built_bytes();
    router.wire_bytes = sync.wire_sent_bytes();
    router.news_bytes = sync.built_bytes();
    if (const auto digests = sync.by_layer().find(LayerName(Layer::kDigest)); digests != sync.by_layer().end())
      router.news_bytes -= digests->second.bytes();
    router.records = sync.records_received();
    router.in_flight = statuses[i].in_flight();
    router.delivered_bytes = 0;
    for (std::size_t peer = 0; peer < routers.size(); ++peer) {
      const auto& received = statuses[peer].sync().received_bytes_by_peer();
      const auto from = received.find(routers[i].name);
      if (from != received.end()) router.delivered_bytes += from->second;
    }
  }
  return sample;
}

}  // namespace prefixmesh::bench
