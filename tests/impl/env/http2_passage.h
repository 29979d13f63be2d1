// http2_passage.h — a client's bytes on their way through the gate, for its tests: what passed, when, or why not.
// Threads: one. Time: virtual, from one second on. Errors: REQUIRE. Ownership: values.
#pragma once

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdint>
#include <span>
#include <string>

#include "impl/env/http2_gate.h"
#include "tests/impl/env/http2_frames.h"

namespace prefixmesh::test::http2 {

inline constexpr Http2GateOptions kOptions{16384, 8, 12, 2000};

inline std::span<const std::uint8_t> Span(const std::string& bytes) {
  return {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
}

struct Passage {
  std::string passed;
  GateRefusal refusal = GateRefusal::kNone;
  Time ended_at{0};
  bool operator==(const Passage&) const = default;
};

// All of `bytes` in pieces of the sizes that `size` draws; the clock stands while the gate does not make it wait.
template <typename Size>
Passage Run(Http2Gate& gate, const std::string& bytes, Size size, Time began = std::chrono::seconds(1)) {
  Passage passage{"", GateRefusal::kNone, began};
  std::string held;
  for (std::size_t at = 0; at < bytes.size() && passage.refusal == GateRefusal::kNone;) {
    const std::size_t piece = std::min<std::size_t>(size(), bytes.size() - at);
    held += bytes.substr(at, piece);
    at += piece;
    for (int tries = 0; tries < 100000; ++tries) {
      const Http2Gate::Verdict verdict = gate.FromClient(Span(held), passage.ended_at);
      passage.passed += held.substr(0, verdict.pass_bytes);
      held.erase(0, verdict.pass_bytes);
      passage.refusal = verdict.refusal;
      if (verdict.wait_until == Time{0}) break;
      REQUIRE(verdict.wait_until > passage.ended_at);
      passage.ended_at = verdict.wait_until;
    }
  }
  return passage;
}

inline Passage Run(const std::string& bytes, const Http2GateOptions& options = kOptions) {
  PortGate port(options);
  Http2Gate gate(port);
  return Run(gate, bytes, [&] { return bytes.size(); });
}

inline GateRefusal RefusalOf(const std::string& frames) { return Run(kPreface + frames).refusal; }

inline const std::string kRequestHeaders =
    Literal(":method", "POST") + Literal(":path", "/prefixmesh.v1.Router/Generate") + Literal("te", "trailers");

inline std::string Request(std::uint32_t stream, const std::string& body = std::string(100, 'b')) {
  return Frame(kHeaders, kEndHeaders, stream, kRequestHeaders) + Frame(kData, kEndStream, stream, body);
}

}  // namespace prefixmesh::test::http2
