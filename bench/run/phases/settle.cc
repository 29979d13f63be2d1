#include <algorithm>
#include <map>

#include "bench/process/proc.h"
#include "bench/run/agreement.h"
#include "bench/run/phases/phases.h"
#include "bench/run/worker_client.h"
#include "impl/figures/router_figures.h"
#include "impl/figures/run_figures.h"
#include "impl/wire/prefixmesh.pb.h"

namespace prefixmesh::bench {
namespace {

// Until all counters stand still for a second, at most settle_s.
Status WaitForStillness(RunLoop& run) {
  const double begin = run.sampler.elapsed_s();
  double still_since = begin;
  std::vector<std::uint64_t> last;
  while (run.sampler.elapsed_s() - begin < run.settings.phases.settle_s) {
    if (Status turned = run.Turn(std::chrono::milliseconds(200)); !turned.ok()) return turned;
    if (run.faults.watching()) {
      still_since = run.sampler.elapsed_s();
      continue;
    }
    std::vector<std::uint64_t> counters;
    const Sample now = run.sampler.SampleNow();
    bool all_answered = true;
    for (const RouterSample& router : now.routers) {
      all_answered = all_answered && router.counters.has_value();
      if (router.counters.has_value())
        counters.insert(counters.end(),
                        {router.counters->news_bytes, router.counters->records, router.counters->in_flight});
    }
    if (counters != last || !all_answered) still_since = now.t_s;
    last = counters;
    if (now.t_s - still_since >= 1) break;
  }
  return {};
}

Status ReadRouters(RunLoop& run) {
  std::vector<RouterReport> reports;
  const Sample end = run.sampler.SampleNow(&reports);
  if (Status heard = run.AllAnswered(end); !heard.ok()) return heard;
  for (std::size_t i = 0; i < run.cluster.routers().size(); ++i) {
    MeasuredRouter& measured = run.measured.routers[i];
    measured.settled = true;
    measured.readings = std::move(reports[i].readings);
    const pid_t pid = run.cluster.routers()[i].child->pid();
    const auto memory = ReadMemory(pid);
    const auto of_memory = [&](auto field) {
      return memory.has_value() ? std::optional((*memory).*field) : std::nullopt;
    };
    measured.readings.Set(RouterFigure("peak_rss_bytes"), of_memory(&ProcessMemory::peak_rss_bytes));
    measured.readings.Set(RouterFigure("end_rss_bytes"), of_memory(&ProcessMemory::rss_bytes));
    measured.readings.Set(RouterFigure("pss_bytes"), ReadPss(pid));
    measured.readings.Set(RouterFigure("cpu_s"), run.cpu.Seconds(pid));
    measured.readings.Set(RouterFigure("sync.delivered_bytes"), end.routers[i].counters->delivered_bytes);
  }
  return {};
}

// Of a router: workers whose cache is not what its index believes.
Result<std::uint64_t> CachesThatDiffer(RouterClient& router, const std::map<std::string, v1::WorkerStatus>& workers) {
  v1::HeldBlocks held;
  if (Status read = router.ReadHeld({}, held); !read.ok()) return read.error();
  std::uint64_t differ = 0;
  for (const v1::HeldByWorker& believed : held.workers()) {
    const auto worker = workers.find(believed.worker());
    differ += worker == workers.end() || !IsCacheOf(believed, worker->second);
  }
  return differ;
}

Status CompareCaches(RunLoop& run, const std::map<std::string, v1::WorkerStatus>& workers) {
  if (!run.cluster.believes_workers()) {
    if (run.settings.index.listens())
      for (MeasuredRouter& router : run.measured.routers)
        router.readings.SetNotMeasured(RouterFigure("kv_events.caches_differ"),
                                       "the strategy runs on text, not on blocks");
    return {};
  }
  for (std::size_t i = 0; i < run.cluster.routers().size(); ++i) {
    RouterClient* const router = run.cluster.routers()[i].answering();
    if (router == nullptr) continue;
    const Result<std::uint64_t> differ = CachesThatDiffer(*router, workers);
    if (!differ.ok()) return differ.error();
    run.measured.routers[i].readings.Set(RouterFigure("kv_events.caches_differ"), *differ);
  }
  return {};
}

Status ReadWorkers(RunLoop& run) {
  const pid_t pid = run.cluster.workers()->pid();
  Readings& workers = run.measured.workers;
  if (const auto memory = ReadMemory(pid)) workers.Set(WorkersFigure("peak_rss_bytes"), memory->peak_rss_bytes);
  workers.Set(WorkersFigure("cpu_s"), run.cpu.Seconds(pid));
  std::map<std::string, v1::WorkerStatus> statuses;
  std::uint64_t cached_blocks = 0, prompt_bytes = 0, again_bytes = 0, queue_max = 0, starved = 0;
  for (const auto& [name, address] : run.cluster.worker_addresses()) {
    v1::WorkerStatus& status = statuses[name];
    if (!WorkerClient::Make(address)->ReadStatus(status).ok())
      return Error{ErrorCode::kTimeout, "worker " + name + " did not answer at the end of settle"};
    cached_blocks += status.cached_blocks();
    prompt_bytes += status.prompt_bytes();
    again_bytes += status.again_bytes();
    queue_max = std::max<std::uint64_t>(queue_max, status.queue_max());
    starved += status.requests() == 0;
  }
  workers.Set(WorkersFigure("cached_blocks"), cached_blocks);
  if (prompt_bytes > 0) {
    workers.Set(WorkersFigure("again_share"), static_cast<double>(again_bytes) / static_cast<double>(prompt_bytes));
  } else {
    workers.SetNotMeasured(WorkersFigure("again_share"), "no prompt had a byte");
  }
  workers.Set(WorkersFigure("queue_max"), queue_max);
  workers.Set(WorkersFigure("starved"), starved);
  return CompareCaches(run, statuses);
}

}  // namespace

Status SettlePhase(RunLoop& run) {
  run.BeginPhase("settle");
  if (Status still = WaitForStillness(run); !still.ok()) return still;
  run.faults.Settled();
  if (Status read = ReadRouters(run); !read.ok()) return read;
  return ReadWorkers(run);
}

}  // namespace prefixmesh::bench
