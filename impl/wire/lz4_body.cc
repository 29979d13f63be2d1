#include "impl/wire/lz4_body.h"

#include <lz4.h>

#include "impl/base/varint.h"

namespace prefixmesh::generations {
namespace {

constexpr std::size_t kLz4ExpansionMax = 255;

}  // namespace

Result<std::string> CompressBody(Bytes bytes) {
  if (bytes.size() > LZ4_MAX_INPUT_SIZE) return Error{ErrorCode::kExhausted, "more than LZ4 takes at once"};
  const int size = static_cast<int>(bytes.size());
  ByteWriter header;
  header.Fixed32(static_cast<std::uint32_t>(bytes.size()));
  std::string body = header.Take();
  const std::size_t start = body.size();
  body.resize(start + static_cast<std::size_t>(LZ4_compressBound(size)));
  const int written = LZ4_compress_default(reinterpret_cast<const char*>(bytes.data()), body.data() + start, size,
                                           LZ4_compressBound(size));
  body.resize(start + static_cast<std::size_t>(written));
  return body;
}

Result<std::string> DecompressBody(Bytes body, std::size_t claim_max) {
  ByteReader reader(body);
  const std::uint32_t claimed = reader.Fixed32();
  if (!reader.ok()) return Error{ErrorCode::kCorrupt, "LZ4 body is shorter than its size"};
  if (claimed > claim_max)
    return Error{ErrorCode::kExhausted,
                 "LZ4 body claims " + std::to_string(claimed) + " bytes, more than " + std::to_string(claim_max)};
  const Bytes block = reader.Raw(reader.remaining());
  const Error corrupt{ErrorCode::kCorrupt,
                      "LZ4 body does not decompress to the " + std::to_string(claimed) + " bytes that it claims"};
  if (claimed / kLz4ExpansionMax > block.size()) return corrupt;
  std::string bytes(claimed, '\0');
  const int written = LZ4_decompress_safe(reinterpret_cast<const char*>(block.data()), bytes.data(),
                                          static_cast<int>(block.size()), static_cast<int>(claimed));
  if (written < 0 || static_cast<std::uint32_t>(written) != claimed) return corrupt;
  return bytes;
}

}  // namespace prefixmesh::generations
