// Goal: a stream's last word arrives, and two routers that do not fit do not hammer each other. Real gRPC on loopback.
#include <catch2/catch.hpp>

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

}  // namespace
}  // namespace prefixmesh
