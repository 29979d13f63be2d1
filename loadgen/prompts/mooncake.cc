#include "loadgen/prompts/mooncake.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <numeric>
#include <unordered_map>

#include "impl/base/nesting.h"
#include "loadgen/prompts/corpus.h"
#include "loadgen/prompts/prompts.h"
#include "loadgen/prompts/trace_csv.h"
#include "loadgen/settings/sha256.h"

namespace prefixmesh::load {
namespace {

// Not above 2^53: JSON readers elsewhere would lose bits, and a timestamp never comes near.
constexpr std::int64_t kTimestampMax = std::int64_t{1} << 53;

constexpr char kForm[] =
    R"(; a line is {"timestamp": ms, "input_length": tokens, "output_length": tokens, "hash_ids": [one per block]})";

// What is wrong with the field, or nothing.
std::string ReadWhole(const nlohmann::json& line, const char* name, std::int64_t high, const char* unit,
                      std::int64_t& out) {
  const auto found = line.find(name);
  if (found == line.end()) return std::string(name) + " is missing" + kForm;
  const bool fits = found->is_number_unsigned() && found->get<std::uint64_t>() <= static_cast<std::uint64_t>(high);
  if (!fits) return std::string(name) + " must be a whole number from 0 to " + std::to_string(high) + ", in " + unit;
  out = found->get<std::int64_t>();
  return "";
}

}  // namespace

Result<MooncakeTrace> ParseMooncake(std::string_view text, std::string_view file, const MooncakeOptions& options) {
  MooncakeTrace trace;
  trace.block_tokens = options.block_tokens;
  trace.sha256 = Sha256Hex(AsBytes(text));
  std::unordered_map<std::uint64_t, std::uint32_t> numbers;  // looked up only, never iterated
  std::size_t line_number = 0;
  const auto at = [&](std::string what) {
    return Error{ErrorCode::kInvalid, std::string(file) + ":" + std::to_string(line_number) + ": " + std::move(what)};
  };
  while (!text.empty()) {
    ++line_number;
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    if (line.size() > kTraceLineBytesMax) return at("a line has at most 1 MiB");
    if (Status nesting = CheckNesting(line); !nesting.ok()) return at(nesting.error().message);
    const nlohmann::json json = nlohmann::json::parse(line, nullptr, false);
    if (!json.is_object()) return at(std::string("not a JSON object") + kForm);
    std::int64_t timestamp = 0, input = 0;
    if (std::string wrong = ReadWhole(json, "timestamp", kTimestampMax, "milliseconds", timestamp); !wrong.empty())
      return at(wrong);
    if (std::string wrong = ReadWhole(json, "input_length", kTraceInputTokensMax, "tokens", input); !wrong.empty())
      return at(wrong);
    if (!trace.requests.empty() && timestamp < trace.requests.back().timestamp_ms) {
      return at("timestamp is before the line before");
    }
    const auto ids = json.find("hash_ids");
    if (ids == json.end()) return at(std::string("hash_ids is missing") + kForm);
    if (!ids->is_array()) return at("hash_ids must be a list of whole numbers from 0");
    const std::uint64_t needed = (static_cast<std::uint64_t>(input) + options.block_tokens - 1) / options.block_tokens;
    if (ids->size() != needed) {
      return at("hash_ids has " + std::to_string(ids->size()) + " ids, input_length " + std::to_string(input) +
                " has " + std::to_string(needed) + " blocks of " + std::to_string(options.block_tokens) +
                " tokens (trace.block_tokens)");
    }
    if (!trace.requests.empty() &&
        static_cast<double>(timestamp - trace.requests.front().timestamp_ms) >= options.span_ms) {
      trace.ended = false;
      break;
    }
    if (trace.requests.size() == kTraceRequestsMax) return at("more than 10,000,000 requests");
    TraceRequest request{.timestamp_ms = timestamp,
                         .prompt_bytes = static_cast<std::uint32_t>(static_cast<std::uint64_t>(input) * kBytesPerToken),
                         .first_block = static_cast<std::uint32_t>(trace.blocks.size()),
                         .blocks = static_cast<std::uint32_t>(needed)};
    for (std::size_t i = 0; i < needed; ++i) {
      const nlohmann::json& id = (*ids)[i];
      if (!id.is_number_unsigned()) return at("hash_ids must be a list of whole numbers from 0");
      const auto key = id.get<std::uint64_t>();
      trace.blocks.push_back(numbers.try_emplace(key, static_cast<std::uint32_t>(numbers.size())).first->second);
    }
    trace.requests.push_back(request);
  }
  if (trace.requests.empty()) return at("no request in the trace");
  trace.distinct_blocks = static_cast<std::uint32_t>(numbers.size());
  if (trace.distinct_blocks > kCorpusTextBytes / 2) return at("more than 4,194,304 distinct hash ids");
  return trace;
}

Result<MooncakeTrace> ReadMooncake(const std::string& path, const MooncakeOptions& options) {
  const auto failed = [&] { return Error{ErrorCode::kNotFound, "trace.path: " + path + ": " + std::strerror(errno)}; };
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);  // a pipe would wait
  if (file < 0) return failed();
  struct stat status {};
  if (fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) {
    close(file);
    return Error{ErrorCode::kInvalid, "trace.path: " + path + " is not a regular file"};
  }
  if (status.st_size == 0) {
    close(file);
    return Error{ErrorCode::kInvalid, path + ":1: no request in the trace"};
  }
  const auto bytes = static_cast<std::size_t>(status.st_size);
  void* mapped = mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE, file, 0);  // given back before the load starts
  close(file);
  if (mapped == MAP_FAILED) return failed();
  const std::string_view text(static_cast<const char*>(mapped), bytes);
  Result<MooncakeTrace> trace =
      IsTraceCsv(text) ? ParseTraceCsv(text, path, options) : ParseMooncake(text, path, options);
  munmap(mapped, bytes);
  return trace;
}

namespace {

class Trace final : public PromptGenerator {
 public:
  Trace(const MooncakeTrace& trace, const Corpus& corpus)
      : trace_(trace), family_of_block_(trace.distinct_blocks, kNoFamily) {
    PREFIXMESH_CHECK(corpus.kind() == Kind::kText && trace.distinct_blocks < kPlaces);
    PREFIXMESH_CHECK(trace.block_tokens <= kTraceBlockTokensMax);
  }

  std::uint32_t Next(std::vector<Slice>& out) override {
    const TraceRequest& request = trace_.requests[next_++];
    std::uint32_t left = request.prompt_bytes;
    for (std::uint32_t i = 0; i < request.blocks; ++i) {
      const auto take = static_cast<std::uint32_t>(std::min<std::uint64_t>(left, trace_.block_tokens * kBytesPerToken));
      out.push_back({PlaceOf(trace_.blocks[request.first_block + i]), take});
      left -= take;
    }
    if (request.blocks == 0) return kNoFamily;
    std::uint32_t& family = family_of_block_[trace_.blocks[request.first_block]];
    if (family == kNoFamily) family = families_++;
    return family;
  }

 private:
  // Every block number gets a place of its own: a stride without a common factor with the count of places visits each
  // place once. (Rejected: a random place per id; 180,000 ids would share some 2,000 of them.)
  static constexpr std::uint64_t kPlaces = kCorpusTextBytes - kTraceBlockTokensMax * kBytesPerToken - 1;
  static constexpr std::uint64_t kStride = 6700417;
  static_assert(std::gcd(kPlaces, kStride) == 1);
  static std::uint32_t PlaceOf(std::uint64_t block) { return static_cast<std::uint32_t>(block * kStride % kPlaces); }

  const MooncakeTrace& trace_;
  std::vector<std::uint32_t> family_of_block_;  // of those that are a prompt's first
  std::uint32_t families_ = 0;
  std::size_t next_ = 0;
};

}  // namespace

std::unique_ptr<PromptGenerator> MakeTrace(const MooncakeTrace& trace, const Corpus& corpus) {
  return std::make_unique<Trace>(trace, corpus);
}

}  // namespace prefixmesh::load
