// What a client sends passes, waits and is refused alike in pieces of any size, and the gate never passes what it did
// not get.
#include "impl/env/http2_gate.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>

namespace {

using namespace prefixmesh;

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

struct Passage {
  std::size_t passed = 0;
  GateRefusal refusal = GateRefusal::kNone;
  Time ended_at = std::chrono::seconds(1);
  bool operator==(const Passage& other) const {
    return refusal == other.refusal && ended_at == other.ended_at &&
           (refusal != GateRefusal::kNone || passed == other.passed);
  }
};

Passage Run(Http2Gate& gate, std::span<const std::uint8_t> bytes, std::size_t cut) {
  Passage passage;
  std::size_t given = 0;
  while (given < bytes.size() && passage.refusal == GateRefusal::kNone) {
    given = std::min(given + cut, bytes.size());
    while (passage.refusal == GateRefusal::kNone) {
      const std::size_t held = given - passage.passed;
      const Http2Gate::Verdict verdict = gate.FromClient(bytes.subspan(passage.passed, held), passage.ended_at);
      if (verdict.pass_bytes > held) std::abort();
      passage.passed += verdict.pass_bytes;
      passage.refusal = verdict.refusal;
      if (verdict.wait_until == Time{0}) break;
      if (verdict.wait_until <= passage.ended_at) std::abort();
      passage.ended_at = verdict.wait_until;
    }
  }
  return passage;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  // No call ends here, so there is room for as many as the bytes can begin.
  const Http2GateOptions options{2048, 4096, 8192, 500};
  PortGate one_port(options), other_port(options);
  {
    Http2Gate one(one_port), other(other_port);
    const std::span preface(reinterpret_cast<const std::uint8_t*>(kPreface.data()), kPreface.size());
    const std::span bytes(data + 1, size - 1);
    Run(one, preface, preface.size());
    Run(other, preface, preface.size());
    if (Run(one, bytes, std::max<std::size_t>(bytes.size(), 1)) != Run(other, bytes, 1 + data[0] % 32)) std::abort();
    if (one.open_streams() != other.open_streams() || one.open_streams() != one_port.open_streams) std::abort();
    one.FromServer(bytes);
    for (const std::uint8_t& byte : bytes) other.FromServer({&byte, 1});
    if (one.open_streams() != other.open_streams()) std::abort();
  }
  if (one_port.open_streams != 0) std::abort();
  return 0;
}
