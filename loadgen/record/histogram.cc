#include "loadgen/record/histogram.h"

#include <zlib.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <optional>

#include "impl/base/check.h"
#include "loadgen/record/base64.h"

namespace prefixmesh::load {
namespace {

// "V2" cookies; the 0x10 says that counts are variable-length integers.
constexpr std::uint32_t kPlainCookie = 0x1c849303 | 0x10;
constexpr std::uint32_t kCompressedCookie = 0x1c849304 | 0x10;
constexpr std::size_t kHeaderBytes = 40;

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

Error Corrupt(const char* what) { return {ErrorCode::kCorrupt, std::string("histogram: ") + what}; }

// What a zlib stream holds, read as it is inflated: a chunk of it at a time is in memory, whatever it claims to become.
class Inflated {
 public:
  explicit Inflated(std::string_view compressed) {
    ok_ = inflateInit(&stream_) == Z_OK;
    ready_ = ok_;
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(compressed.data()));
    stream_.avail_in = static_cast<uInt>(compressed.size());
  }
  ~Inflated() {
    if (ready_) inflateEnd(&stream_);
  }
  Inflated(const Inflated&) = delete;
  Inflated& operator=(const Inflated&) = delete;

  bool ok() const { return ok_; }
  // Bytes taken so far.
  std::uint64_t taken() const { return taken_; }
  // Nothing was wrong and nothing is left.
  bool AtEnd() { return ok_ && !Fill() && ok_; }

  std::uint8_t Byte() {
    if (!ok_ || !Fill()) {
      ok_ = false;
      return 0;
    }
    ++taken_;
    return static_cast<std::uint8_t>(chunk_[at_++]);
  }
  std::uint64_t Big(int bytes) {
    std::uint64_t value = 0;
    for (int i = 0; i < bytes; ++i) value = value << 8 | Byte();
    return value;
  }
  // ZigZag, as PutZigZag writes it.
  std::int64_t ZigZag() {
    std::uint64_t bits = 0;
    for (unsigned i = 0; i < 9; ++i) {
      const std::uint8_t byte = Byte();
      bits |= static_cast<std::uint64_t>(i == 8 ? byte : byte & 0x7f) << (7 * i);
      if ((byte & 0x80) == 0) break;
    }
    return static_cast<std::int64_t>(bits >> 1) ^ -static_cast<std::int64_t>(bits & 1);
  }

 private:
  // True when a byte is there. False at the end of the stream, and for one that is broken, which is not ok.
  bool Fill() {
    if (at_ < size_) return true;
    at_ = size_ = 0;
    while (ok_ && !ended_ && size_ == 0) {
      stream_.next_out = reinterpret_cast<Bytef*>(chunk_);
      stream_.avail_out = sizeof chunk_;
      const int state = inflate(&stream_, Z_NO_FLUSH);
      size_ = sizeof chunk_ - stream_.avail_out;
      ended_ = state == Z_STREAM_END;
      ok_ = ended_ || state == Z_OK;
    }
    return size_ > 0;
  }

  z_stream stream_{};
  char chunk_[16384];
  std::size_t at_ = 0, size_ = 0;
  std::uint64_t taken_ = 0;
  bool ready_ = false, ok_ = false, ended_ = false;
};

}  // namespace

std::optional<Histogram::Layout> Histogram::LayoutOf(const HistogramOptions& options) {
  if (options.lowest < 1 || options.highest > INT64_MAX || options.highest / 2 < options.lowest) return std::nullopt;
  if (options.significant_digits < 1 || options.significant_digits > 5) return std::nullopt;
  const auto largest_by_one = static_cast<std::uint64_t>(2 * std::pow(10, options.significant_digits));
  const unsigned sub_bucket_magnitude = static_cast<unsigned>(std::bit_width(largest_by_one - 1));
  Layout layout;
  layout.sub_bucket_half_magnitude = sub_bucket_magnitude - 1;
  layout.unit_magnitude = static_cast<unsigned>(std::bit_width(options.lowest)) - 1;
  if (layout.unit_magnitude + sub_bucket_magnitude > 62) return std::nullopt;
  std::size_t buckets = 1;
  std::uint64_t untracked = std::uint64_t{1} << (sub_bucket_magnitude + layout.unit_magnitude);
  for (; untracked <= options.highest; untracked <<= 1) ++buckets;
  layout.counts = (buckets + 1) << layout.sub_bucket_half_magnitude;
  if (layout.counts * sizeof(std::uint64_t) > kBytesMax) return std::nullopt;
  return layout;
}

Histogram::Histogram(const HistogramOptions& options) : options_(options) {
  const std::optional<Layout> layout = LayoutOf(options);
  PREFIXMESH_CHECK(layout.has_value());
  sub_bucket_half_magnitude_ = layout->sub_bucket_half_magnitude;
  unit_magnitude_ = layout->unit_magnitude;
  sub_bucket_mask_ = ((std::uint64_t{2} << sub_bucket_half_magnitude_) - 1) << unit_magnitude_;
  counts_.resize(layout->counts);
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
  Inflated plain(outer.substr(8));
  const std::uint64_t cookie = plain.Big(4), payload_bytes = plain.Big(4);
  plain.Big(4);  // normalising index offset
  HistogramOptions options;
  const std::uint64_t digits = plain.Big(4);
  options.lowest = plain.Big(8);
  options.highest = plain.Big(8);
  plain.Big(8);  // integer to double conversion ratio
  if (!plain.ok() || cookie != kPlainCookie) return Corrupt("not a V2 histogram");
  options.significant_digits = static_cast<int>(std::min<std::uint64_t>(digits, 6));
  if (!LayoutOf(options).has_value()) return Corrupt("impossible range or precision, or above 1 MiB");
  Histogram histogram(options);
  std::size_t index = 0;
  while (!plain.AtEnd()) {
    const std::int64_t value = plain.ZigZag();
    if (!plain.ok()) return Corrupt("cut short");
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
  if (plain.taken() != kHeaderBytes + payload_bytes) return Corrupt("wrong payload length");
  return histogram;
}

}  // namespace prefixmesh::load
