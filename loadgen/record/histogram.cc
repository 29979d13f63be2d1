#include "loadgen/record/histogram.h"

#include <zlib.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "impl/base/check.h"
#include "loadgen/record/base64.h"

namespace prefixmesh::load {
namespace {

// "V2" cookies; the 0x10 says that counts are variable-length integers.
constexpr std::uint32_t kPlainCookie = 0x1c849303 | 0x10;
constexpr std::uint32_t kCompressedCookie = 0x1c849304 | 0x10;
constexpr std::size_t kHeaderBytes = 40;
constexpr std::size_t kPayloadBytesMax = 64u << 20;

void PutBig(std::string& out, std::uint64_t value, int bytes) {
  for (int i = bytes - 1; i >= 0; --i) out.push_back(static_cast<char>(value >> (8 * i)));
}

std::uint64_t GetBig(std::string_view bytes, std::size_t at, int count) {
  std::uint64_t value = 0;
  for (int i = 0; i < count; ++i)
    value = value << 8 | static_cast<unsigned char>(bytes[at + static_cast<std::size_t>(i)]);
  return value;
}

// ZigZag, then LEB128 of at most nine bytes: the ninth carries eight bits.
void PutZigZag(std::string& out, std::int64_t value) {
  std::uint64_t bits = static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63);
  for (int i = 0; i < 8 && bits >= 0x80; ++i) {
    out.push_back(static_cast<char>(bits | 0x80));
    bits >>= 7;
  }
  out.push_back(static_cast<char>(bits));
}

bool GetZigZag(std::string_view bytes, std::size_t& at, std::int64_t& value) {
  std::uint64_t bits = 0;
  for (unsigned i = 0;; ++i) {
    if (at == bytes.size()) return false;
    const auto byte = static_cast<unsigned char>(bytes[at++]);
    if (i == 8) {
      bits |= static_cast<std::uint64_t>(byte) << 56;
      break;
    }
    bits |= static_cast<std::uint64_t>(byte & 0x7f) << (7 * i);
    if ((byte & 0x80) == 0) break;
  }
  value = static_cast<std::int64_t>(bits >> 1) ^ -static_cast<std::int64_t>(bits & 1);
  return true;
}

Error Corrupt(const char* what) { return {ErrorCode::kCorrupt, std::string("histogram: ") + what}; }

bool Inflate(std::string_view compressed, std::string& out) {
  z_stream stream{};
  if (inflateInit(&stream) != Z_OK) return false;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(compressed.data()));
  stream.avail_in = static_cast<uInt>(compressed.size());
  char chunk[16384];
  int state = Z_OK;
  while (state == Z_OK && out.size() <= kPayloadBytesMax) {
    stream.next_out = reinterpret_cast<Bytef*>(chunk);
    stream.avail_out = sizeof chunk;
    state = inflate(&stream, Z_NO_FLUSH);
    out.append(chunk, sizeof chunk - stream.avail_out);
  }
  inflateEnd(&stream);
  return state == Z_STREAM_END && out.size() <= kPayloadBytesMax;
}

}  // namespace

Histogram::Histogram(const HistogramOptions& options) : options_(options) {
  PREFIXMESH_CHECK(options.lowest >= 1 && options.highest >= 2 * options.lowest && options.highest <= INT64_MAX);
  PREFIXMESH_CHECK(options.significant_digits >= 1 && options.significant_digits <= 5);
  const auto largest_by_one = static_cast<std::uint64_t>(2 * std::pow(10, options.significant_digits));
  const unsigned sub_bucket_magnitude = static_cast<unsigned>(std::bit_width(largest_by_one - 1));
  sub_bucket_half_magnitude_ = sub_bucket_magnitude - 1;
  unit_magnitude_ = static_cast<unsigned>(std::bit_width(options.lowest)) - 1;
  PREFIXMESH_CHECK(unit_magnitude_ + sub_bucket_magnitude <= 62);
  sub_bucket_mask_ = ((std::uint64_t{1} << sub_bucket_magnitude) - 1) << unit_magnitude_;
  std::size_t buckets = 1;
  std::uint64_t untracked = std::uint64_t{1} << (sub_bucket_magnitude + unit_magnitude_);
  for (; untracked <= options.highest; untracked <<= 1) ++buckets;
  counts_.resize((buckets + 1) << sub_bucket_half_magnitude_);
}

std::size_t Histogram::IndexOf(std::uint64_t value) const {
  const unsigned bucket = static_cast<unsigned>(std::bit_width(value | sub_bucket_mask_)) - unit_magnitude_ -
                          (sub_bucket_half_magnitude_ + 1);
  const std::size_t sub_bucket = static_cast<std::size_t>(value >> (bucket + unit_magnitude_));
  return (static_cast<std::size_t>(bucket) << sub_bucket_half_magnitude_) + sub_bucket;
}

std::uint64_t Histogram::LowOf(std::size_t index) const {
  const std::size_t half = std::size_t{1} << sub_bucket_half_magnitude_;
  std::size_t bucket = index >> sub_bucket_half_magnitude_;
  std::size_t sub_bucket = (index & (half - 1)) + half;
  if (bucket == 0) {
    sub_bucket -= half;
  } else {
    --bucket;
  }
  return static_cast<std::uint64_t>(sub_bucket) << (bucket + unit_magnitude_);
}

std::uint64_t Histogram::HighOf(std::size_t index) const {
  const std::size_t bucket = index >> sub_bucket_half_magnitude_;
  return LowOf(index) + (std::uint64_t{1} << (unit_magnitude_ + (bucket == 0 ? 0 : bucket - 1))) - 1;
}

void Histogram::Record(std::uint64_t value, std::uint64_t times) {
  if (times == 0) return;
  if (value > options_.highest) {
    clamped_ += times;
    value = options_.highest;
  }
  counts_[IndexOf(value)] += times;
  min_ = count_ == 0 ? value : std::min(min_, value);
  max_ = std::max(max_, value);
  count_ += times;
}

void Histogram::Merge(const Histogram& other) {
  if (other.count_ == 0) return;
  const std::uint64_t low = count_ == 0 ? other.min_ : std::min(min_, other.min_);
  const std::uint64_t high = std::min(std::max(max_, other.max_), options_.highest);
  for (const Bucket& bucket : other.Buckets()) Record(std::min(bucket.low, other.max_), bucket.count);
  clamped_ += other.clamped_;
  min_ = low;
  max_ = high;
}

void Histogram::Reset() {
  std::fill(counts_.begin(), counts_.end(), 0);
  count_ = clamped_ = min_ = max_ = 0;
}

double Histogram::Mean() const {
  if (count_ == 0) return 0;
  double sum = 0;
  for (const Bucket& bucket : Buckets()) {
    const double middle = static_cast<double>(bucket.low) + static_cast<double>(bucket.high - bucket.low) / 2;
    sum += middle * static_cast<double>(bucket.count);
  }
  return sum / static_cast<double>(count_);
}

std::uint64_t Histogram::Percentile(double percentile) const {
  if (count_ == 0) return 0;
  const double wanted = std::clamp(percentile, 0.0, 100.0) / 100 * static_cast<double>(count_);
  // A hair less, so that 50 % of 2 is 1 whatever the rounding of the product.
  const auto target = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::ceil(wanted - wanted * 1e-12)));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    seen += counts_[i];
    if (seen >= target) return std::min(HighOf(i), max_);
  }
  return max_;
}

std::vector<Histogram::Bucket> Histogram::Buckets() const {
  std::vector<Bucket> buckets;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    if (counts_[i] > 0) buckets.push_back({LowOf(i), HighOf(i), counts_[i]});
  }
  return buckets;
}

std::string Histogram::Encode() const {
  std::string counts;
  std::size_t end = counts_.size();
  while (end > 0 && counts_[end - 1] == 0) --end;
  for (std::size_t i = 0; i < end;) {
    if (counts_[i] > 0) {
      PutZigZag(counts, static_cast<std::int64_t>(counts_[i++]));
      continue;
    }
    std::int64_t zeros = 0;
    for (; i < end && counts_[i] == 0; ++i) ++zeros;
    PutZigZag(counts, zeros == 1 ? 0 : -zeros);
  }
  std::string plain;
  PutBig(plain, kPlainCookie, 4);
  PutBig(plain, counts.size(), 4);
  PutBig(plain, 0, 4);  // normalising index offset
  PutBig(plain, static_cast<std::uint64_t>(options_.significant_digits), 4);
  PutBig(plain, options_.lowest, 8);
  PutBig(plain, options_.highest, 8);
  PutBig(plain, std::bit_cast<std::uint64_t>(1.0), 8);  // integer to double conversion ratio
  plain += counts;

  uLongf size = compressBound(static_cast<uLong>(plain.size()));
  std::string compressed(size, '\0');
  PREFIXMESH_CHECK(compress2(reinterpret_cast<Bytef*>(compressed.data()), &size,
                             reinterpret_cast<const Bytef*>(plain.data()), static_cast<uLong>(plain.size()),
                             Z_DEFAULT_COMPRESSION) == Z_OK);
  compressed.resize(size);
  std::string out;
  PutBig(out, kCompressedCookie, 4);
  PutBig(out, compressed.size(), 4);
  return Base64Encode(out + compressed);
}

Result<Histogram> Histogram::Decode(std::string_view base64) {
  const Result<std::string> bytes = Base64Decode(base64);
  if (!bytes.ok()) return bytes.error();
  const std::string_view outer = *bytes;
  if (outer.size() < 8 || GetBig(outer, 0, 4) != kCompressedCookie) return Corrupt("not a compressed V2 histogram");
  if (GetBig(outer, 4, 4) != outer.size() - 8) return Corrupt("wrong compressed length");
  std::string plain;
  if (!Inflate(outer.substr(8), plain)) return Corrupt("does not decompress");
  if (plain.size() < kHeaderBytes || GetBig(plain, 0, 4) != kPlainCookie) return Corrupt("not a V2 histogram");
  if (GetBig(plain, 4, 4) != plain.size() - kHeaderBytes) return Corrupt("wrong payload length");
  HistogramOptions options;
  const std::uint64_t digits = GetBig(plain, 12, 4);
  options.lowest = GetBig(plain, 16, 8);
  options.highest = GetBig(plain, 24, 8);
  if (digits < 1 || digits > 5 || options.lowest < 1 || options.lowest > (std::uint64_t{1} << 40) ||
      options.highest > INT64_MAX || options.highest / 2 < options.lowest) {
    return Corrupt("impossible range or precision");
  }
  options.significant_digits = static_cast<int>(digits);
  Histogram histogram(options);
  std::size_t index = 0;
  for (std::size_t at = kHeaderBytes; at < plain.size();) {
    std::int64_t value = 0;
    if (!GetZigZag(plain, at, value)) return Corrupt("cut short");
    const std::uint64_t skip = value > 0 ? 1 : value == 0 ? 1 : 0 - static_cast<std::uint64_t>(value);
    if (skip > histogram.counts_.size() - index) return Corrupt("more counts than buckets");
    if (value > 0) {
      const auto times = static_cast<std::uint64_t>(value);
      if (times > UINT64_MAX - histogram.count_) return Corrupt("counts overflow");
      histogram.counts_[index] = times;
      if (histogram.count_ == 0) histogram.min_ = histogram.LowOf(index);
      histogram.max_ = std::min(histogram.HighOf(index), options.highest);
      histogram.count_ += times;
    }
    index += static_cast<std::size_t>(skip);
  }
  return histogram;
}

}  // namespace prefixmesh::load
