#include "loadgen/prompts/trace_csv.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "loadgen/prompts/corpus.h"
#include "loadgen/settings/sha256.h"

namespace prefixmesh::load {
namespace {

constexpr std::string_view kTimes[] = {"timestamp"};
constexpr std::string_view kTokens[] = {"contexttokens", "request tokens"};
constexpr double kSecondsMax = 1e12;

std::string_view TakeLine(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

std::vector<std::string_view> Fields(std::string_view line) {
  std::vector<std::string_view> fields;
  for (std::size_t from = 0; from <= line.size();) {
    const std::size_t comma = std::min(line.find(',', from), line.size());
    fields.push_back(line.substr(from, comma - from));
    from = comma + 1;
  }
  return fields;
}

struct Columns {
  std::size_t time = 0, tokens = 0, count = 0;
};

std::optional<Columns> ColumnsOf(std::string_view header) {
  if (header.size() > kTraceLineBytesMax) return std::nullopt;
  const std::vector<std::string_view> fields = Fields(header);
  const auto find = [&](const auto& names) -> std::optional<std::size_t> {
    for (std::size_t i = 0; i < fields.size(); ++i) {
      std::string lower(fields[i]);
      std::transform(lower.begin(), lower.end(), lower.begin(),
                     [](char c) { return 'A' <= c && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
      if (std::find(std::begin(names), std::end(names), lower) != std::end(names)) return i;
    }
    return std::nullopt;
  };
  const auto time = find(kTimes), tokens = find(kTokens);
  if (!time || !tokens) return std::nullopt;
  return Columns{*time, *tokens, fields.size()};
}

template <typename Number>
bool Take(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return !text.empty() && error == std::errc() && end == text.data() + text.size();
}

// "17.5", or "2023-11-16 18:17:03.9799600" with "+00:00" or "Z" behind it or not.
std::optional<double> SecondsOf(std::string_view text) {
  double seconds = 0;
  if (Take(text, seconds)) {
    return std::isfinite(seconds) && seconds >= 0 && seconds <= kSecondsMax ? std::optional(seconds) : std::nullopt;
  }
  for (const std::string_view utc : {"+00:00", "Z"})
    if (text.ends_with(utc)) text.remove_suffix(utc.size());
  if (text.size() < 19 || text[4] != '-' || text[7] != '-' || (text[10] != ' ' && text[10] != 'T') || text[13] != ':' ||
      text[16] != ':')
    return std::nullopt;
  unsigned year = 0, month = 0, day = 0, hour = 0, minute = 0;
  if (!Take(text.substr(0, 4), year) || !Take(text.substr(5, 2), month) || !Take(text.substr(8, 2), day) ||
      !Take(text.substr(11, 2), hour) || !Take(text.substr(14, 2), minute) || !Take(text.substr(17), seconds))
    return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(year)), std::chrono::month(month),
                                         std::chrono::day(day)};
  if (!date.ok() || hour > 23 || minute > 59 || !(seconds >= 0 && seconds < 61)) return std::nullopt;
  const auto days = static_cast<double>(std::chrono::sys_days(date).time_since_epoch().count());
  return ((days * 24 + hour) * 60 + minute) * 60 + seconds;
}

}  // namespace

bool IsTraceCsv(std::string_view text) { return ColumnsOf(TakeLine(text)).has_value(); }

Result<MooncakeTrace> ParseTraceCsv(std::string_view text, std::string_view file, const MooncakeOptions& options) {
  MooncakeTrace trace;
  trace.sha256 = Sha256Hex(AsBytes(text));
  trace.block_tokens = options.block_tokens;
  std::size_t line_number = 1;
  const auto at = [&](std::string what) {
    return Error{ErrorCode::kInvalid, std::string(file) + ":" + std::to_string(line_number) + ": " + std::move(what)};
  };
  const std::optional<Columns> columns = ColumnsOf(TakeLine(text));
  if (!columns) return at("no line of names with a timestamp and prompt tokens");
  while (!text.empty()) {
    ++line_number;
    const std::string_view line = TakeLine(text);
    if (line.find_first_not_of(" \t") == std::string_view::npos) continue;
    if (line.size() > kTraceLineBytesMax) return at("a line has at most 1 MiB");
    const std::vector<std::string_view> fields = Fields(line);
    if (fields.size() != columns->count)
      return at(std::to_string(fields.size()) + " fields, the first line names " + std::to_string(columns->count));
    const std::optional<double> seconds = SecondsOf(fields[columns->time]);
    if (!seconds) return at("the timestamp must be seconds, or a date like 2023-11-16 18:17:03.98");
    std::uint64_t tokens = 0;
    if (!Take(fields[columns->tokens], tokens) || tokens > kTraceInputTokensMax)
      return at("prompt tokens must be a whole number from 0 to " + std::to_string(kTraceInputTokensMax));
    const auto timestamp_ms = static_cast<std::int64_t>(*seconds * 1e3);
    if (!trace.requests.empty()) {
      if (timestamp_ms < trace.requests.back().timestamp_ms) return at("the timestamp is before the line before");
      if (static_cast<double>(timestamp_ms - trace.requests.front().timestamp_ms) >= options.span_ms) {
        trace.ended = false;
        break;
      }
    }
    if (trace.requests.size() == kTraceRequestsMax) return at("more than 10,000,000 requests");
    const std::uint64_t blocks = (tokens + options.block_tokens - 1) / options.block_tokens;
    if (trace.blocks.size() + blocks > kCorpusTextBytes / 2) return at("more than 4,194,304 blocks");
    trace.requests.push_back({.timestamp_ms = timestamp_ms,
                              .prompt_bytes = static_cast<std::uint32_t>(tokens * kBytesPerToken),
                              .first_block = static_cast<std::uint32_t>(trace.blocks.size()),
                              .blocks = static_cast<std::uint32_t>(blocks)});
    for (std::uint64_t i = 0; i < blocks; ++i) trace.blocks.push_back(static_cast<std::uint32_t>(trace.blocks.size()));
  }
  if (trace.requests.empty()) return at("no request in the trace");
  trace.distinct_blocks = static_cast<std::uint32_t>(trace.blocks.size());
  return trace;
}

}  // namespace prefixmesh::load
