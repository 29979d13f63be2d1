#include "impl/env/real/zmq_kv_source.h"

#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <thread>
#include <utility>
#include <vector>

#include "impl/base/check.h"
#include "impl/base/log_limiter.h"
#include "impl/base/mutex.h"
#include "impl/base/printable.h"
#include "impl/base/result.h"
#include "impl/env/real/listen_socket.h"
#include "impl/env/real/zmq_socket.h"
#include "impl/kvevents/engine/engine_batch.h"
#include "impl/kvevents/engine/engine_blocks.h"
#include "impl/kvevents/engine/engine_stream.h"

namespace prefixmesh {
namespace {

using kvevents::EngineStream;
using kvevents::KvEvent;

constexpr Time kReplayWithin = std::chrono::seconds(2);
constexpr Time kConnectAgain = std::chrono::seconds(5);
constexpr std::uint64_t kGeneration = 1;  // this source does not begin anew

constexpr ZmqSocket::Bounds kBounds{ZmqKvSource::kMessagesWaiting, kvevents::kEngineBatchBytesMax};

// One engine. All of the source's thread.
struct Engine {
  Engine(WorkerIndex worker_index, EngineAddress where, const ZmqKvSourceOptions& options)
      : worker(worker_index),
        address(std::move(where)),
        stream(!address.replay.empty(), options.hash.seed),
        blocks(options.hash, options.model, options.bytes_max / options.engines) {}

  const WorkerIndex worker;
  const EngineAddress address;
  kvevents::KvSourceSink* sink = nullptr;
  ZmqSocket live, monitor, replay;  // the last while it is asked
  Time replay_until{0};
  EngineStream stream;
  kvevents::EngineBlocks blocks;
  std::optional<std::uint32_t> rank;  // of its batches
  std::uint64_t last = 0;             // event that was told
  bool open = false, told_closed = false;
  Time connect_again_at = Time::max();  // a connection that broke is not there again
  bool busy = false;                    // the router has something to take
  std::uint64_t unreadable = 0, skipped = 0, replayed = 0;
};

class Source final : public ZmqKvSource {
 public:
  Source(ZmqKvSourceOptions options, Clock& clock, Executor& loop)
      : options_(std::move(options)),
        clock_(clock),
        loop_(loop),
        context_(16 * options_.engines + 64),
        wake_(eventfd(0, EFD_NONBLOCK)) {
    PREFIXMESH_CHECK(wake_ >= 0);
    thread_ = std::thread([this] { Run(); });
  }
  ~Source() override { Stop(); }

  void Add(WorkerIndex worker, const EngineAddress& address) override {
    auto engine = std::make_shared<Engine>(worker, address, options_);
    Do([this, worker, engine] { engines_.emplace(worker, engine); });
  }
  void Listen(WorkerIndex worker, kvevents::KvSourceSink& sink) override {
    Do([this, worker, &sink] { Connect(*engines_.at(worker), sink); });
  }
  void Query(WorkerIndex worker, std::uint32_t rank, std::uint64_t ticket, std::optional<std::uint64_t>) override {
    Do([this, worker, rank, ticket] { Answer(*engines_.at(worker), rank, ticket); });
  }
  void Stop() override {
    if (stopping_->exchange(true)) return;
    Wake();
    thread_.join();
    engines_.clear();
    close(wake_);
  }
  kvevents::KvSourceFigures Figures() const override {
    MutexLock lock(mutex_);
    return figures_;
  }

 private:
  // ---- other threads ----
  void Do(std::function<void()> task) {
    if (*stopping_) return;
    {
      MutexLock lock(mutex_);
      tasks_.push_back(std::move(task));
    }
    Wake();
  }
  void Wake() {
    const std::uint64_t one = 1;
    (void)!write(wake_, &one, sizeof one);
  }

  // ---- its own thread ----
  void Run() {
    while (!*stopping_) {
      Wait();
      RunTasks();
      for (auto& [worker, engine] : engines_) Serve(*engine);
      PublishFigures();
    }
  }

  void Wait() {
    polled_.clear();
    polled_.push_back({nullptr, wake_, ZMQ_POLLIN, 0});
    const Time now = clock_.Now();
    Time until = now + std::chrono::seconds(1);
    for (const auto& [worker, engine] : engines_) {
      if (engine->monitor) polled_.push_back({engine->monitor.get(), 0, ZMQ_POLLIN, 0});
      if (const auto tick = engine->stream.NextTick()) until = std::min(until, *tick);
      until = std::min(until, engine->connect_again_at);
      if (engine->busy) continue;
      if (engine->replay) {
        polled_.push_back({engine->replay.get(), 0, ZMQ_POLLIN, 0});
        until = std::min(until, engine->replay_until);
      }
      if (engine->live) polled_.push_back({engine->live.get(), 0, ZMQ_POLLIN, 0});
    }
    const auto wait_ms = std::chrono::ceil<std::chrono::milliseconds>(std::max(until - now, Time(0))).count();
    zmq_poll(polled_.data(), static_cast<int>(polled_.size()), static_cast<long>(wait_ms));
  }

  void RunTasks() {
    std::uint64_t drained = 0;
    (void)!read(wake_, &drained, sizeof drained);
    std::deque<std::function<void()>> tasks;
    {
      MutexLock lock(mutex_);
      tasks.swap(tasks_);
    }
    for (const auto& task : tasks) task();
  }

  void Connect(Engine& engine, kvevents::KvSourceSink& sink) {
    engine.sink = &sink;
    Connect(engine);
  }
  void Connect(Engine& engine) {
    engine.connect_again_at = Time::max();
    engine.live = ZmqSocket(context_, ZMQ_SUB, kBounds);
    engine.monitor = ZmqSocket(context_, ZMQ_PAIR, kBounds);
    if (!engine.live || !engine.monitor) return Lost(engine, "no socket is left");
    zmq_setsockopt(engine.live.get(), ZMQ_SUBSCRIBE, "", 0);
    const std::string events = "inproc://events-" + std::to_string(++monitors_);
    zmq_socket_monitor(engine.live.get(), events.c_str(),
                       ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CONNECT_RETRIED);
    for (const Status& connected : {engine.monitor.Connect(events), engine.live.Connect(engine.address.publisher)})
      if (!connected.ok()) return Lost(engine, connected.error().message);
  }

  void Serve(Engine& engine) {
    if (engine.connect_again_at <= clock_.Now()) Connect(engine);
    EngineStream::Actions actions;
    while (engine.monitor && engine.monitor.Receive(frames_)) SawConnection(engine, actions);
    engine.stream.OnTick(clock_.Now(), actions);
    Take(engine, actions);
    constexpr int kInTurn = 64;
    for (int i = 0; i < kInTurn && !engine.busy && engine.replay && engine.replay.Receive(frames_); ++i) {
      Replayed(engine, actions);
      engine.replayed += Take(engine, actions);
    }
    if (!engine.busy && engine.replay && engine.replay_until <= clock_.Now()) {
      engine.replay = ZmqSocket();
      Warn(engine, "replay", "nobody answers replays at " + engine.address.replay);
      engine.stream.OnReplayEnd(clock_.Now(), false, actions);
      Take(engine, actions);
    }
    for (int i = 0; i < kInTurn && !engine.busy && engine.live && engine.live.Receive(frames_); ++i) {
      Heard(engine, actions);
      Take(engine, actions);
    }
  }

  void SawConnection(Engine& engine, EngineStream::Actions& actions) {
    std::uint16_t event = 0;
    if (frames_.empty() || frames_.front().size() < sizeof event) return;
    std::copy_n(frames_.front().data(), sizeof event, reinterpret_cast<char*>(&event));
    if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
      engine.open = true;
      engine.told_closed = false;
      engine.connect_again_at = Time::max();
      engine.rank.reset();
      Post([sink = engine.sink, worker = engine.worker, last = engine.last] {
        sink->OnOpen(worker, 0, kGeneration, last);
      });
      engine.stream.OnOpened(clock_.Now(), actions);
    } else if (event == ZMQ_EVENT_DISCONNECTED) {
      Lost(engine, "the connection to " + engine.address.publisher + " broke");
    } else if (!engine.open && !engine.told_closed) {
      Close(engine, "nobody at " + engine.address.publisher + " answers");
    }
  }
  // ZeroMQ connects again by itself, but from who sent what is no message it parts for good.
  void Lost(Engine& engine, const std::string& why) {
    engine.connect_again_at = clock_.Now() + kConnectAgain;
    Close(engine, why);
  }
  void Close(Engine& engine, const std::string& why) {
    engine.open = false;
    engine.told_closed = true;
    Post([sink = engine.sink, worker = engine.worker, why] { sink->OnClosed(worker, 0, why); });
  }

  // [topic,] number, payload
  void Heard(Engine& engine, EngineStream::Actions& actions) {
    const std::optional<std::uint64_t> number = NumberOfFrames();
    if (!number) return Unreadable(engine, "a batch without a number");
    engine.stream.OnLive(clock_.Now(), *number, std::move(frames_.back()), actions);
  }
  // [empty,] [topic,] number, payload; the end is -1 and nothing
  void Replayed(Engine& engine, EngineStream::Actions& actions) {
    engine.replay_until = clock_.Now() + kReplayWithin;
    const std::optional<std::uint64_t> number = NumberOfFrames();
    if (!number) return Unreadable(engine, "a replay without a number");
    if (*number != UINT64_MAX)
      return engine.stream.OnReplayed(clock_.Now(), *number, std::move(frames_.back()), actions);
    engine.replay = ZmqSocket();
    engine.stream.OnReplayEnd(clock_.Now(), true, actions);
  }
  std::optional<std::uint64_t> NumberOfFrames() const {
    return frames_.size() >= 2 ? FromZmqNumber(frames_[frames_.size() - 2]) : std::nullopt;
  }

  // Returns how many events that made.
  std::size_t Take(Engine& engine, EngineStream::Actions& actions) {
    std::vector<KvEvent> events;
    for (EngineStream::Action& action : actions) {
      if (const auto* ask = std::get_if<EngineStream::Ask>(&action)) {
        AskFrom(engine, ask->from);
      } else if (std::holds_alternative<EngineStream::Forget>(action)) {
        Forget(engine, events);
      } else {
        Apply(engine, std::get<EngineStream::Apply>(action).payload, events);
      }
    }
    actions.clear();
    if (events.empty()) return 0;
    const std::size_t count = events.size();
    for (KvEvent& event : events) event.id = ++engine.last;
    engine.busy = true;
    Post([this, sink = engine.sink, worker = engine.worker, told = std::move(events)]() mutable {
      sink->OnLive(worker, 0, kGeneration, std::move(told), [this, worker] { Do([this, worker] { Taken(worker); }); });
    });
    return count;
  }
  void Taken(WorkerIndex worker) {
    Engine& engine = *engines_.at(worker);
    engine.busy = false;
    engine.replay_until = clock_.Now() + kReplayWithin;
  }

  void AskFrom(Engine& engine, std::uint64_t from) {
    engine.replay = ZmqSocket(context_, ZMQ_DEALER, kBounds);
    engine.replay_until = clock_.Now() + kReplayWithin;
    if (!engine.replay.Connect(engine.address.replay).ok()) return;  // the time runs out
    engine.replay.Send({"", ZmqNumber(from)});
  }
  static void Forget(Engine& engine, std::vector<KvEvent>& events) {
    engine.blocks.Clear();
    events.push_back({0, kvevents::EventKind::kCleared, std::nullopt, {}});
  }
  void Apply(Engine& engine, const std::string& payload, std::vector<KvEvent>& events) {
    Result<kvevents::EngineBatch> batch = kvevents::ReadEngineBatch(payload);
    if (!batch.ok()) {
      Unreadable(engine, batch.error().message + "; what it told before is forgotten");
      engine.stream.OnUnreadable();
      return Forget(engine, events);
    }
    engine.skipped += batch->unknown;
    if (batch->rank && !engine.rank) engine.rank = batch->rank;
    if (batch->rank && batch->rank != engine.rank) {
      engine.skipped += batch->events.size();
      return;
    }
    for (const kvevents::EngineEvent& event : batch->events) engine.blocks.Apply(event, events);
  }
  void Unreadable(Engine& engine, const std::string& why) {
    ++engine.unreadable;
    Warn(engine, "unreadable", why);
  }
  void Warn(const Engine& engine, const std::string& kind, const std::string& what) {
    if (const auto held_back = log_.Allow(kind + engine.address.publisher, clock_.Now()))
      spdlog::warn("KV events of {}: {}{}", engine.address.publisher, Printable(what), HeldBackNote(*held_back));
  }

  // What was told is on its way to the loop, so a dump of now has the number of the last of it.
  void Answer(Engine& engine, std::uint32_t rank, std::uint64_t ticket) {
    kvevents::Dump dump;
    if (rank == 0) engine.blocks.Dump(dump.stores);
    dump.last = engine.last;
    dump.empty = engine.last == 0;
    Post([sink = engine.sink, worker = engine.worker, ticket, dump = std::move(dump)]() mutable {
      sink->OnAnswer(ticket, worker, 0, kGeneration, std::move(dump), [] {});
    });
  }

  template <typename Task>
  void Post(Task task) {
    // std::function copies, and a task is run once.
    loop_.Post([stopping = stopping_, held = std::make_shared<Task>(std::move(task))] {
      if (!*stopping) (*held)();
    });
  }

  void PublishFigures() {
    kvevents::KvSourceFigures sum;
    for (const auto& [worker, engine] : engines_) {
      const EngineStream::Counts& stream = engine->stream.counts();
      const kvevents::EngineBlocks::Counts& blocks = engine->blocks.counts();
      sum.gaps += stream.gaps;
      sum.incomplete += stream.incomplete + stream.restarts;
      sum.dropped += stream.dropped;
      sum.stale += stream.late;
      sum.unreadable += engine->unreadable;
      sum.skipped += engine->skipped + blocks.skipped;
      sum.orphans += blocks.orphans;
      sum.refused += blocks.refused;
      sum.replayed += engine->replayed;
      sum.bytes += engine->blocks.bytes();
    }
    MutexLock lock(mutex_);
    figures_ = sum;
  }

  const ZmqKvSourceOptions options_;
  Clock& clock_;
  Executor& loop_;
  const ZmqContext context_;
  const int wake_;
  const std::shared_ptr<std::atomic<bool>> stopping_ = std::make_shared<std::atomic<bool>>(false);
  std::map<WorkerIndex, std::shared_ptr<Engine>> engines_;
  std::vector<zmq_pollitem_t> polled_;
  std::vector<std::string> frames_;
  std::uint64_t monitors_ = 0;  // names of their sockets
  LogLimiter log_;
  mutable Mutex mutex_;
  std::deque<std::function<void()>> tasks_ PREFIXMESH_GUARDED_BY(mutex_);
  kvevents::KvSourceFigures figures_ PREFIXMESH_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace

bool IsZmqAddress(const std::string& address) {
  constexpr std::string_view kTcp = "tcp://";
  constexpr std::string_view kIp6 = "0123456789abcdefABCDEF:.";
  constexpr std::string_view kName = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";
  const std::string rest = address.rfind(kTcp, 0) == 0 ? address.substr(kTcp.size()) : "";
  const Result<HostPort> at = ParseHostPort(rest);
  const std::string_view allowed = !rest.empty() && rest.front() == '[' ? kIp6 : kName;
  return at.ok() && at->port != 0 && !at->host.empty() && at->host.find_first_not_of(allowed) == at->host.npos;
}

std::unique_ptr<ZmqKvSource> ZmqKvSource::Make(ZmqKvSourceOptions options, Clock& clock, Executor& loop) {
  return std::make_unique<Source>(std::move(options), clock, loop);
}

}  // namespace prefixmesh
