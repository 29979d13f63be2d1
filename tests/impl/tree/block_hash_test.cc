// Goal: an id names a whole prefix under one model and kind, however the bytes lie in memory, and is as good as a
// random number in each of the parts that are used alone: the low half (fingerprints) and the high half (places in
// tables). Method: properties; then avalanche and collision counts against what random numbers would give.
#include "impl/tree/block_hash.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>
#include <set>
#include <string>
#include <vector>

#include "impl/base/prng.h"
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

TEST_CASE("BlockHasher: a LoRA and a salt separate ids, from each other, too") {
  const BlockHasher hasher({}, "m", Kind::kTokens);
  const std::string text(64 * 3, 'x');
  std::set<NodeId> seen;
  for (const auto& [lora, salt] : std::vector<std::pair<std::string, std::string>>{
           {"", ""}, {"a", ""}, {"", "a"}, {"a", "a"}, {"b", "a"}, {"a", "b"}}) {
    std::vector<NodeId> ids, goes_on;
    hasher.Hash(Slices(AsBytes(text)), ids, hasher.Root(lora, salt));
    seen.insert(ids.begin(), ids.end());
    // The same ids, block by block.
    NodeId prefix = hasher.Root(lora, salt);
    for (std::size_t i = 0; i < ids.size(); ++i) {
      hasher.Append(prefix, AsBytes(std::string_view(text)).subspan(64 * i, 64), goes_on);
      prefix = goes_on.back();
    }
    REQUIRE(goes_on == ids);
  }
  REQUIRE(seen.size() == 18);
  REQUIRE(hasher.Scoped(hasher.Root("", ""), "a") == hasher.Root("", "a"));  // as engines scope a first block
}

TEST_CASE("BlockHasher: model, kind and seed separate ids (W1, W3)") {
  const std::string text(256 * 4, 'x');
  std::set<NodeId> seen;
  std::size_t count = 0;
  for (const std::uint64_t seed : {1u, 2u}) {
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

// ---- quality ----

using Block = std::vector<std::uint8_t>;

Block RandomBlock(Prng& prng, std::size_t size) {
  Block block(size);
  for (std::uint8_t& byte : block) byte = static_cast<std::uint8_t>(prng.Next() >> 56);
  return block;
}

// The id of a prompt of this one block.
std::uint64_t IdOf(const BlockHasher& hasher, const Block& block) {
  std::vector<NodeId> ids;
  hasher.Hash(Slices(block), ids);
  return ids.back().value;
}

TEST_CASE("BlockHasher: flipping any bit of a block flips every bit of the id half of the time") {
  Prng prng(3);
  // Whole stripes, a padded tail, one piece and a bit, and many pieces.
  for (const std::uint32_t size : {64u, 100u, 256u, 301u, 4096u}) {
    const BlockHasher hasher({.text_block_bytes = size, .seed = 7}, "m", Kind::kText);
    constexpr int kTrials = 4096;
    std::array<int, 64> flips{};
    int flips_of_fewest_bits = 64;
    for (int trial = 0; trial < kTrials; ++trial) {
      // Text-like, constant and random contents alike: real prompts are far from random.
      Block block = trial % 3 == 0 ? RandomBlock(prng, size) : Block(size, trial % 3 == 1 ? 'a' : 0);
      const std::uint64_t before = IdOf(hasher, block);
      const std::size_t bit = prng.Below(size * std::uint64_t{8});
      block[bit / 8] = static_cast<std::uint8_t>(block[bit / 8] ^ 1u << bit % 8);
      const std::uint64_t changed = before ^ IdOf(hasher, block);
      for (std::size_t i = 0; i < 64; ++i) flips[i] += static_cast<int>(changed >> i & 1);
      flips_of_fewest_bits = std::min(flips_of_fewest_bits, std::popcount(changed));
    }
    CAPTURE(size);
    // Six standard deviations of 4,096 coin tosses are 192.
    for (const int count : flips) REQUIRE(std::abs(count - kTrials / 2) < 192);
    REQUIRE(flips_of_fewest_bits > 8);  // 64 tosses: below 9 heads once in 10^9
  }
}

// Blocks that differ little, or in ways that a sum of products might not see.
std::vector<Block> StructuredBlocks(std::size_t size) {
  std::vector<Block> blocks;
  const Block zero(size, 0);
  const std::size_t bits = std::min<std::size_t>(size * 8, 400);
  for (std::size_t a = 0; a < bits; ++a) {  // every pair of bits, spread over the block
    for (std::size_t b = 0; b < a; ++b) {
      Block block = zero;
      for (const std::size_t bit : {a * (size * 8 / bits), b * (size * 8 / bits)})
        block[bit / 8] = static_cast<std::uint8_t>(block[bit / 8] ^ 1u << bit % 8);
      blocks.push_back(block);
    }
  }
  for (std::uint32_t n = 1; n <= 20'000; ++n) {  // a counter in text, as digits
    Block block(size, ' ');
    const std::string digits = std::to_string(n);
    std::copy(digits.begin(), digits.end(), block.end() - static_cast<std::ptrdiff_t>(digits.size()));
    blocks.push_back(block);
  }
  const auto swaps = [&](std::size_t unit) {  // any two different units change places
    Block ordered(size, 0);
    for (std::size_t i = 0; i < size; ++i) ordered[i] = static_cast<std::uint8_t>(1 + i / unit);
    for (std::size_t a = 0; a + 1 < size / unit; ++a) {
      for (std::size_t b = a + 1; b < size / unit; ++b) {
        Block block = ordered;
        std::swap_ranges(block.begin() + static_cast<std::ptrdiff_t>(a * unit),
                         block.begin() + static_cast<std::ptrdiff_t>((a + 1) * unit),
                         block.begin() + static_cast<std::ptrdiff_t>(b * unit));
        blocks.push_back(block);
      }
    }
  };
  for (const std::size_t unit : {8u, 16u, 32u, 256u}) swaps(unit);
  std::sort(blocks.begin(), blocks.end());
  blocks.erase(std::unique(blocks.begin(), blocks.end()), blocks.end());
  return blocks;
}

template <typename Number>
std::size_t Collisions(std::vector<Number> numbers) {
  std::sort(numbers.begin(), numbers.end());
  return numbers.size() - static_cast<std::size_t>(std::unique(numbers.begin(), numbers.end()) - numbers.begin());
}

TEST_CASE("BlockHasher: structured blocks collide no more than random numbers would") {
  for (const std::uint32_t size : {64u, 256u, 1024u}) {
    for (const std::uint64_t seed : {0u, 1u}) {
      const BlockHasher hasher({.text_block_bytes = size, .seed = seed}, "m", Kind::kText);
      std::vector<std::uint64_t> ids;
      std::vector<std::uint32_t> low, high;
      for (const Block& block : StructuredBlocks(size)) {
        ids.push_back(IdOf(hasher, block));
        low.push_back(static_cast<std::uint32_t>(ids.back()));
        high.push_back(static_cast<std::uint32_t>(ids.back() >> 32));
      }
      CAPTURE(size, seed);
      REQUIRE(ids.size() > 95'000);  // random 32-bit numbers: 1 to 2 collisions expected
      REQUIRE(Collisions(ids) == 0);
      REQUIRE(Collisions(low) <= 10);
      REQUIRE(Collisions(high) <= 10);
    }
  }
}

TEST_CASE("BlockHasher: the ids are the same in every build, or a mesh would not agree") {
  std::string text;
  for (int i = 0; i < 1000; ++i) text.push_back(static_cast<char>('a' + i % 26));
  const std::vector<NodeId> ids = Ids(BlockHasher({.seed = 42}, "m", Kind::kText), text);
  REQUIRE(ids.size() == 3);
  REQUIRE(ids[2].value == 0x5bd2b8d3478b8ba6u);
  REQUIRE(Ids(BlockHasher({.text_block_bytes = 300, .seed = 42}, "m", Kind::kText), text).back().value ==
          0xdc8a6b96c5ea8e88u);
  // Who changes the numbers above changes the number of the scheme in HashKeyId, so that old and new peers part.
  REQUIRE(HashKeyId({.seed = 42}) == 0x87a85154e9ec2f8u);
}

}  // namespace
}  // namespace prefixmesh
