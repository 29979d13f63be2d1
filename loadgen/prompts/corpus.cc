#include "loadgen/prompts/corpus.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "impl/base/check.h"

namespace prefixmesh::load {
namespace {

constexpr std::uint64_t kCorpusSeed = 0x7072656669786d65u;  // not the run's: every run cuts from the same text
constexpr std::size_t kVocabularyWords = 16384;
constexpr double kZipfExponent = 1.0;
// Words alone repeat too little for LZ4 (1.2): people repeat phrases. These two numbers set the ratio.
constexpr std::size_t kPhrases = 1700;
constexpr double kPhraseZipfExponent = 0.9;
constexpr double kPhraseShare = 0.8;  // of the draws; the others are single words
constexpr std::size_t kLottery = 1u << 16;
constexpr std::uint32_t kTokenNumbers = 131072;
// The slices of a piece come from neighbouring strata of the text, so that they do not overlap by chance (which would
// make single prompts compress better than the rest).
constexpr std::uint32_t kStrata = 64;
constexpr std::uint32_t kStratumBytes = kCorpusTextBytes / kStrata;
static_assert(kStratumBytes > kSliceBytesMax);

// Letters by rough English frequency, so that words look like words to a compressor's match finder.
constexpr std::string_view kLetters = "eeeeeetttttaaaaooooiiiinnnnsssshhhrrrrdddlllcccuuummmwwffggyyppbbvk";

std::vector<std::string> MakeVocabulary(Prng& prng) {
  std::vector<std::string> words(kVocabularyWords);
  for (std::size_t rank = 0; rank < words.size(); ++rank) {
    // Frequent words are short.
    const std::uint64_t letters = 2 + std::min<std::uint64_t>(rank / 64, 3) + prng.Below(rank < 64 ? 3 : 6);
    for (std::uint64_t i = 0; i < letters; ++i) words[rank].push_back(kLetters[prng.Below(kLetters.size())]);
  }
  return words;
}

// Ranks repeated by their Zipf weight: one draw from it is one table look-up.
std::vector<std::uint16_t> MakeLottery(std::size_t ranks, double exponent) {
  std::vector<double> weights(ranks);
  double sum = 0;
  for (std::size_t rank = 0; rank < weights.size(); ++rank) {
    sum += weights[rank] = 1.0 / std::pow(static_cast<double>(rank) + 2.7, exponent);
  }
  std::vector<std::uint16_t> lottery;
  lottery.reserve(kLottery + ranks);
  double owed = 0;
  for (std::size_t rank = 0; rank < weights.size(); ++rank) {
    for (owed += weights[rank] / sum * static_cast<double>(kLottery); owed >= 1; owed -= 1) {
      lottery.push_back(static_cast<std::uint16_t>(rank));
    }
  }
  return lottery;
}

void FillText(std::string& bytes, Prng& prng) {
  const std::vector<std::string> vocabulary = MakeVocabulary(prng);
  const std::vector<std::uint16_t> words = MakeLottery(kVocabularyWords, kZipfExponent);
  const auto draw_word = [&]() -> const std::string& { return vocabulary[words[prng.Below(words.size())]]; };
  std::vector<std::string> phrases(kPhrases);
  for (std::string& phrase : phrases) {
    phrase = draw_word();
    for (std::uint64_t more = 1 + prng.Below(4); more > 0; --more) phrase += " " + draw_word();
  }
  const std::vector<std::uint16_t> lottery = MakeLottery(kPhrases, kPhraseZipfExponent);
  std::uint64_t until_stop = 12;
  while (bytes.size() < kCorpusTextBytes) {
    bytes += prng.Unit() < kPhraseShare ? phrases[lottery[prng.Below(lottery.size())]] : draw_word();
    if (--until_stop > 0) {
      bytes += ' ';
      continue;
    }
    bytes += prng.Below(8) == 0 ? ".\n" : ". ";
    until_stop = 4 + prng.Below(10);
  }
  bytes.resize(kCorpusTextBytes);
}

void PutToken(std::string& bytes, std::uint32_t token) {
  for (unsigned shift = 0; shift < 32; shift += 8) bytes.push_back(static_cast<char>(token >> shift));
}

void FillTokens(std::string& bytes, Prng& prng) {
  const std::vector<std::uint16_t> lottery = MakeLottery(kVocabularyWords, kZipfExponent);
  while (bytes.size() < kCorpusTextBytes) {
    const std::uint32_t rank = lottery[prng.Below(lottery.size())];
    PutToken(bytes, rank * 2654435761u % kTokenNumbers);
  }
}

}  // namespace

Corpus::Corpus(Kind kind) : kind_(kind) {
  Prng prng = Prng::ForPurpose(kCorpusSeed, KindName(kind));
  bytes_.reserve(kCorpusTextBytes + 64);
  if (kind == Kind::kText) {
    FillText(bytes_, prng);
  } else {
    FillTokens(bytes_, prng);
  }
}

Slice Corpus::AddMarker(std::uint32_t bytes_max) {
  PREFIXMESH_CHECK(bytes_.size() + kMarkerBytes <= UINT32_MAX);
  const Slice slice{static_cast<std::uint32_t>(bytes_.size()), std::min(bytes_max, kMarkerBytes)};
  const std::uint64_t number = Mix64(++markers_);  // a bijection, so unique; mixed, so that neighbours differ early
  if (kind_ == Kind::kTokens) {
    // Tokens above the text's numbers; 4 x 16 bits of the number, then fixed ones.
    for (unsigned i = 0; i < kMarkerBytes / kBytesPerToken; ++i) {
      PutToken(bytes_,
               kTokenNumbers + (i < 4 ? static_cast<std::uint32_t>(number >> (16 * i) & 0xffff) : 0x10000u + i));
    }
    return slice;
  }
  static constexpr char kDigits[] = "0123456789ABCDEF";  // the text has neither digits nor capitals
  for (unsigned i = 0; i < 16; ++i) bytes_.push_back(kDigits[number >> (4 * i) & 15]);
  bytes_ += " # request #    ";
  return slice;
}

void Corpus::AppendText(std::uint64_t bytes, Prng& prng, std::vector<Slice>& out) const {
  const std::uint32_t unit = kind_ == Kind::kTokens ? static_cast<std::uint32_t>(kBytesPerToken) : 1;
  for (std::uint64_t stratum = prng.Below(kStrata); bytes > 0; stratum = (stratum + 1) % kStrata) {
    const auto take = static_cast<std::uint32_t>(std::min<std::uint64_t>(bytes, kSliceBytesMax));
    const auto place = static_cast<std::uint32_t>(prng.Below((kStratumBytes - take) / unit)) * unit;
    out.push_back({static_cast<std::uint32_t>(stratum) * kStratumBytes + place, take});
    bytes -= take;
  }
}

void Corpus::AppendUnique(std::uint64_t bytes, Prng& prng, std::vector<Slice>& out) {
  if (bytes == 0) return;
  const Slice marker = AddMarker(static_cast<std::uint32_t>(std::min<std::uint64_t>(bytes, kMarkerBytes)));
  out.push_back(marker);
  AppendText(bytes - marker.bytes, prng, out);
}

}  // namespace prefixmesh::load
