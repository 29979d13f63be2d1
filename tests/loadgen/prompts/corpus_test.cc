// Goal: prompts are as compressible as real text, and pieces that should differ do so from their first block on.
#include "loadgen/prompts/corpus.h"

#include <lz4.h>

#include <catch2/catch.hpp>
#include <set>

namespace prefixmesh::load {
namespace {

std::string Text(const Corpus& corpus, const std::vector<Slice>& slices) {
  std::string text;
  for (const Slice& slice : slices) text += AsText(corpus.At(slice));
  return text;
}

double Lz4Ratio(const std::string& text) {
  std::string out(static_cast<std::size_t>(LZ4_compressBound(static_cast<int>(text.size()))), '\0');
  const int size =
      LZ4_compress_default(text.data(), out.data(), static_cast<int>(text.size()), static_cast<int>(out.size()));
  return static_cast<double>(text.size()) / size;
}

TEST_CASE("Corpus: an 80,000-char prompt has an LZ4 ratio of 2.0 to 2.3, like real text") {
  Corpus corpus(Kind::kText);
  Prng prng(1);
  for (int i = 0; i < 50; ++i) {
    std::vector<Slice> slices;
    corpus.AppendUnique(80000, prng, slices);
    const std::string prompt = Text(corpus, slices);
    REQUIRE(prompt.size() == 80000);
    const double ratio = Lz4Ratio(prompt);
    REQUIRE(ratio > 2.0);
    REQUIRE(ratio < 2.3);
  }
}

TEST_CASE("Corpus: is the same every time, and text is words") {
  const Corpus a(Kind::kText), b(Kind::kText);
  const Slice all{0, kCorpusTextBytes};
  REQUIRE(AsText(a.At(all)) == AsText(b.At(all)));
  std::size_t spaces = 0;
  for (const std::uint8_t c : a.At(all)) {
    REQUIRE((c == ' ' || c == '.' || c == '\n' || (c >= 'a' && c <= 'z')));
    spaces += c == ' ';
  }
  REQUIRE(kCorpusTextBytes / spaces >= 4);
  REQUIRE(kCorpusTextBytes / spaces <= 9);
}

TEST_CASE("Corpus: unique pieces differ within their first 16 bytes, in both kinds") {
  for (const Kind kind : {Kind::kText, Kind::kTokens}) {
    Corpus corpus(kind);
    Prng prng(2);
    std::set<std::string> heads;
    for (int i = 0; i < 20000; ++i) {
      std::vector<Slice> slices;
      corpus.AppendUnique(64, prng, slices);
      heads.insert(Text(corpus, slices).substr(0, 16));
    }
    REQUIRE(heads.size() == 20000);
  }
}

TEST_CASE("Corpus: token prompts are whole tokens, of a vocabulary's numbers") {
  Corpus corpus(Kind::kTokens);
  Prng prng(3);
  std::vector<Slice> slices;
  corpus.AppendUnique(20000 * 4, prng, slices);
  const std::string prompt = Text(corpus, slices);
  REQUIRE(prompt.size() == 80000);
  for (std::size_t i = 0; i < prompt.size(); i += 4) {
    std::uint32_t token = 0;
    for (unsigned j = 0; j < 4; ++j)
      token |= static_cast<std::uint32_t>(static_cast<unsigned char>(prompt[i + j])) << (8 * j);
    REQUIRE(token < 1u << 18);
  }
}

TEST_CASE("Corpus: empty and tiny pieces are what was asked for") {
  Corpus corpus(Kind::kText);
  Prng prng(4);
  for (const std::uint64_t bytes : {0u, 1u, 31u, 32u, 33u, 16384u, 16385u}) {
    std::vector<Slice> slices;
    corpus.AppendUnique(bytes, prng, slices);
    REQUIRE(Text(corpus, slices).size() == bytes);
    for (const Slice& slice : slices) REQUIRE(slice.bytes <= kSliceBytesMax);
  }
}

}  // namespace
}  // namespace prefixmesh::load
