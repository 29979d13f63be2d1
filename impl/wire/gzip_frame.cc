#include "impl/wire/gzip_frame.h"

#include <zlib.h>

#include "impl/base/check.h"
#include "impl/base/varint.h"

namespace prefixmesh {
namespace {

constexpr std::size_t kMemberBytesMin = 18;  // header and trailer
constexpr std::size_t kGzipExpansionMax = 1032;
constexpr int kGzipWindow = 15 + 16;  // the largest; gzip and nothing else

Bytef* Input(const void* bytes) { return static_cast<Bytef*>(const_cast<void*>(bytes)); }

}  // namespace

bool IsGzip(Bytes frame) { return frame.size() >= 2 && frame[0] == 0x1f && frame[1] == 0x8b; }

std::string GzipFrame(std::string frame) {
  z_stream stream{};
  PREFIXMESH_CHECK(deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) ==
                   Z_OK);
  // What does not fit into as many bytes is sent as it is.
  std::string gzipped(frame.size(), '\0');
  stream.next_in = Input(frame.data());
  stream.avail_in = static_cast<uInt>(frame.size());
  stream.next_out = reinterpret_cast<Bytef*>(gzipped.data());
  stream.avail_out = static_cast<uInt>(gzipped.size());
  const bool smaller = deflate(&stream, Z_FINISH) == Z_STREAM_END && stream.avail_out > 0;
  gzipped.resize(gzipped.size() - stream.avail_out);
  deflateEnd(&stream);
  if (!smaller) return frame;
  gzipped.shrink_to_fit();
  return gzipped;
}

Result<std::string> InflateFrame(Bytes gzipped, std::size_t bytes_max) {
  const Error corrupt{ErrorCode::kCorrupt, "a gzipped frame does not inflate to the size that it says"};
  if (gzipped.size() < kMemberBytesMin) return corrupt;
  ByteReader trailer(gzipped.last(4));
  const std::uint32_t size = trailer.Fixed32();
  if (size > bytes_max)
    return Error{ErrorCode::kTooBig, "a gzipped frame says it is " + std::to_string(size) + " bytes, more than " +
                                         std::to_string(bytes_max)};
  if (size / kGzipExpansionMax > gzipped.size()) return corrupt;
  z_stream stream{};
  if (inflateInit2(&stream, kGzipWindow) != Z_OK) return corrupt;
  std::string frame(size, '\0');
  char none = 0;  // zlib wants somewhere to point at
  stream.next_in = Input(gzipped.data());
  stream.avail_in = static_cast<uInt>(gzipped.size());
  stream.next_out = reinterpret_cast<Bytef*>(size > 0 ? frame.data() : &none);
  stream.avail_out = static_cast<uInt>(size);
  const bool whole = inflate(&stream, Z_FINISH) == Z_STREAM_END && stream.avail_in == 0 && stream.avail_out == 0;
  inflateEnd(&stream);
  if (!whole) return corrupt;
  return frame;
}

}  // namespace prefixmesh
