// Goal: what comes faster than its rate waits, each by its own rule, in its turn, and is not refused for it. Method:
// the clock stands while the gate does not make a client wait.
#include <catch2/catch.hpp>
#include <string>

#include "impl/env/http2_gate.h"
#include "tests/impl/env/http2_passage.h"

namespace prefixmesh {
namespace {

using namespace test::http2;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_CASE("Gate: calls above the rate of a connection wait, and none is refused") {
  PortGate port({16384, 1000, 1000000, 100});
  Http2Gate gate(port);
  std::string bytes = kPreface;
  for (std::uint32_t i = 0; i < 1000; ++i) bytes += Frame(kHeaders, kEndHeaders, 2 * i + 1, "\x82");
  REQUIRE(Run(gate, bytes, [&] { return bytes.size(); }).ended_at == seconds(1));  // as many as it may have open
  std::string more;
  for (std::uint32_t i = 0; i < 500; ++i) {
    gate.FromServer(Span(Frame(kReset, 0, 2 * i + 1, Number(0))));
    more += Frame(kHeaders, kEndHeaders, 2 * (1000 + i) + 1, "\x82");
  }
  const Passage passage = Run(gate, more, [&] { return more.size(); });
  REQUIRE(passage.refusal == GateRefusal::kNone);
  REQUIRE(passage.passed == more);
  REQUIRE(passage.ended_at == seconds(1) + seconds(5));
}

TEST_CASE("Gate: a call that is refused counts as several, one that is answered does not") {
  const std::string refused = Frame(kHeaders, kEndHeaders | kEndStream, 1, "\x88");
  const std::string answered = Frame(kHeaders, kEndHeaders, 1, "\x88") + refused;
  for (const auto& [answer, least] : {std::pair(refused, milliseconds(8900)), {answered, milliseconds(900)}}) {
    PortGate port({16384, 100, 100000, 1000});
    Http2Gate gate(port);
    REQUIRE(Run(gate, kPreface, [] { return 100u; }).passed == kPreface);
    Time now = seconds(1);
    for (std::uint32_t i = 0; i < 1000; ++i) {
      const std::string call = Frame(kHeaders, kEndHeaders | kEndStream, 2 * i + 1, "\x82");
      now = Run(
                gate, call, [] { return 1000u; }, now)
                .ended_at;
      std::string bytes = answer;
      for (std::size_t at = 0; (at = bytes.find(Number(1), at)) != std::string::npos; at += 4)
        bytes.replace(at, 4, Number(2 * i + 1));
      gate.FromServer(Span(bytes));
    }
    REQUIRE(now - seconds(1) >= least - milliseconds(100));
    REQUIRE(now - seconds(1) <= least + milliseconds(100));
  }
}

TEST_CASE("Gate: a call with many headers counts as several") {
  const Http2GateOptions options{16384, 100, 100000, 100};
  PortGate port(options);
  Http2Gate gate(port);
  std::string bytes = kPreface;
  for (std::uint32_t i = 0; i < 100; ++i)
    bytes += Frame(kHeaders, kEndHeaders, 2 * i + 1, Literal("name", std::string(8200, 'v'))) +
             Frame(kReset, 0, 2 * i + 1, Number(8));
  REQUIRE(Run(gate, bytes, [&] { return bytes.size(); }).ended_at >= seconds(1) + milliseconds(1900));
}

// gRPC takes calls that are cancelled at once faster than it lets go of them.
TEST_CASE("Gate: cancelled calls above their rate wait") {
  const Http2GateOptions options{16384, 100, 100000, 1000000};
  PortGate port(options);
  Http2Gate gate(port);
  std::string bytes = kPreface;
  for (std::uint32_t i = 0; i < 1128; ++i)
    bytes += Frame(kHeaders, kEndHeaders, 2 * i + 1, "\x82") + Frame(kReset, 0, 2 * i + 1, Number(8));
  REQUIRE(Run(gate, bytes, [&] { return bytes.size(); }).ended_at >= seconds(1) + milliseconds(990));
}

const std::string kEmptyFrames[] = {
    Frame(kPing, 0, 0, "12345678"),   Frame(kSettings, 0, 0, Setting(4, 65535)),
    Frame(kPriority, 0, 1, "12345"),  Frame(kWindowUpdate, 0, 0, "1234"),
    Frame(kData, 0, 1, ""),           Frame(0x77, 0, 0, "unknown"),
    Frame(kGoaway, 0, 0, "12345678"), Frame(kData, kPadded, 1, "\xff" + std::string(255, '\0'))};

TEST_CASE("Gate: frames that carry nothing pass at once where calls explain them, whatever they are") {
  for (const std::string& frame : kEmptyFrames) {
    CAPTURE(frame);
    PortGate port({16384, 100000, 200000, 1000000});
    Http2Gate gate(port);
    (void)port.paces.control.Reserve(seconds(1), 100000);  // others
    std::string bytes = kPreface;
    for (std::uint32_t i = 0; i < 100; ++i) {
      bytes += Frame(kHeaders, kEndHeaders, 2 * i + 3, "\x82");
      for (int j = 0; j < 4; ++j) bytes += frame;
    }
    REQUIRE(Run(gate, bytes, [&] { return bytes.size(); }) == Passage{bytes, GateRefusal::kNone, seconds(1)});
  }
}

TEST_CASE("Gate: frames of little data wait above their rate") {
  std::string bytes = kPreface;
  for (int i = 0; i < 24096; ++i) bytes += Frame(kData, 0, 1, std::string(63, 'd'));
  const Passage passage = Run(bytes);
  REQUIRE(passage.passed == bytes);
  REQUIRE(passage.ended_at >= seconds(1) + milliseconds(1990));
  std::string data = kPreface;
  for (int i = 0; i < 24096; ++i) data += Frame(kData, 0, 1, std::string(64, 'd'));
  REQUIRE(Run(data).ended_at == seconds(1));
}

TEST_CASE("Gate: who would have to wait with one frame after another that carries nothing is refused") {
  for (const std::string& frame : kEmptyFrames) {
    CAPTURE(frame);
    std::string bytes = kPreface;
    for (int i = 0; i < 24096; ++i) bytes += frame;
    const Passage passage = Run(bytes);
    REQUIRE(passage.refusal == GateRefusal::kEmptyFrames);
    REQUIRE(passage.passed.size() >= kPreface.size() + 128 * frame.size());  // below its rate nobody waits
    REQUIRE(passage.ended_at <= seconds(1) + milliseconds(20));
  }
}

TEST_CASE(
    "Gate: while others take the port's rate, answers explain frames that carry nothing, and a few need no reason") {
  PortGate port(kOptions);
  Http2Gate gate(port);
  REQUIRE(Run(gate, kPreface, [] { return 100u; }).passed == kPreface);
  const std::string ping = Frame(kPing, 0, 0, "12345678");
  Time now = seconds(1);
  // How many pass, and how long they waited.
  const auto sends = [&](std::size_t pings) {
    (void)port.paces.control.Reserve(now, 17000);
    const Time began = now;
    std::size_t passed = 0;
    while (passed < pings) {
      const Passage passage = Run(
          gate, ping, [] { return 100u; }, now);
      if (passage.refusal != GateRefusal::kNone) break;
      now = passage.ended_at;
      ++passed;
    }
    return std::pair(passed, now - began);
  };
  REQUIRE(sends(16).first == 16);
  for (int i = 0; i < 20; ++i) {
    now += seconds(1);
    REQUIRE(sends(15).first == 15);
  }
  now += seconds(1);
  const std::string answer = Frame(kData, 0, 1, "answer");
  for (int i = 0; i < 500; ++i) gate.FromServer(Span(answer));
  REQUIRE(sends(2000) == std::pair(std::size_t{2000}, Time{0}));
  REQUIRE(sends(100).first < 20);
}

// What 900 connections did to an honest one: its few frames waited for a turn after each of theirs.
TEST_CASE("Gate: many connections with frames that carry nothing do not keep the calls of another waiting") {
  const Http2GateOptions options{16384, 512, 8192, 2000};
  PortGate port(options);
  std::string flood;
  for (int i = 0; i < 200; ++i) flood += Frame(0x77, 0, 0, "");
  struct Attacker {
    std::unique_ptr<Http2Gate> gate;
    std::string held;
    Time wait{0};
  };
  std::vector<Attacker> attackers(900);
  for (Attacker& attacker : attackers) attacker = {std::make_unique<Http2Gate>(port), kPreface};
  std::size_t refused = 0;
  Http2Gate honest(port);
  (void)Run(honest, kPreface, [] { return 100u; });
  std::uint32_t stream = 1;
  Time longest{0}, comes_again_at = seconds(1);
  for (Time now = seconds(1); now < seconds(4); now += milliseconds(1)) {
    for (Attacker& attacker : attackers) {
      if (attacker.gate == nullptr) {
        if (now < comes_again_at) continue;  // 200 a second
        comes_again_at = now + milliseconds(5);
        attacker = {std::make_unique<Http2Gate>(port), kPreface};
      }
      if (attacker.wait > now) continue;
      if (attacker.held.size() < flood.size()) attacker.held += flood;
      const Http2Gate::Verdict verdict = attacker.gate->FromClient(Span(attacker.held), now);
      attacker.held.erase(0, verdict.pass_bytes);
      attacker.wait = verdict.wait_until;
      if (verdict.refusal == GateRefusal::kNone) continue;
      REQUIRE(verdict.refusal == GateRefusal::kEmptyFrames);
      ++refused;
      attacker.gate = nullptr;
    }
    if (now.count() / 1000000 % 25 != 0) continue;  // forty calls a second
    const std::string call = Request(stream, std::string(20, 'b')) + Frame(kWindowUpdate, 0, 0, Number(100));
    const Passage passage = Run(
        honest, call, [] { return 1000u; }, now);
    REQUIRE(passage.refusal == GateRefusal::kNone);
    if (now > seconds(2)) longest = std::max(longest, passage.ended_at - now);
    honest.FromServer(Span(Frame(kHeaders, kEndHeaders | kEndStream, stream, "\x88")));
    stream += 2;
  }
  REQUIRE(refused >= 900);
  REQUIRE(longest <= milliseconds(2));
}

TEST_CASE("Gate: connections together have four times the rate of one, and share it in turn") {
  const Http2GateOptions options{16384, 10, 1000000, 1000};
  PortGate port(options);
  std::string bytes;
  for (std::uint32_t i = 0; i < 400; ++i)
    bytes += Frame(kHeaders, kEndHeaders, 2 * i + 1, "\x82") + Frame(kReset, 0, 2 * i + 1, Number(8));
  std::vector<std::unique_ptr<Http2Gate>> gates;
  std::vector<std::string> held(8, kPreface + bytes);
  std::vector<Time> wait(8, Time{0});
  for (int i = 0; i < 8; ++i) gates.push_back(std::make_unique<Http2Gate>(port));
  Time now = seconds(1);
  std::size_t left = 8, most = 0, least = 0;
  while (left > 0) {
    Time next = Time::max();
    for (std::size_t i = 0; i < 8; ++i) {
      if (held[i].empty()) continue;
      if (wait[i] <= now) {
        const Http2Gate::Verdict verdict = gates[i]->FromClient(Span(held[i]), now);
        held[i].erase(0, verdict.pass_bytes);
        wait[i] = verdict.wait_until;
        left -= held[i].empty();
      }
      if (!held[i].empty()) next = std::min(next, wait[i]);
    }
    if (now >= seconds(1) + milliseconds(400) && most == 0) {
      for (const std::string& bytes_held : held) {
        most = std::max(most, bytes_held.size());
        least = least == 0 ? bytes_held.size() : std::min(least, bytes_held.size());
      }
    }
    if (left > 0) now = next;
  }
  REQUIRE(now >= seconds(1) + milliseconds(780));  // 3,200 calls at 4,000 a second
  REQUIRE(now <= seconds(1) + milliseconds(820));
  REQUIRE(most - least < bytes.size() / 20);
}

TEST_CASE("Gate: no more calls are open than a connection and the port may have; one that ends makes room") {
  PortGate port(kOptions);
  Http2Gate one(port), other(port);
  const auto all = [] { return std::size_t{100000}; };
  const Time later = seconds(2);  // no rate makes anything wait
  std::string bytes = kPreface;
  for (std::uint32_t i = 0; i < 8; ++i) bytes += Frame(kHeaders, kEndHeaders, 2 * i + 1, "\x82");
  REQUIRE(Run(one, bytes, all).passed == bytes);
  REQUIRE(one.open_streams() == 8);
  const std::string ninth = Frame(kHeaders, kEndHeaders, 17, "\x82");
  REQUIRE(one.FromClient(Span(ninth), later).pass_bytes == 0);
  REQUIRE(one.FromClient(Span(ninth), later).wait_until > later);
  // What belongs to calls that are open passes meanwhile: trailers, for one.
  const std::string trailers = Frame(kHeaders, kEndHeaders | kEndStream, 1, "\x82");
  REQUIRE(one.FromClient(Span(trailers), later).pass_bytes == trailers.size());

  bytes = kPreface;
  for (std::uint32_t i = 0; i < 4; ++i) bytes += Frame(kHeaders, kEndHeaders, 2 * i + 1, "\x82");
  REQUIRE(Run(other, bytes, all, later).passed == bytes);
  const std::string fifth = Frame(kHeaders, kEndHeaders, 9, "\x82");
  REQUIRE(other.FromClient(Span(fifth), later).pass_bytes == 0);  // the port has its twelve

  const std::string data = Frame(kData, 0, 1, "answer");
  std::string ends = data + Frame(kHeaders, kEndHeaders | kEndStream, 1, "\x88");
  SECTION("by the server's last headers, in pieces") {
    for (const char& byte : ends) one.FromServer(Span(std::string(1, byte)));
  }
  SECTION("by the server's last data") { one.FromServer(Span(data + Frame(kData, kEndStream, 3, ""))); }
  SECTION("by the server's reset") { one.FromServer(Span(data + Frame(kReset, 0, 5, Number(0)))); }
  SECTION("by the client's reset") {
    const std::string reset = Frame(kReset, 0, 7, Number(8));
    REQUIRE(one.FromClient(Span(reset), later).pass_bytes == reset.size());
  }
  REQUIRE(one.open_streams() == 7);
  REQUIRE(port.open_streams == 11);
  REQUIRE(other.FromClient(Span(fifth), later).pass_bytes == fifth.size());
}

// What a client had under way when its call was refused would be held against its next one.
TEST_CASE("Gate: bodies count while their call is open") {
  PortGate port(kOptions);
  Http2Gate gate(port);
  const std::string body = Frame(kData, 0, 1, std::string(100, 'b'));
  const std::string bytes = kPreface + Frame(kHeaders, kEndHeaders, 1, "\x82") + body;
  REQUIRE(gate.FromClient(Span(bytes), seconds(1)).pass_bytes == bytes.size());
  REQUIRE(gate.FromClient(Span(body).first(50), seconds(1)).pass_bytes == 50);
  REQUIRE(gate.body_bytes() == 141);
  REQUIRE(gate.FromClient(Span(body).subspan(50), seconds(1)).pass_bytes == 59);
  REQUIRE(gate.body_bytes() == 200);
  gate.FromServer(Span(Frame(kHeaders, kEndHeaders | kEndStream, 1, "\x88")));
  REQUIRE(gate.FromClient(Span(body), seconds(1)).pass_bytes == body.size());
  REQUIRE(gate.body_bytes() == 200);
}

TEST_CASE("Gate: the calls of a connection that ends make room") {
  PortGate port(kOptions);
  {
    Http2Gate gate(port);
    const std::string bytes = kPreface + Frame(kHeaders, kEndHeaders, 1, "\x82");
    REQUIRE(gate.FromClient(Span(bytes), seconds(1)).pass_bytes == bytes.size());
    REQUIRE(port.open_streams == 1);
  }
  REQUIRE(port.open_streams == 0);
}

}  // namespace
}  // namespace prefixmesh
