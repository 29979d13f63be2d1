// gzip_frame.h — a frame as the generations since #899 had it on the wire: gzipped (RFC 1952).
//
// Made and read here and not by the transport, which would inflate before anything of ours could hold a size against a
// limit. Deflate makes at most 1,032 bytes of one; the last four bytes of a gzip member say its size modulo 2^32. Both
// are held against the bytes present and the limit before anything is allocated.
//
// Threads: pure functions. Ownership: values. Errors: kTooBig for a frame that says it is above the limit, kCorrupt for
// the rest: another size than it says, or anything behind it. Bounds: one allocation of the size it says, and 50 KiB of
// zlib's. Source: https://www.rfc-editor.org/rfc/rfc1952
#pragma once

#include <cstddef>
#include <string>

#include "impl/base/result.h"
#include "impl/base/slices.h"

namespace prefixmesh {

// No plain frame of a generation begins with these bytes.
bool IsGzip(Bytes frame);
// The frame itself where that is not longer.
std::string GzipFrame(std::string frame);
Result<std::string> InflateFrame(Bytes gzipped, std::size_t bytes_max);

}  // namespace prefixmesh
