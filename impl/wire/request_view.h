// request_view.h — reads a GenerateRequest or ProbeRequest in place: the prompt stays in the pieces it was delivered
// in.
//
// The generated parser would copy the 80 KB prompt into a string; router and worker only hash it, and the router
// forwards it. Field numbers are those of prefixmesh.proto. Hostile bytes: every length is checked against what is
// there; unknown fields are skipped; a repeated field's last value wins, as protobuf has it. Source:
// https://protobuf.dev/programming-guides/encoding.
//
// Threads: pure. Time: none. Ownership: `prompt` borrows from the body's pieces; names are copied. Bounds: names of at
// most kRequestNameBytesMax. Errors: kCorrupt for what protobuf would refuse, kTooBig for a longer name, kInvalid for a
// prompt kind that is none.
#pragma once

#include <cstdint>
#include <string>

#include "impl/base/ids.h"
#include "impl/base/result.h"
#include "impl/base/slices.h"

namespace prefixmesh {

inline constexpr std::size_t kRequestNameBytesMax = 256;

struct RequestView {
  std::string model;
  Kind kind = Kind::kText;
  std::uint64_t request_id = 0;  // GenerateRequest only
  std::string worker;            // ProbeRequest only
  std::string lora, salt;
  Slices prompt;
};

Result<RequestView> ViewRequest(const Slices& body);

}  // namespace prefixmesh
