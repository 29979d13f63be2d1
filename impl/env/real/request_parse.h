// request_parse.h — reads a GenerateRequest or ProbeRequest in place, from the slices the network delivered.
//
// The generated parser would copy the 80 KB prompt into a string; a router only hashes and forwards it. The result
// borrows the ByteBuffer's slices, which `slices` keeps alive. Hostile bytes: every length is checked against what is
// there; unknown fields are skipped; a repeated field's last value wins, as protobuf has it.
// Source: https://protobuf.dev/programming-guides/encoding. Threads: any, no state.
#pragma once

#include <grpcpp/support/byte_buffer.h>

#include <string>
#include <vector>

#include "impl/base/ids.h"
#include "impl/base/result.h"
#include "impl/base/slices.h"

namespace prefixmesh {

struct ParsedRequest {
  std::string model;
  Kind kind = Kind::kText;
  std::uint64_t request_id = 0;
  std::string worker;  // ProbeRequest only
  Slices prompt;
  std::vector<grpc::Slice> slices;  // keep the prompt's bytes alive
};

Result<ParsedRequest> ParseRequest(const grpc::ByteBuffer& buffer);

}  // namespace prefixmesh
