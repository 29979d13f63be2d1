// request_view.h — reads a GenerateRequest in place: the prompt stays in the pieces the network delivered it in.
//
// Field numbers are those of impl/wire/prefixmesh.proto. Unknown fields are skipped, a repeated field's last value
// wins, as protobuf has it. Threads: pure. Ownership: `prompt` borrows from the body's pieces; model is copied.
// Errors: kCorrupt for anything protobuf would refuse. Bounds: model names of at most 256 bytes.
#pragma once

#include <cstdint>
#include <string>

#include "impl/base/ids.h"
#include "impl/base/result.h"
#include "impl/base/slices.h"

namespace prefixmesh::load {

struct RequestView {
  std::string model;
  Kind kind = Kind::kText;
  std::uint64_t request_id = 0;
  Slices prompt;
};

Result<RequestView> ViewRequest(const Slices& body);

}  // namespace prefixmesh::load
