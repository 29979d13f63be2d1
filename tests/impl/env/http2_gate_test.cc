// Goal: what a client of gRPC sends passes the gate as it is, whatever the pieces it comes in; what gRPC cannot bound
// is refused by its own rule. What waits is in http2_gate_waits_test.cc.
#include "impl/env/http2_gate.h"

#include <catch2/catch.hpp>
#include <string>

#include "impl/base/prng.h"
#include "tests/impl/env/http2_passage.h"
#include "tests/support/properties.h"

namespace prefixmesh {
namespace {

using namespace test::http2;
using std::chrono::seconds;

// ---- what passes ----------------------------------------------------------------------------------------------------

TEST_CASE("Gate: what clients of gRPC send passes as it is and at once") {
  const std::string bytes =
      kPreface + Frame(kSettings, 0, 0, Setting(4, 4 << 20) + Setting(0xfe03, 1)) + Frame(kSettings, kAck, 0, "") +
      Frame(kWindowUpdate, 0, 0, Number(1 << 20)) + Request(1) +
      // a table of fields, a block in two frames, padding and a priority
      Frame(kHeaders, kPadded | kHasPriority, 3,
            "\x04" + std::string(5, '\0') + "\x82" + Indexed("x", "value") + std::string(4, '\0')) +
      Frame(kContinuation, kEndHeaders, 3, Reference(62) + NamedBy(62, "other") + Huffman("\x8c\xf1\xe3", "\xff\xff")) +
      Frame(kData, kPadded, 3,
            "\x02"
            "data" +
                std::string(2, '\0')) +
      Frame(kData, 0, 3, std::string(16384, 'd')) +
      Frame(kHeaders, kEndHeaders | kEndStream, 3, Literal("trailer", "t")) + Frame(kPing, 0, 0, "12345678") +
      Frame(kReset, 0, 1, Number(8)) + Frame(kPriority, 0, 5, std::string(5, '\0')) +
      Frame(kGoaway, 0, 0, std::string(8, '\0') + "bye") + Frame(0x77, 0xff, 9, "unknown");
  const Passage passage = Run(bytes);
  REQUIRE(passage.refusal == GateRefusal::kNone);
  REQUIRE(passage.passed == bytes);
  REQUIRE(passage.ended_at == seconds(1));
}

TEST_CASE("Gate: two thousand calls a second of one connection pass at once") {
  PortGate port({16384, 1024, 8192, 2000});
  Http2Gate gate(port);
  REQUIRE(Run(gate, kPreface, [] { return 100u; }).refusal == GateRefusal::kNone);
  Time now = seconds(1);
  for (std::uint32_t i = 0; i < 20000; ++i) {
    now += std::chrono::microseconds(500);
    const std::string call = Request(2 * i + 1, std::string(20, 'b')) + Frame(kWindowUpdate, 0, 0, Number(100));
    const Passage passage = Run(
        gate, call, [] { return 1000u; }, now);
    REQUIRE(passage.passed == call);
    REQUIRE(passage.ended_at == now);
    gate.FromServer(Span(Frame(kHeaders, kEndHeaders, 2 * i + 1, "\x88") +
                         Frame(kHeaders, kEndHeaders | kEndStream, 2 * i + 1, "\x88")));
  }
}

// Frames as a client would send them, with some that it would not.
std::string Traffic(Prng& random) {
  std::string bytes = kPreface;
  std::uint32_t next = 1;
  for (int i = 0; i < 60; ++i) {
    const std::uint32_t stream = 2 * static_cast<std::uint32_t>(random.Below(next)) + 1;
    switch (random.Below(12)) {
      case 0:
        bytes += Frame(kPing, 0, 0, "12345678");
        break;
      case 1:
        bytes += Frame(kReset, 0, stream, Number(8));
        break;
      case 2:
        bytes += Frame(kData, kPadded, stream,
                       "\x02"
                       "x" +
                           std::string(2, '\0'));
        break;
      case 3:
        bytes += Frame(kHeaders, 0, 2 * next++ + 1, Indexed("name", std::string(random.Below(3000), 'v')));
        [[fallthrough]];
      case 4:
        bytes += Frame(kContinuation, kEndHeaders, 2 * next - 1, Reference(62));
        break;
      case 5:
        bytes += Frame(kHeaders, kEndHeaders | kPadded, 2 * next++ + 1,
                       "\x03" + Huffman("\x8c", "zzz") + std::string(3, '\0'));
        break;
      case 6:
        bytes += std::string(1, static_cast<char>(random.Below(256)));
        break;
      default:
        bytes += Request(2 * next++ + 1, std::string(random.Below(300), 'b'));
    }
  }
  return bytes;
}

TEST_CASE("Gate: the same bytes pass, wait and are refused alike in whatever pieces they come") {
  test::ForAll("pieces change nothing", [](std::uint64_t seed) {
    Prng random(seed);
    const std::string bytes = Traffic(random);
    // No call ends here, and a gate that waits for one waits for ever.
    const Http2GateOptions options{16384, 100, 200, 2000};
    PortGate one_port(options), other_port(options);
    Http2Gate one(one_port), other(other_port);
    const Passage whole = Run(one, bytes, [&] { return bytes.size(); });
    const Passage pieces = Run(other, bytes, [&] { return std::size_t{1} + random.Below(random.Below(40) + 1); });
    if (whole.refusal == GateRefusal::kNone) RC_ASSERT(pieces.passed == whole.passed);
    RC_ASSERT(pieces.refusal == whole.refusal);
    RC_ASSERT(pieces.ended_at == whole.ended_at);
    RC_ASSERT(one.open_streams() == other.open_streams());
  });
}

// ---- what is refused ------------------------------------------------------------------------------------------------

TEST_CASE("Gate: what does not begin with the preface of HTTP/2 is refused at the first other byte") {
  const Passage passage = Run("PRI * HTTP/1.1\r\n\r\n");
  REQUIRE(passage.refusal == GateRefusal::kPreface);
  REQUIRE(passage.passed == "PRI * HTTP/");
}

TEST_CASE("Gate: frames of a wrong size or at a wrong place are refused") {
  REQUIRE(RefusalOf(Frame(kData, 0, 1, std::string(16385, 'd'))) == GateRefusal::kFrame);
  REQUIRE(RefusalOf(Frame(kData, 0, 0, "d")) == GateRefusal::kFrame);
  REQUIRE(RefusalOf(Frame(kData, kPadded, 1, "")) == GateRefusal::kFrame);
  REQUIRE(RefusalOf(Frame(kHeaders, kEndHeaders, 2, kRequestHeaders)) == GateRefusal::kFrame);
  REQUIRE(RefusalOf(Frame(kHeaders, kEndHeaders, 0, kRequestHeaders)) == GateRefusal::kFrame);
  REQUIRE(RefusalOf(Frame(kHeaders, kEndHeaders | kHasPriority, 1, "1234")) == GateRefusal::kFrame);
  REQUIRE(RefusalOf(Frame(kHeaders, kEndHeaders | kPadded, 1,
                          "\x05"
                          "abcd")) == GateRefusal::kFrame);
  REQUIRE(RefusalOf(Frame(kPriority, 0, 1, "1234")) == GateRefusal::kFrame);
  REQUIRE(RefusalOf(Frame(kReset, 0, 1, "123")) == GateRefusal::kFrame);
  REQUIRE(RefusalOf(Frame(kReset, 0, 0, "1234")) == GateRefusal::kFrame);
  REQUIRE(RefusalOf(Frame(kSettings, 0, 0, "1234567")) == GateRefusal::kFrame);
  REQUIRE(RefusalOf(Frame(kSettings, 0, 1, "")) == GateRefusal::kFrame);
  REQUIRE(RefusalOf(Frame(kSettings, kAck, 0, "123456")) == GateRefusal::kFrame);
  REQUIRE(RefusalOf(Frame(kSettings, 0, 0, std::string(6 * 33, 's'))) == GateRefusal::kFrame);
  REQUIRE(RefusalOf(Frame(kPushPromise, kEndHeaders, 1, "1234")) == GateRefusal::kFrame);
  REQUIRE(RefusalOf(Frame(kPing, 0, 0, "1234567")) == GateRefusal::kFrame);
  REQUIRE(RefusalOf(Frame(kPing, 0, 1, "12345678")) == GateRefusal::kFrame);
  REQUIRE(RefusalOf(Frame(kGoaway, 0, 0, "1234567")) == GateRefusal::kFrame);
  REQUIRE(RefusalOf(Frame(kWindowUpdate, 0, 0, "12345")) == GateRefusal::kFrame);
  REQUIRE(RefusalOf(Frame(kContinuation, kEndHeaders, 1, "")) == GateRefusal::kFrame);
}

TEST_CASE("Gate: between the frames of a header block no other may come") {
  const std::string begun = Frame(kHeaders, 0, 1, kRequestHeaders);
  REQUIRE(RefusalOf(begun + Frame(kContinuation, kEndHeaders, 1, "")) == GateRefusal::kNone);
  REQUIRE(RefusalOf(begun + Frame(kPing, 0, 0, "12345678")) == GateRefusal::kFrame);
  REQUIRE(RefusalOf(begun + Frame(kContinuation, kEndHeaders, 3, "")) == GateRefusal::kFrame);
  REQUIRE(RefusalOf(begun + Frame(kContinuation, kEndHeaders, 1, "") + Frame(kContinuation, 0, 1, "")) ==
          GateRefusal::kFrame);
}

// gRPC 1.51 took a flood of them at 0.5 GiB a second, and went on when the client was gone.
TEST_CASE("Gate: a header block ends within its bytes and a few frames") {
  const std::string begun = Frame(kHeaders, 0, 1, kRequestHeaders);
  const std::string part = Frame(kContinuation, 0, 1, Literal("name", std::string(8000, 'v')));
  REQUIRE(RefusalOf(begun + part + part + part) == GateRefusal::kNone);
  REQUIRE(RefusalOf(begun + part + part + part + part + part) == GateRefusal::kHeadersTooBig);
  std::string frames = begun;
  for (int i = 0; i < 10; ++i) frames += Frame(kContinuation, 0, 1, "");
  REQUIRE(RefusalOf(frames) == GateRefusal::kNone);
  REQUIRE(RefusalOf(frames + Frame(kContinuation, 0, 1, "")) == GateRefusal::kHeadersTooBig);
}

TEST_CASE("Gate: headers that decode to more than twice the limit, or do not parse, are refused") {
  const std::string entry = Frame(kHeaders, kEndHeaders, 1, Indexed("name", std::string(3900, 'v')));
  std::string references;
  for (int i = 0; i < 8; ++i) references += Reference(62);
  REQUIRE(RefusalOf(entry + Frame(kHeaders, kEndHeaders, 3, references)) == GateRefusal::kNone);
  references += Reference(62);
  REQUIRE(RefusalOf(entry + Frame(kHeaders, kEndHeaders, 3, references)) == GateRefusal::kHeadersTooBig);
  REQUIRE(RefusalOf(Frame(kHeaders, kEndHeaders, 1, Reference(62))) == GateRefusal::kHeadersCorrupt);
  REQUIRE(RefusalOf(Frame(kHeaders, kEndHeaders, 1, kRequestHeaders.substr(0, 5))) == GateRefusal::kHeadersCorrupt);
}

}  // namespace
}  // namespace prefixmesh
