// hostile_peer: does to a router's sync port what its peers should never do, for some seconds. For attack.py.
//
//   hostile_peer MODE HOST:PORT NAME SECONDS
//
// NAME is a configured peer of the router that dials it. Ends with one JSON line: how often it tried.
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "impl/base/prng.h"
#include "impl/sync/two_layer/frame_reader.h"
#include "impl/sync/two_layer/frame_writer.h"
#include "impl/wire/prefixmesh.grpc.pb.h"

namespace prefixmesh {
namespace {

using namespace two_layer;  // NOLINT: its frames are what this program is about
using SteadyClock = std::chrono::steady_clock;

constexpr std::uint64_t kIncarnation = 0x600d;

struct Attack {
  std::string target, name;
  SteadyClock::time_point until;
  std::uint64_t tries = 0;
  Prng prng{1};

  bool Goes() const { return SteadyClock::now() < until; }
};

// One stream to the router.
class Stream {
 public:
  Stream(Attack& attack, std::shared_ptr<grpc::Channel> channel)
      : attack_(attack), stub_(v1::Sync::NewStub(std::move(channel))) {
    context_.AddMetadata("prefixmesh-router", attack.name);
    context_.set_wait_for_ready(true);
    context_.set_deadline(std::chrono::system_clock::now() +
                          std::chrono::duration_cast<std::chrono::system_clock::duration>(
                              attack.until - SteadyClock::now() + std::chrono::seconds(1)));
    stream_ = stub_->Exchange(&context_);
  }
  ~Stream() {
    context_.TryCancel();
    stream_->Finish();
  }
  bool Preface() {
    v1::SyncFrame frame;
    frame.mutable_preface()->set_router(attack_.name);
    frame.mutable_preface()->set_incarnation(kIncarnation);
    return stream_->Write(frame);
  }
  bool Write(const std::string& body) {
    v1::SyncFrame frame;
    frame.set_body(body);
    return stream_->Write(frame);
  }
  std::optional<std::string> Read() {
    v1::SyncFrame frame;
    if (!stream_->Read(&frame)) return std::nullopt;
    return frame.body();
  }
  void ReadToTheEnd() {
    while (Read()) {
    }
  }
  // Preface and hello both ways. Returns the seal of frames to this router; nullopt: it did not work.
  std::optional<std::uint64_t> Greet() {
    if (!Preface()) return std::nullopt;
    while (const auto body = Read()) {
      const Result<Hello> theirs = DecodeHello(AsBytes(*body));
      if (!theirs.ok()) continue;  // the preface
      Hello hello = *theirs;
      hello.sender = {attack_.name, Incarnation{kIncarnation}};
      hello.heard = theirs->sender.incarnation;
      if (!Write(EncodeHello(hello))) return std::nullopt;
      return SealKey(Incarnation{kIncarnation}, theirs->sender.incarnation);
    }
    return std::nullopt;
  }

 private:
  Attack& attack_;
  std::unique_ptr<v1::Sync::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::SyncFrame, v1::SyncFrame>> stream_;
};

std::shared_ptr<grpc::Channel> Connect(const Attack& attack) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(attack.target, grpc::InsecureChannelCredentials(), arguments);
}

// Streams that the router refuses: a hello of a version that it does not speak, or frames that mean nothing.
void Refused(Attack& attack, bool garbage) {
  const auto channel = Connect(attack);
  while (attack.Goes()) {
    Stream stream(attack, channel);
    ++attack.tries;
    stream.Preface();
    if (garbage) {
      for (int i = 0; i < 16; ++i) stream.Write("\x02 nonsense " + std::to_string(i));
    } else {
      Hello hello;
      hello.version_min = hello.version_max = 9;
      hello.sender = {attack.name, Incarnation{kIncarnation}};
      stream.Write(EncodeHello(hello));
    }
    stream.ReadToTheEnd();
  }
}

// Streams that say nothing, with or without a preface, as many as the router takes.
void Silent(Attack& attack, bool preface) {
  std::vector<std::unique_ptr<Stream>> held;
  while (attack.Goes()) {
    held.push_back(std::make_unique<Stream>(attack, Connect(attack)));
    ++attack.tries;
    if (preface) held.back()->Preface();
    if (held.size() > 8) held.erase(held.begin());
    std::this_thread::sleep_for(std::chrono::milliseconds(250));
  }
}

// Frames of a peer that is welcome, as fast as they go; what comes back is read or not.
void Frames(Attack& attack, bool reads, const std::function<std::string(std::uint64_t seal)>& frame) {
  while (attack.Goes()) {
    Stream stream(attack, Connect(attack));
    const auto seal = stream.Greet();
    if (!seal) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      continue;
    }
    std::optional<std::thread> reader;
    if (reads) reader.emplace([&stream] { stream.ReadToTheEnd(); });
    while (attack.Goes() && stream.Write(frame(*seal))) ++attack.tries;
    if (reader) reader->join();
  }
}

std::string RangesOfInventedLogs(Attack& attack, std::uint64_t seal) {
  Round round;
  for (int i = 0; i < 250; ++i) {
    Range range;
    range.key = {"invented-" + std::to_string(attack.prng.Next()), Incarnation{attack.prng.Next() | 1}};
    round.ranges.push_back(range);
  }
  return EncodeRound(round, {}, seal);
}

std::string Registers(Attack& attack, std::uint64_t seal) {
  std::vector<WorkerName> registers;
  for (int i = 0; i < 20; ++i) {
    registers.push_back({"worker-" + std::to_string(i), Incarnation{(std::uint64_t{1} << 63) - 1}});
    registers.push_back({"w" + std::to_string(i), Incarnation{(std::uint64_t{1} << 63) - 1}});
  }
  (void)attack;
  return EncodeRegisters(registers, seal);
}

std::string ManyRegisters(Attack& attack, std::uint64_t seal) {
  std::vector<WorkerName> registers;
  for (int i = 0; i < 1024; ++i)
    registers.push_back(
        {"nobody-" + std::to_string(attack.prng.Below(100000)), Incarnation{1 + attack.prng.Below(1000)}});
  return EncodeRegisters(registers, seal);
}

std::string VectorOfInventedLogs(Attack& attack, std::uint64_t seal) {
  Vector vector;
  vector.reply_wanted = true;
  for (int i = 0; i < 256; ++i) {
    Position position;
    position.key = {"invented-" + std::to_string(attack.prng.Next()), Incarnation{attack.prng.Next() | 1}};
    position.have = 100;
    position.heartbeat = 7;
    vector.positions.push_back(position);
  }
  return EncodeVector(vector, seal);
}

std::string ManyNames(Attack& attack, std::uint64_t seal) {
  Round round;
  for (int i = 0; i < 1024; ++i) {
    const auto slot = static_cast<Slot>(attack.prng.Below(4096));
    round.scopes.push_back({slot, {"model-" + std::to_string(attack.prng.Below(1u << 30)), Kind::kText}});
    round.workers.push_back({slot, {"worker-" + std::to_string(attack.prng.Below(1u << 30)), Incarnation{1}}});
  }
  return EncodeRound(round, {12, 12}, seal);
}

std::string HugeLoads(Attack&, std::uint64_t seal) {
  Round round;
  for (Slot i = 0; i < 8; ++i) {
    round.workers.push_back({i, {"w" + std::to_string(i), Incarnation{1}}});
    round.loads.push_back({i, 1000000});
  }
  return EncodeRound(round, {12, 12}, seal);
}

int Main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: hostile_peer MODE HOST:PORT NAME SECONDS\n");
    return 2;
  }
  Attack attack;
  attack.target = argv[2];
  attack.name = argv[3];
  attack.until = SteadyClock::now() + std::chrono::milliseconds(static_cast<std::int64_t>(1000 * std::stod(argv[4])));
  const auto frames = [&attack](bool reads, std::string (*make)(Attack&, std::uint64_t)) {
    return [&attack, reads, make] {
      Frames(attack, reads, [&attack, make](std::uint64_t seal) { return make(attack, seal); });
    };
  };
  const std::map<std::string, std::function<void()>> modes = {
      {"refused", [&] { Refused(attack, false); }},
      {"garbage", [&] { Refused(attack, true); }},
      {"silent", [&] { Silent(attack, false); }},
      {"impostor", [&] { Silent(attack, true); }},
      {"unread", frames(false, RangesOfInventedLogs)},
      {"registers", frames(true, Registers)},
      {"many-registers", frames(true, ManyRegisters)},
      {"vectors", frames(true, VectorOfInventedLogs)},
      {"names", frames(true, ManyNames)},
      {"loads", frames(true, HugeLoads)},
  };
  const auto mode = modes.find(argv[1]);
  if (mode == modes.end()) {
    std::fprintf(stderr, "hostile_peer: no mode '%s'\n", argv[1]);
    return 2;
  }
  mode->second();
  std::printf("{\"tries\": %llu}\n", static_cast<unsigned long long>(attack.tries));
  return 0;
}

}  // namespace
}  // namespace prefixmesh

int main(int argc, char** argv) { return prefixmesh::Main(argc, argv); }
