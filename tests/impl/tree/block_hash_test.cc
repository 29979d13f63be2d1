// Goal: an id names a whole prefix under one model and kind, however the bytes lie in memory.
#include "impl/tree/block_hash.h"

#include <set>
#include <string>

#include "tests/support/properties.h"

namespace prefixmesh {
namespace {

std::vector<NodeId> Ids(const BlockHasher& hasher, std::string_view text) {
  std::vector<NodeId> ids;
  hasher.Hash(Slices(AsBytes(text)), ids);
  return ids;
}

TEST_CASE("BlockHasher: the cutting of the bytes into pieces does not change the ids") {
  const BlockHasher hasher({}, "m", Kind::kText);
  test::ForAll("any cutting", [&](const std::vector<std::uint16_t>& cuts) {
    std::string text;
    for (int i = 0; i < 3000; ++i) text.push_back(static_cast<char>(i * 31 + i / 251));
    Slices slices;
    std::string_view rest = text;
    for (const std::uint16_t cut : cuts) {
      const std::size_t take = std::min<std::size_t>(cut % 700, rest.size());
      slices.Append(AsBytes(rest.substr(0, take)));
      rest.remove_prefix(take);
    }
    slices.Append(AsBytes(rest));
    std::vector<NodeId> ids;
    hasher.Hash(slices, ids);
    RC_ASSERT(ids == Ids(hasher, text));
    RC_ASSERT(ids.size() == 3000u / 256u);
  });
}

TEST_CASE("BlockHasher: ids agree exactly as far as the whole blocks do") {
  const BlockHasher hasher({.text_block_bytes = 64}, "m", Kind::kText);
  test::ForAll("one flipped byte", [&](std::uint16_t position) {
    std::string text(1024, 'a');
    std::string other = text;
    other[position % 1024] = 'b';
    const auto ids = Ids(hasher, text), others = Ids(hasher, other);
    for (std::size_t i = 0; i < ids.size(); ++i) RC_ASSERT((ids[i] == others[i]) == (i < position % 1024 / 64u));
  });
}

TEST_CASE("BlockHasher: model, kind and seed separate ids (W1, W3)") {
  const std::string text(256 * 4, 'x');
  std::set<NodeId> seen;
  std::size_t count = 0;
  for (const std::uint64_t seed : {1, 2}) {
    for (const char* model : {"a", "b", ""}) {
      for (const Kind kind : {Kind::kText, Kind::kTokens}) {
        const BlockHasher hasher({.tokens_block_tokens = 64, .seed = seed}, model, kind);
        for (const NodeId id : Ids(hasher, text)) seen.insert(id);
        count += 4;
      }
    }
  }
  REQUIRE(seen.size() == count);
  REQUIRE(HashKeyId({.seed = 1}) != HashKeyId({.seed = 2}));
  REQUIRE(HashKeyId({.text_block_bytes = 128}) != HashKeyId({}));
}

TEST_CASE("BlockHasher: a prompt without a whole block has no ids") {
  const BlockHasher hasher({}, "m", Kind::kText);
  REQUIRE(Ids(hasher, "").empty());
  REQUIRE(Ids(hasher, std::string(255, 'x')).empty());
  REQUIRE(Ids(hasher, std::string(256, 'x')).size() == 1);
}

}  // namespace
}  // namespace prefixmesh
