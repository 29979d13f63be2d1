// Every strategy of the generations, whole, with two peers that send anything, between its own beats and placements.
// Its changes go to a real text tree.
//
//   input   strategy u8 · fixed u16 · events;  event: what u8, and for a frame its length u16 and bytes
#include <functional>
#include <map>
#include <memory>

#include "impl/base/varint.h"
#include "impl/sync/generations/checkpoint/checkpoint.h"
#include "impl/sync/generations/crdt_ops/crdt_ops.h"
#include "impl/sync/generations/full_snapshot/full_snapshot.h"
#include "impl/sync/generations/raw_ops/raw_ops.h"
#include "impl/sync/generations/snapshot_ops/snapshot_ops.h"
#include "impl/sync/generations/tenant_deltas/path_deltas.h"
#include "impl/sync/generations/tenant_deltas/tenant_deltas.h"
#include "impl/tree/text_tree.h"

namespace {

using namespace prefixmesh;
using namespace prefixmesh::generations;

constexpr std::size_t kEventsMax = 64;

class Router final : public TextTreeView {
 public:
  Router(unsigned which, HazardSet fixed) : strategy_(Make(which, fixed)) {}

  void Up(PeerIndex peer, StreamRole role) {
    strategy_->OnPeerUp(++now_, peer, role, actions_);
    Execute();
  }
  void Down(PeerIndex peer) {
    strategy_->OnPeerDown(++now_, peer, actions_);
    Execute();
  }
  void Frame(PeerIndex peer, Bytes frame) {
    strategy_->OnFrame(++now_, peer, frame, actions_);
    Execute();
  }
  void Tick(PeerIndex peer) {
    strategy_->OnPeerTick(++now_, peer, actions_);
    Execute();
  }
  void Rounds(int count) {
    for (int i = 0; i < count; ++i) strategy_->OnRound(++now_, actions_);
    Execute();
  }
  void Place(Bytes prompt) {
    const Slices slices(prompt);
    PlacementView placement;
    placement.model = "m";
    placement.prompt = &slices;
    placement.worker_name = "w";
    if (std::optional<Offer> offer = strategy_->Capture(placement))
      strategy_->OnPlacement(++now_, std::move(*offer), actions_);
    Execute();
  }
  void Read() const { (void)strategy_->Report(); }

  std::span<const WorkerLoad> Workers() const override { return {}; }
  std::uint64_t WorkersVersion() const override { return 0; }
  std::size_t PeerCount() const override { return 2; }
  std::string_view PeerName(PeerIndex peer) const override { return peer.value == 0 ? "b" : "c"; }
  Incarnation NewIncarnation() const override { return Incarnation{1}; }
  void SnapshotTextTrees(std::string_view model, SnapshotSink sink) const override {
    if (!model.empty() && model != "m") return;
    TreeSnapshot snapshot;
    tree_.Walk([&](const TextTree::WholeNode& whole) {
      SnapshotNode& node = snapshot.nodes.emplace_back();
      node.edge = whole.edge;
      for (const RadixTree::Tenant& tenant : whole.tenants)
        node.tenants.emplace_back(names_[tenant.worker.value], tenant.epoch);
      node.child_count = whole.child_count;
    });
    sink("m", std::move(snapshot));
  }

 private:
  std::unique_ptr<SyncStrategy> Make(unsigned which, HazardSet fixed) {
    switch (which % 12) {
      case 0:
      case 1:
      case 2:
      case 3:
        return std::make_unique<CrdtOps>(
            CrdtOpsOptions{.point = static_cast<CrdtOpsPoint>(which % 12), .self_name = "a", .fixed = fixed});
      case 4:
        return std::make_unique<RawOps>(RawOpsOptions{.self_name = "a", .fixed = fixed});
      case 5:
      case 6:
        return std::make_unique<SnapshotOps>(
            SnapshotOpsOptions{.self_name = "a", .capped = which % 12 == 6, .fixed = fixed});
      case 7:
        return std::make_unique<FullSnapshot>(
            FullSnapshotOptions{.form = FullSnapshotForm::kStored, .self_name = "a", .fixed = fixed}, *this);
      case 8:
        return std::make_unique<CheckpointSync>(CheckpointOptions{.self_name = "a", .fixed = fixed}, *this);
      case 9:
        return std::make_unique<TenantDeltas>(TenantDeltasOptions{.self_name = "a", .fixed = fixed}, *this);
      case 10:
        return std::make_unique<TenantDeltas>(
            TenantDeltasOptions{.draft = TenantDeltaDraft::kD6, .self_name = "a", .fixed = fixed}, *this);
      default:
        return std::make_unique<PathDeltas>(
            PathDeltasOptions{.draft = PathDeltaDraft::kD4, .self_name = "a", .fixed = fixed});
    }
  }
  WorkerIndex Intern(std::string_view name) {
    if (const auto found = workers_.find(name); found != workers_.end()) return found->second;
    if (names_.size() >= kHoldersMax) return WorkerIndex{0};
    const WorkerIndex worker{static_cast<std::uint16_t>(names_.size())};
    workers_.emplace(name, worker);
    names_.emplace_back(name);
    return worker;
  }
  void Change(Action action) {
    if (const auto* apply = std::get_if<ApplyPrompt>(&action)) {
      const Slices slices(AsBytes(apply->prompt));
      if (apply->kind == Kind::kText)
        tree_.Insert({.kind = Kind::kText, .bytes = &slices, .blocks = {}}, Intern(apply->worker_name));
    } else if (const auto* gone = std::get_if<ForgetTenant>(&action)) {
      const WorkerIndex worker = Intern(gone->worker_name);
      tree_.RemoveWorker(worker);
    } else if (const auto* snapshot = std::get_if<ApplySnapshot>(&action)) {
      const Result<SnapshotView> view = ViewTree(AsBytes(snapshot->body));
      if (!view.ok()) std::abort();
      ByteReader reader(view->bytes);
      std::vector<RadixTree::Tenant> tenants;
      tree_.Merge([&](TextTree::WholeNode& whole) {
        SnapshotNodeView node;
        if (reader.remaining() == 0 || !ReadNode(reader, node)) return false;
        tenants.clear();
        node.holders.ForEach([&](std::string_view name, std::uint64_t epoch) {
          tenants.push_back({Intern(name), epoch});
        });
        whole = {node.edge, tenants, node.child_count};
        return true;
      });
    }
  }
  void Execute() {
    for (std::size_t i = 0; i < actions_.size(); ++i) {
      Action action = std::move(actions_[i]);
      if (const auto* send = std::get_if<SendFrame>(&action)) {
        // Every other one finds the queue full.
        const SendOutcome outcome = ++sends_ % 2 == 0 ? SendOutcome::kFull : SendOutcome::kQueued;
        if (send->token != 0) strategy_->OnSendResult(++now_, send->peer, send->token, outcome, actions_);
      } else {
        Change(std::move(action));
      }
    }
    actions_.clear();
  }

  TextTree tree_;
  std::map<std::string, WorkerIndex, std::less<>> workers_;
  std::vector<std::string> names_;
  Actions actions_{[this](Action action) { Change(std::move(action)); }};
  Time now_{0};
  std::uint64_t sends_ = 0;
  std::unique_ptr<SyncStrategy> strategy_;  // last: it reads the rest through the view
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteReader reader(Bytes(data, size));
  const std::uint8_t which = reader.U8();
  const unsigned fixed = reader.U8() | static_cast<unsigned>(reader.U8()) << 8;
  HazardSet set;
  for (unsigned i = 1; i <= kHazards; ++i)
    if ((fixed >> (i - 1) & 1) != 0) set = set | HazardSet{static_cast<Hazard>(i)};
  Router router(which, set);
  router.Up(PeerIndex{0}, StreamRole::kServer);
  router.Up(PeerIndex{1}, StreamRole::kDialer);
  for (std::size_t event = 0; event < kEventsMax && reader.ok() && reader.remaining() > 0; ++event) {
    const std::uint8_t what = reader.U8();
    const PeerIndex peer{static_cast<std::uint16_t>(what >> 7)};
    switch (what % 8) {
      case 0:
        router.Tick(peer);
        break;
      case 1:
        router.Rounds(10);
        break;
      case 2:
        router.Down(peer);
        router.Up(peer, peer.value == 0 ? StreamRole::kServer : StreamRole::kDialer);
        break;
      case 3:
        router.Place(reader.Raw(std::min<std::size_t>(reader.remaining(), reader.U8())));
        break;
      default: {
        const std::size_t bytes = reader.U8() | static_cast<std::size_t>(reader.U8()) << 8;
        router.Frame(peer, reader.Raw(std::min(reader.remaining(), bytes)));
      }
    }
  }
  router.Read();
  return 0;
}
