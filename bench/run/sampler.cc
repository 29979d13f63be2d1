#include "bench/run/sampler.h"

#include <algorithm>

#include "bench/process/proc.h"
#include "impl/figures/router_figures.h"

namespace prefixmesh::bench {

void Sampler::Begin() {
  begin_ = std::chrono::steady_clock::now();
  next_s_ = 0;
  if (compares_) agreement_.Begin(cluster_.worker_addresses());
}

void Sampler::Compare(Sample& sample) {
  std::vector<RouterClient*> clients;
  for (std::size_t i = 0; i < sample.routers.size(); ++i)
    clients.push_back(sample.routers[i].counters ? cluster_.routers()[i].answering() : nullptr);
  const std::vector<Agreement::Shares> shares = agreement_.Ask(clients);
  for (std::size_t i = 0; i < shares.size(); ++i) {
    sample.routers[i].precision = shares[i].precision;
    sample.routers[i].recall = shares[i].recall;
  }
  free_since_s_ = elapsed_s();
}

double Sampler::elapsed_s() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
}

bool Sampler::SampleIfDue() {
  const double now_s = elapsed_s();
  if (now_s < next_s_) return false;
  if (!samples_.empty()) late_s_ = std::max(late_s_, now_s - std::max(next_s_, free_since_s_));
  samples_.push_back(SampleNow());
  if (compares_) Compare(samples_.back());
  next_s_ = std::max(next_s_ + 1, samples_.back().t_s + 0.5);
  return true;
}

Sample Sampler::SampleNow(std::vector<RouterReport>* raw) {
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
  std::vector<RouterReport> reports;
  const std::vector<ReportAnswer> answers = ReadReports(clients, reports);
  bool all_answered = true;
  for (std::size_t i = 0; i < routers.size(); ++i)
    all_answered = all_answered && (routers[i].client == nullptr || answers[i].answered);
  last_told_.resize(routers.size());
  for (std::size_t i = 0; i < routers.size(); ++i) {
    if (!answers[i].answered) continue;
    last_told_[i] = LastTold{sample.t_s, reports[i]};
    RouterCounters& counters = sample.routers[i].counters.emplace(
        CountersOf(reports[i].readings, std::chrono::duration<double>(answers[i].at - begin_).count()));
    if (!all_answered) continue;
    std::uint64_t& delivered = counters.delivered_bytes.emplace(0);
    for (const RouterReport& peer : reports)
      delivered += peer.readings.Count(RouterFigure("sync.received_bytes.*"), routers[i].name);
  }
  if (raw != nullptr) *raw = std::move(reports);
  free_since_s_ = elapsed_s();
  return sample;
}

}  // namespace prefixmesh::bench
