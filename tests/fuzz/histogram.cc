// A histogram that decodes is encoded and decoded to the same counts. The first byte says what the rest is: the text
// form, or the zlib-compressed plain form's bytes, which a fuzzer could not make.
#include "loadgen/record/histogram.h"

#include <zlib.h>

#include <cstdlib>

#include "loadgen/record/base64.h"

namespace {

std::string Wrapped(std::string_view plain) {
  uLongf size = compressBound(static_cast<uLong>(plain.size()));
  std::string compressed(size, '\0');
  if (compress2(reinterpret_cast<Bytef*>(compressed.data()), &size, reinterpret_cast<const Bytef*>(plain.data()),
                static_cast<uLong>(plain.size()), 1) != Z_OK)
    std::abort();
  compressed.resize(size);
  std::string out("\x1c\x84\x93\x14", 4);
  for (int i = 3; i >= 0; --i) out.push_back(static_cast<char>(compressed.size() >> (8 * i)));
  return prefixmesh::load::Base64Encode(out + compressed);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using prefixmesh::load::Histogram;
  if (size == 0) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data + 1), size - 1);
  const auto histogram = Histogram::Decode(data[0] % 2 == 0 ? std::string(rest) : Wrapped(rest));
  if (!histogram.ok()) return 0;
  (void)histogram->Percentile(99);
  (void)histogram->Mean();
  const auto again = Histogram::Decode(histogram->Encode());
  if (!again.ok() || again->count() != histogram->count()) std::abort();
  return 0;
}
