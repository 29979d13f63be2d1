// Goal: the meter never says less than a header block decodes to, never more than its encoding allows, and takes no
// notice of how the block is cut.
#include "impl/env/header_block.h"

#include <catch2/catch.hpp>
#include <deque>
#include <string>
#include <utility>

#include "impl/base/prng.h"
#include "tests/impl/env/http2_frames.h"
#include "tests/support/properties.h"

namespace prefixmesh {
namespace {

using namespace test::http2;
using HeaderVerdict = HeaderBlockMeter::Verdict;

HeaderVerdict Take(HeaderBlockMeter& meter, const std::string& block, std::size_t cut = 1 << 20) {
  meter.Begin();
  for (std::size_t at = 0; at < block.size(); at += cut) {
    const std::string piece = block.substr(at, cut);
    const HeaderVerdict verdict = meter.Add({reinterpret_cast<const std::uint8_t*>(piece.data()), piece.size()});
    if (verdict != HeaderVerdict::kGood) return verdict;
  }
  return meter.End();
}

HeaderVerdict VerdictOf(const std::string& block) {
  HeaderBlockMeter meter(1000);
  return Take(meter, block);
}

TEST_CASE("Header block: plain fields count their text and 32 bytes each") {
  HeaderBlockMeter meter(1000);
  REQUIRE(Take(meter, Literal("name", "value") + Literal("a", std::string(200, 'b'))) == HeaderVerdict::kGood);
  REQUIRE(meter.decoded_bytes() == 9 + 32 + 201 + 32);
  REQUIRE(Take(meter, Literal("n", std::string(967, 'v'))) == HeaderVerdict::kGood);
  REQUIRE(Take(meter, Literal("n", std::string(968, 'v'))) == HeaderVerdict::kTooBig);
}

TEST_CASE("Header block: a Huffman-coded string counts the most that it can decode to") {
  HeaderBlockMeter meter(1000);
  REQUIRE(Take(meter, Huffman("12345", "123456")) == HeaderVerdict::kGood);
  REQUIRE(meter.decoded_bytes() == 8 + 10 + 32);
}

TEST_CASE("Header block: a string that is too long is refused before it comes") {
  REQUIRE(VerdictOf(std::string(1, '\0') + Integer(0, 7, 1001)) == HeaderVerdict::kTooBig);
  REQUIRE(VerdictOf(std::string(1, '\0') + Text("n") + Integer(0, 7, 1001)) == HeaderVerdict::kTooBig);
}

TEST_CASE("Header block: a reference counts the entry that it names, however often") {
  HeaderBlockMeter meter(1000);
  REQUIRE(Take(meter, Indexed("long", std::string(200, 'v'))) == HeaderVerdict::kGood);
  REQUIRE(Take(meter, Indexed("s", "v")) == HeaderVerdict::kGood);
  REQUIRE(Take(meter, Reference(62)) == HeaderVerdict::kGood);
  REQUIRE(meter.decoded_bytes() == 34);
  REQUIRE(Take(meter, Reference(63)) == HeaderVerdict::kGood);
  REQUIRE(meter.decoded_bytes() == 236);
  REQUIRE(Take(meter, NamedBy(63, "1234")) == HeaderVerdict::kGood);
  REQUIRE(meter.decoded_bytes() == 4 + 4 + 32);  // the name alone
  REQUIRE(Take(meter, Reference(64) + Reference(64) + Reference(64) + Reference(64)) == HeaderVerdict::kGood);
  REQUIRE(Take(meter, Reference(64) + Reference(64) + Reference(64) + Reference(64) + Reference(64)) ==
          HeaderVerdict::kTooBig);
}

TEST_CASE("Header block: what no encoder writes is refused") {
  REQUIRE(VerdictOf("") == HeaderVerdict::kGood);
  REQUIRE(VerdictOf(Reference(0)) == HeaderVerdict::kCorrupt);
  REQUIRE(VerdictOf(Reference(62)) == HeaderVerdict::kCorrupt);
  REQUIRE(VerdictOf(NamedBy(62, "v")) == HeaderVerdict::kCorrupt);
  // An integer goes on for ever, whatever it is worth.
  REQUIRE(VerdictOf(std::string("\0\x7f\x80\x80\x80\x00", 6) + std::string(127, 'n') + Text("v")) ==
          HeaderVerdict::kGood);
  REQUIRE(VerdictOf(std::string("\0\x7f\x80\x80\x80\x80\x00", 7) + std::string(127, 'n') + Text("v")) ==
          HeaderVerdict::kCorrupt);
  REQUIRE(VerdictOf(Integer(0x20, 5, 4096)) == HeaderVerdict::kGood);
  REQUIRE(VerdictOf(Integer(0x20, 5, 4097)) == HeaderVerdict::kCorrupt);
  REQUIRE(VerdictOf(Integer(0x20, 5, 0) + Integer(0x20, 5, 4096)) == HeaderVerdict::kGood);
  REQUIRE(VerdictOf(Integer(0x20, 5, 0) + Integer(0x20, 5, 0) + Integer(0x20, 5, 0)) == HeaderVerdict::kCorrupt);
  REQUIRE(VerdictOf(Reference(2) + Integer(0x20, 5, 0)) == HeaderVerdict::kCorrupt);
  REQUIRE(VerdictOf(Literal("name", "value").substr(0, 8)) == HeaderVerdict::kCorrupt);
  REQUIRE(VerdictOf(Literal("name", "value").substr(0, 6)) == HeaderVerdict::kCorrupt);
  REQUIRE(VerdictOf(std::string("\xff", 1)) == HeaderVerdict::kCorrupt);
}

// The oracle: a decoder's table with evictions, as RFC 7541 keeps it.
struct Table {
  std::deque<std::pair<std::uint32_t, std::uint32_t>> entries;  // name and value bytes, newest first
  std::uint32_t bytes = 0;
  void Insert(std::uint32_t name, std::uint32_t value) {
    entries.emplace_front(name, value);
    bytes += name + value + 32;
    while (bytes > 4096) {
      bytes -= entries.back().first + entries.back().second + 32;
      entries.pop_back();
    }
  }
};

TEST_CASE("Header block: of plain fields and references to what a decoder still has it says the true size") {
  test::ForAll("the size of a decoder's list", [](std::uint64_t seed) {
    Prng random(seed);
    HeaderBlockMeter meter(1 << 20);
    Table table;
    for (int i = 0; i < 40; ++i) {
      std::string block;
      std::uint32_t expected = 0;
      for (std::uint64_t fields = random.Below(20); fields > 0; --fields) {
        const auto name = static_cast<std::uint32_t>(random.Below(40));
        const auto value = static_cast<std::uint32_t>(random.Below(random.Below(8) == 0 ? 5000 : 100));
        const auto index = static_cast<std::uint32_t>(random.Below(table.entries.size() + 1));
        if (index < table.entries.size() && random.Below(2) == 0) {
          const auto [named, valued] = table.entries[index];
          if (random.Below(2) == 0) {
            block += Reference(62 + index);
            expected += named + valued + 32;
          } else {
            block += NamedBy(62 + index, std::string(value, 'v'));
            expected += named + value + 32;
            table.Insert(named, value);
          }
        } else if (random.Below(2) == 0) {
          block += Indexed(std::string(name, 'n'), std::string(value, 'v'));
          expected += name + value + 32;
          table.Insert(name, value);
        } else {
          block += Literal(std::string(name, 'n'), std::string(value, 'v'));
          expected += name + value + 32;
        }
      }
      RC_ASSERT(Take(meter, block, 1 + random.Below(50)) == HeaderVerdict::kGood);
      RC_ASSERT(meter.decoded_bytes() == expected);
    }
  });
}

}  // namespace
}  // namespace prefixmesh
