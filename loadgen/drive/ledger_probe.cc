#include "loadgen/drive/ledger_probe.h"

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>

#include "impl/base/mutex.h"
#include "loadgen/drive/channels.h"
#include "loadgen/drive/wire.h"

namespace prefixmesh::load {
namespace {

constexpr char kProbeMethod[] = "/prefixmesh.v1.Router/Probe";
constexpr std::size_t kInFlightMax = 8;
constexpr Time kConnectTimeout = std::chrono::seconds(5);

struct AskedPair {
  std::uint32_t index = 0;
  std::uint16_t peer = 0;
  bool answered = false;
  ProbeAnswer answer;
};

struct Asking {
  grpc::ClientContext context;
  grpc::ByteBuffer body, reply;
};

class Asker {
 public:
  void Acquire() {
    MutexLock lock(mutex_);
    while (in_flight_ >= kInFlightMax) freed_.Wait(mutex_);
    ++in_flight_;
  }
  void Release() {
    MutexLock lock(mutex_);
    --in_flight_;
    freed_.NotifyAll();
  }
  void WaitAll() {
    MutexLock lock(mutex_);
    while (in_flight_ > 0) freed_.Wait(mutex_);
  }

 private:
  Mutex mutex_;
  CondVar freed_;
  std::size_t in_flight_ PREFIXMESH_GUARDED_BY(mutex_) = 0;
};

}  // namespace

Result<LedgerCounts> ProbeLedger(const Plan& plan, const Settings& settings, const std::vector<RequestRecord>& records,
                                 const std::vector<std::string>& worker_names,
                                 const std::vector<RouterAddress>& routers, Time timeout) {
  LedgerCounts counts;
  const std::vector<std::uint32_t> learned = LearnedPlacements(records, settings.index_block_bytes());
  const std::vector<std::uint32_t> sampled = SamplePlacements(learned, settings.probe.placements, plan.seed());
  counts.learned = learned.size();
  counts.sampled = sampled.size();
  if (routers.size() < 2 || sampled.empty()) return counts;

  const auto channels = ConnectRouters(routers, std::min(timeout, kConnectTimeout));
  if (!channels.ok()) return channels.error();
  std::vector<std::unique_ptr<grpc::GenericStub>> stubs;
  for (const auto& channel : *channels) stubs.push_back(std::make_unique<grpc::GenericStub>(channel));

  std::vector<AskedPair> pairs;
  for (const std::uint32_t index : sampled) {
    for (std::size_t peer = 0; peer < routers.size(); ++peer) {
      if (peer != records[index].router) pairs.push_back({index, static_cast<std::uint16_t>(peer), false, {}});
    }
  }
  Asker asker;
  const auto deadline = std::chrono::system_clock::now() + timeout;
  Slices prompt;
  for (AskedPair& pair : pairs) {
    asker.Acquire();
    const PlannedRequest& request = plan.requests()[pair.index];
    const std::string& worker = worker_names[records[pair.index].worker];
    plan.Prompt(request, prompt);
    auto asking = std::make_shared<Asking>();
    asking->context.set_deadline(deadline);
    asking->body = ProbeBody(plan.models()[request.model], plan.kind(), worker, prompt);
    stubs[pair.peer]->UnaryCall(&asking->context, kProbeMethod, {}, &asking->body, &asking->reply,
                                [asking, &pair, &asker, &worker](const grpc::Status& status) {
                                  v1::ProbeReply reply;
                                  if (status.ok() && ParseMessage(asking->reply, reply)) {
                                    pair.answered = true;
                                    pair.answer.prompt_blocks = reply.prompt_blocks();
                                    pair.answer.incarnation = reply.incarnation();
                                    for (const v1::WorkerDepth& depth : reply.workers()) {
                                      if (depth.worker() != worker) continue;
                                      pair.answer.depth_blocks = depth.depth_blocks();
                                      pair.answer.held = depth.held();
                                    }
                                  }
                                  asker.Release();
                                });
  }
  asker.WaitAll();

  const PlacementIndex index(plan, records);
  const std::size_t block_bytes = settings.index_block_bytes();
  for (const AskedPair& pair : pairs) {
    if (!pair.answered) {
      ++counts.unanswered;
      counts.Add(PlacementFate::kLost);
      continue;
    }
    const std::uint16_t worker = records[pair.index].worker;
    const std::size_t baseline = index.LongestSent(pair.index, pair.peer, worker) / block_bytes;
    counts.Add(Judge(pair.answer, baseline, index.Superseded(pair.index, pair.answer.incarnation)));
  }
  return counts;
}

}  // namespace prefixmesh::load
