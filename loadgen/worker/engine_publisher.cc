#include "loadgen/worker/engine_publisher.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "impl/base/mutex.h"
#include "impl/env/real/zmq_socket.h"
#include "impl/kvevents/engine/engine_batch.h"
#include "loadgen/clock/process.h"

namespace prefixmesh::load {
namespace {

using kvevents::EngineEvent;
using kvevents::KvEvent;

constexpr std::size_t kTokensInBatch = 1u << 17;  // and the blocks of the event that reaches it
constexpr std::size_t kRequestBytesMax = 1024;

// What keeps prompts apart besides their tokens.
struct Scope {
  std::string lora, salt;
};

// Tokens of blocks, by id.
class TokenBook {
 public:
  explicit TokenBook(std::size_t block_bytes) : block_bytes_(block_bytes) {}

  void Use(std::span<const NodeId> ids, std::string_view prompt, const std::shared_ptr<const Scope>& scope) {
    for (std::size_t i = 0; i < ids.size(); ++i) {
      Entry& entry = entries_[ids[i].value];
      if (entry.bytes.empty()) entry.bytes = prompt.substr(i * block_bytes_, block_bytes_);
      entry.scope = scope;
      ++entry.users;
    }
  }
  void Leave(std::span<const NodeId> ids) {
    for (const NodeId id : ids)
      if (const auto at = entries_.find(id.value); at != entries_.end()) {
        --at->second.users;
        EraseIfUnused(at);
      }
  }
  // Null: it is no block of tokens.
  std::shared_ptr<const Scope> Store(std::uint64_t id, std::vector<std::uint32_t>& tokens) {
    const auto at = entries_.find(id);
    if (at == entries_.end()) return nullptr;
    at->second.cached = true;
    for (std::size_t i = 0; i + sizeof(std::uint32_t) <= at->second.bytes.size(); i += sizeof(std::uint32_t)) {
      std::uint32_t token = 0;
      for (std::size_t k = sizeof token; k > 0; --k)
        token = token << 8 | static_cast<std::uint8_t>(at->second.bytes[i + k - 1]);
      tokens.push_back(token);
    }
    return at->second.scope;
  }
  bool Remove(std::uint64_t id) {
    const auto at = entries_.find(id);
    if (at == entries_.end()) return false;
    at->second.cached = false;
    EraseIfUnused(at);
    return true;
  }
  void Clear() {
    for (auto at = entries_.begin(); at != entries_.end();) {
      at->second.cached = false;
      at = at->second.users == 0 ? entries_.erase(at) : std::next(at);
    }
  }

 private:
  struct Entry {
    std::string bytes;
    std::shared_ptr<const Scope> scope;
    std::size_t users = 0;
    bool cached = false;
  };
  void EraseIfUnused(std::unordered_map<std::uint64_t, Entry>::iterator at) {
    if (at->second.users == 0 && !at->second.cached) entries_.erase(at);
  }
  const std::size_t block_bytes_;
  std::unordered_map<std::uint64_t, Entry> entries_;
};

// One worker's.
struct Outlet {
  explicit Outlet(std::size_t block_bytes) : book(block_bytes) {}

  Mutex mutex;
  bool down PREFIXMESH_GUARDED_BY(mutex) = false;
  ZmqSocket live PREFIXMESH_GUARDED_BY(mutex);  // none: it is down
  ZmqSocket replay;                             // the replay thread's; the same
  std::string live_address, replay_address;
  TokenBook book PREFIXMESH_GUARDED_BY(mutex);
  std::uint64_t last PREFIXMESH_GUARDED_BY(mutex) = 0;  // event that was told
  std::uint64_t next PREFIXMESH_GUARDED_BY(mutex) = 0;  // batch
  std::deque<std::pair<std::uint64_t, std::string>> kept PREFIXMESH_GUARDED_BY(mutex);
  std::size_t kept_bytes PREFIXMESH_GUARDED_BY(mutex) = 0;
};

class Publisher final : public EnginePublisher {
 public:
  Publisher(const EnginePublisherOptions& options, WorkerEngine& engine)
      : options_(options), engine_(engine), context_(2 * options.workers + 16) {}
  ~Publisher() override {
    stopping_ = true;
    if (replays_.joinable()) replays_.join();
    for (const auto& outlet : outlets_) {  // who holds tokens keeps it, and the context waits for its sockets
      MutexLock lock(outlet->mutex);
      outlet->live = ZmqSocket();
      outlet->replay = ZmqSocket();
    }
  }

  Status Bind() {
    const std::string host = "tcp://" + (options_.host == "localhost" ? "127.0.0.1" : options_.host) + ":";
    std::uint16_t port = options_.port_base;
    for (std::size_t i = 0; i < options_.workers; ++i) {
      auto outlet = std::make_shared<Outlet>(options_.block_tokens * kBytesPerToken);
      for (std::string* address : {&outlet->live_address, &outlet->replay_address})
        *address = host + (port == 0 ? "*" : std::to_string(port++));
      MutexLock lock(outlet->mutex);
      if (Status open = Open(*outlet); !open.ok()) return open;
      outlets_.push_back(outlet);
    }
    replays_ = std::thread([this] { AnswerReplays(); });
    return {};
  }

  const std::string& publisher(std::size_t worker) const override { return outlets_[worker]->live_address; }
  const std::string& replay(std::size_t worker) const override { return outlets_[worker]->replay_address; }

  std::shared_ptr<const void> Hold(std::size_t worker, std::span<const NodeId> ids, const Slices& prompt,
                                   const std::string& lora, const std::string& salt) override {
    std::string bytes;
    prompt.CopyTo(bytes);
    struct Held {
      std::shared_ptr<Outlet> outlet;
      std::vector<NodeId> ids;
      ~Held() {
        MutexLock lock(outlet->mutex);
        outlet->book.Leave(ids);
      }
    };
    const std::shared_ptr<Outlet>& outlet = outlets_[worker];
    {
      MutexLock lock(outlet->mutex);
      outlet->book.Use(ids, bytes, std::make_shared<const Scope>(Scope{lora, salt}));
    }
    return std::make_shared<Held>(outlet, std::vector<NodeId>(ids.begin(), ids.end()));
  }

  void Publish(std::size_t worker) override {
    Outlet& outlet = *outlets_[worker];
    MutexLock lock(outlet.mutex);
    const WorkerEngine::NewEvents news = engine_.EventsAfter(worker, outlet.last, SIZE_MAX);
    std::vector<EngineEvent> events;
    std::size_t tokens = 0;
    for (const KvEvent& event : news.events) {
      if (event.id != outlet.last + 1) ++outlet.next;  // the worker no longer has some: a number that nobody hears
      outlet.last = event.id;
      Tell(outlet, event, events, tokens);
    }
    Send(outlet, events, tokens);
  }

  void GoDown(std::size_t worker) override {
    Outlet& outlet = *outlets_[worker];
    MutexLock lock(outlet.mutex);
    outlet.down = true;
    outlet.live = ZmqSocket();
    outlet.book.Clear();
    outlet.last = outlet.next = outlet.kept_bytes = 0;
    outlet.kept.clear();
  }
  void ComeUp(std::size_t worker) override {
    MutexLock lock(outlets_[worker]->mutex);
    outlets_[worker]->down = false;
  }

 private:
  // At the addresses of before, or those wanted.
  Status Open(Outlet& outlet) PREFIXMESH_REQUIRES(outlet.mutex) {
    ZmqSocket live(context_, ZMQ_PUB, {kMessagesWaiting, kRequestBytesMax});
    ZmqSocket replay(context_, ZMQ_ROUTER, {static_cast<int>(kBatchesKept) + 1, kRequestBytesMax});
    for (const auto& [socket, address] :
         {std::pair(&live, &outlet.live_address), std::pair(&replay, &outlet.replay_address)}) {
      Result<std::string> at = socket->Bind(*address);
      if (!at.ok()) return at.error();
      *address = *at;
    }
    outlet.live = std::move(live);
    outlet.replay = std::move(replay);
    return {};
  }
  void Tell(Outlet& outlet, const KvEvent& told, std::vector<EngineEvent>& events, std::size_t& tokens)
      PREFIXMESH_REQUIRES(outlet.mutex) {
    if (told.cleared()) {
      outlet.book.Clear();
      events.emplace_back().kind = kvevents::EventKind::kCleared;
      return;
    }
    std::optional<kvevents::BlockName> parent = told.parent;
    EngineEvent* event = nullptr;
    for (const kvevents::BlockName& name : told.blocks) {
      if (event != nullptr && tokens >= kTokensInBatch) {
        Send(outlet, events, tokens);
        event = nullptr;
      }
      std::vector<std::uint32_t> of_block;
      const bool stored = told.kind == kvevents::EventKind::kStored;
      const std::shared_ptr<const Scope> scope = stored ? outlet.book.Store(name.low, of_block) : nullptr;
      const bool of_tokens = stored ? scope != nullptr : outlet.book.Remove(name.low);
      if (!of_tokens) continue;
      if (event == nullptr) {
        event = &events.emplace_back();
        event->kind = told.kind;
        event->medium = "GPU";
        if (stored) {
          event->parent = parent;
          event->block_size = options_.block_tokens;
          event->lora_name = scope->lora;
          if (!parent && !scope->salt.empty()) event->extra = {scope->salt};
        }
      }
      if (!event->extra.empty()) event->extra.resize(event->blocks.size() + 1);
      event->blocks.push_back(name);
      event->tokens.insert(event->tokens.end(), of_block.begin(), of_block.end());
      parent = name;
      tokens += options_.block_tokens;
    }
  }
  void Send(Outlet& outlet, std::vector<EngineEvent>& events, std::size_t& tokens) PREFIXMESH_REQUIRES(outlet.mutex) {
    if (events.empty()) return;
    kvevents::EngineBatch batch;
    batch.ts = static_cast<double>(WallClockNs()) * 1e-9;
    batch.rank = 0;
    batch.events = std::move(events);
    events.clear();
    tokens = 0;
    std::string payload = kvevents::WriteEngineBatch(batch, kvevents::EngineLayout::kArrays);
    const std::uint64_t number = outlet.next++;
    if (outlet.live) outlet.live.Send({"kv-events", ZmqNumber(number), payload});
    outlet.kept_bytes += payload.size();
    outlet.kept.emplace_back(number, std::move(payload));
    while (outlet.kept.size() > kBatchesKept || (outlet.kept_bytes > kBytesKept && outlet.kept.size() > 1)) {
      outlet.kept_bytes -= outlet.kept.front().second.size();
      outlet.kept.pop_front();
    }
  }

  void AnswerReplays() {
    std::vector<zmq_pollitem_t> polled;
    std::vector<Outlet*> asked;
    while (!stopping_) {
      polled.clear();
      asked.clear();
      for (const auto& outlet : outlets_) {
        FollowWorker(*outlet);
        if (!outlet->replay) continue;
        polled.push_back({outlet->replay.get(), 0, ZMQ_POLLIN, 0});
        asked.push_back(outlet.get());
      }
      if (zmq_poll(polled.data(), static_cast<int>(polled.size()), kLookMs) <= 0) continue;
      for (std::size_t i = 0; i < polled.size(); ++i)
        if ((polled[i].revents & ZMQ_POLLIN) != 0) AnswerReplay(*asked[i]);
    }
  }
  // Its sockets are there if and only if it is. A port that is not free yet is tried again with the next look.
  void FollowWorker(Outlet& outlet) {
    MutexLock lock(outlet.mutex);
    if (!outlet.live) outlet.replay = ZmqSocket();
    if (!outlet.down && !outlet.live) (void)Open(outlet);
  }
  // [client, empty, number] → (number, payload) of each kept batch from there on, then (-1, nothing).
  static void AnswerReplay(Outlet& outlet) {
    std::vector<std::string> frames;
    if (!outlet.replay.Receive(frames) || frames.size() != 3 || !frames[1].empty()) return;
    const std::optional<std::uint64_t> from = FromZmqNumber(frames[2]);
    if (!from) return;
    std::vector<std::pair<std::uint64_t, std::string>> wanted;
    {
      MutexLock lock(outlet.mutex);
      for (const auto& each : outlet.kept)
        if (each.first >= *from) wanted.push_back(each);
    }
    wanted.emplace_back(UINT64_MAX, "");
    for (const auto& [number, payload] : wanted) outlet.replay.Send({frames[0], "", ZmqNumber(number), payload});
  }

  const EnginePublisherOptions options_;
  WorkerEngine& engine_;
  const ZmqContext context_;
  std::vector<std::shared_ptr<Outlet>> outlets_;
  std::atomic<bool> stopping_{false};
  std::thread replays_;
};

}  // namespace

Result<std::unique_ptr<EnginePublisher>> EnginePublisher::Start(const EnginePublisherOptions& options,
                                                                WorkerEngine& engine) {
  auto publisher = std::make_unique<Publisher>(options, engine);
  if (Status bound = publisher->Bind(); !bound.ok()) return bound.error();
  return std::unique_ptr<EnginePublisher>(std::move(publisher));
}

}  // namespace prefixmesh::load
