// Goal: the token tree is a set of page sequences per worker: 16 tokens or nothing.
#include "impl/tree/token_tree.h"

#include <string>

#include "tests/impl/tree/text_tree_oracle.h"

namespace prefixmesh {
namespace {

std::string Tokens(std::uint32_t count, std::uint32_t first) {
  std::string bytes;
  for (std::uint32_t i = 0; i < count; ++i) {
    for (unsigned shift = 0; shift < 32; shift += 8) bytes.push_back(static_cast<char>((first + i) >> shift));
  }
  return bytes;
}

// Pages agree in their first 15 tokens, so that only a whole-page comparison tells them apart.
const test::TreeUnderTest kTokens{
    .unit = [](char symbol) { return Tokens(15, 1000) + Tokens(1, static_cast<std::uint32_t>(symbol)); },
    .make = [](std::uint64_t bytes) -> std::unique_ptr<RadixTree> {
      return std::make_unique<TokenTree>(TokenTreeOptions{.tokens_per_tenant_max = bytes / kBytesPerToken});
    },
    .kind = Kind::kTokens,
    .ragged_bytes = 63,
};

TEST_CASE("TokenTree: agrees with a set of page sequences") { test::CheckAgainstOracle(kTokens); }
TEST_CASE("TokenTree: removing every worker leaves an empty tree") { test::CheckReturnsToEmpty(kTokens); }
TEST_CASE("TokenTree: evicts oldest first, down to the cap") { test::CheckEviction(kTokens); }

TEST_CASE("TokenTree: 15 tokens are not cached, 16 are, 31 are as 16") {
  TokenTree tree;
  const auto put = [&](const std::string& bytes) {
    const Slices slices(AsBytes(bytes));
    tree.Insert({.kind = Kind::kTokens, .bytes = &slices, .blocks = {}}, {1});
  };
  put(Tokens(15, 7));
  REQUIRE(tree.Size().nodes == 1);
  put(Tokens(31, 7));
  REQUIRE(tree.TenantBytes({1}) == 64);
  put(Tokens(16, 7));
  REQUIRE(tree.Size().nodes == 2);
}

}  // namespace
}  // namespace prefixmesh
