// Goal: what is written is read back, and no byte string makes the reader run past its end.
#include "impl/base/varint.h"

#include <string>

#include "tests/support/properties.h"

namespace prefixmesh {
namespace {

TEST_CASE("ByteReader: returns what ByteWriter wrote") {
  test::ForAll("round trip", [](std::uint64_t a, std::uint32_t b, std::uint8_t c, const std::string& text) {
    ByteWriter writer;
    writer.Varint(a);
    writer.Fixed64(a);
    writer.Fixed32(b);
    writer.U8(c);
    writer.Blob(text);
    ByteReader reader(AsBytes(writer.bytes()));
    RC_ASSERT(reader.Varint() == a);
    RC_ASSERT(reader.Fixed64() == a);
    RC_ASSERT(reader.Fixed32() == b);
    RC_ASSERT(reader.U8() == c);
    RC_ASSERT(reader.Blob() == text);
    RC_ASSERT(reader.Finished());
  });
}

TEST_CASE("ByteReader: a truncated or forged input turns it bad and never reads past the end") {
  test::ForAll("any bytes", [](const std::string& bytes) {
    ByteReader reader(AsBytes(bytes));
    while (reader.ok() && reader.remaining() > 0) {
      const std::size_t before = reader.remaining();
      reader.Blob();
      RC_ASSERT(reader.remaining() < before);
    }
    if (!reader.ok()) RC_ASSERT(reader.Varint() == 0u && reader.Raw(1).empty());
  });
  ByteWriter writer;
  writer.Varint(UINT64_MAX);  // a length far beyond what is there
  ByteReader reader(AsBytes(writer.bytes()));
  REQUIRE(reader.Blob().empty());
  REQUIRE_FALSE(reader.ok());
}

TEST_CASE("ByteReader: a varint of more than 64 bits is refused") {
  ByteReader reader(AsBytes(std::string_view("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10)));
  reader.Varint();
  REQUIRE_FALSE(reader.ok());
}

}  // namespace
}  // namespace prefixmesh
