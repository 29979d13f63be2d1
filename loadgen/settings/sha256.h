// sha256.h — names a file's content: scenario files and traces, so that a result says what it was made from.
// Threads: any. Errors: none. OpenSSL does the work (gRPC brings it along).
#pragma once

#include <string>

#include "impl/base/slices.h"

namespace prefixmesh::load {

std::string Sha256Hex(Bytes bytes);

}  // namespace prefixmesh::load
