// Goal: a stream's last word arrives, and two routers that do not fit do not hammer each other. Real gRPC on loopback.
#include <catch2/catch.hpp>
#include <thread>

#include "bench/process/fault_proxy.h"
#include "impl/base/mutex.h"
#include "impl/env/real/grpc_sync_transport.h"
#include "impl/env/real/real_env.h"

namespace prefixmesh {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Counts what it hears; its transport's loop is its own.
class End final : public SyncTransportObserver {
 public:
  End(std::string name, std::string listen, std::vector<SyncPeerAddress> peers) {
    SyncTransportOptions options;
    options.router = std::move(name);
    options.listen = std::move(listen);
    options.peers = std::move(peers);
    transport = std::make_unique<GrpcSyncTransport>(options, clock, loop, *this);
    REQUIRE(transport->Start().ok());
  }
  ~End() override { transport->Shutdown(); }

  void OnStreamUp(PeerIndex peer, StreamRole) override {
    MutexLock lock(mutex);
    ++ups;
    changed.NotifyAll();
    if (close_at_once)
      loop.Post([this, peer] {
        for (int i = 0; i < 50; ++i) transport->Send(peer, "word " + std::to_string(i));
        transport->Close(peer);
      });
  }
  void OnStreamDown(PeerIndex) override {
    MutexLock lock(mutex);
    ++downs;
    heard_before_down = frames;
    changed.NotifyAll();
  }
  void OnFrame(PeerIndex peer, std::string) override {
    {
      MutexLock lock(mutex);
      ++frames;
    }
    loop.Post([this, peer] { transport->FrameHandled(peer); });
  }
  template <typename F>
  bool WaitFor(F&& reached) {
    const auto until = std::chrono::steady_clock::now() + seconds(10);
    MutexLock lock(mutex);
    while (!reached() && std::chrono::steady_clock::now() < until) changed.WaitUntil(mutex, until);
    return reached();
  }

  RealClock clock;
  LoopThread loop;
  Mutex mutex;
  CondVar changed;
  bool close_at_once = false;
  int ups = 0, downs = 0, frames = 0, heard_before_down = 0;
  std::unique_ptr<GrpcSyncTransport> transport;
};

std::string FreePort() {
  static int next = 23000 + static_cast<int>(NewIncarnation() % 8000);
  return "127.0.0.1:" + std::to_string(next++);
}

// W21, W22: a refusal is worth nothing if the close that follows cuts it off.
TEST_CASE("Sync transport: what was sent before a close arrives, whichever end closes") {
  for (const bool dialer_closes : {true, false}) {
    const std::string a_port = FreePort(), b_port = FreePort();
    End b("b", b_port, {{"a", a_port}});
    b.close_at_once = !dialer_closes;
    End a("a", a_port, {{"b", b_port}});
    if (dialer_closes) {
      REQUIRE(a.WaitFor([&]() PREFIXMESH_NO_THREAD_SAFETY_ANALYSIS { return a.ups > 0; }));
      a.loop.Post([&] {
        for (int i = 0; i < 50; ++i) a.transport->Send(PeerIndex{0}, "word " + std::to_string(i));
        a.transport->Close(PeerIndex{0});
      });
    }
    End& hearer = dialer_closes ? b : a;
    REQUIRE(hearer.WaitFor([&]() PREFIXMESH_NO_THREAD_SAFETY_ANALYSIS { return hearer.downs > 0; }));
    MutexLock lock(hearer.mutex);
    REQUIRE(hearer.heard_before_down % 50 == 0);
    REQUIRE(hearer.heard_before_down > 0);
  }
}

TEST_CASE("Sync transport: a peer that closes every stream at once is dialled ever less often") {
  const std::string a_port = FreePort(), b_port = FreePort();
  End b("b", b_port, {{"a", a_port}});
  b.close_at_once = true;
  End a("a", a_port, {{"b", b_port}});
  const auto began = std::chrono::steady_clock::now();
  REQUIRE(a.WaitFor([&]() PREFIXMESH_NO_THREAD_SAFETY_ANALYSIS { return a.ups >= 4; }));
  // 100 + 200 + 400 ms lie between four streams.
  REQUIRE(std::chrono::steady_clock::now() - began >= milliseconds(700));
}

// Found by runs with a cut of a minute and with a router that joins: both were dialled up to a second after they could
// have been reached, because calls failed at once while their channel connected on a clock of its own.
TEST_CASE("Sync transport: a peer is met soon after it can be reached") {
  constexpr auto kSoon = milliseconds(600);  // 250 ms between attempts, and a busy machine
  const auto met_after = [&](End& a, auto&& reachable) {
    const auto since = std::chrono::steady_clock::now();
    reachable();
    REQUIRE(a.WaitFor([&]() PREFIXMESH_NO_THREAD_SAFETY_ANALYSIS { return a.ups > 0; }));
    return std::chrono::steady_clock::now() - since;
  };
  SECTION("it starts later") {
    const std::string a_port = FreePort(), b_port = FreePort();
    End a("a", a_port, {{"b", b_port}});
    std::this_thread::sleep_for(seconds(2));
    std::unique_ptr<End> b;
    REQUIRE(met_after(a, [&] {
              b = std::make_unique<End>("b", b_port, std::vector<SyncPeerAddress>{{"a", a_port}});
            }) < kSoon);
  }
  SECTION("a silent network is healed, after attempts that nobody answered") {
    const std::string a_port = FreePort(), b_port = FreePort();
    auto proxy = bench::FaultProxy::Start({static_cast<std::uint16_t>(std::stoi(b_port.substr(b_port.find(':') + 1)))});
    REQUIRE(proxy.ok());
    (*proxy)->Cut(0, bench::FaultProxy::Direction::kFromTarget);
    End b("b", b_port, {{"a", a_port}});
    End a("a", a_port, {{"b", "127.0.0.1:" + std::to_string((*proxy)->port(0))}});
    std::this_thread::sleep_for(milliseconds(4500));
    REQUIRE(met_after(a, [&] { (*proxy)->Heal(0, bench::FaultProxy::Direction::kFromTarget); }) < kSoon);
  }
}

}  // namespace
}  // namespace prefixmesh
