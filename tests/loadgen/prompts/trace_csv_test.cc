// Goal: a CSV trace gives its arrivals and sizes and shares nothing; whatever is malformed names its line.
#include "loadgen/prompts/trace_csv.h"

#include <set>

#include "tests/support/properties.h"

namespace prefixmesh::load {
namespace {

constexpr double kWholeTrace = 1e12;

constexpr char kAzure[] =
    "TIMESTAMP,ContextTokens,GeneratedTokens\r\n"
    "2023-11-16 18:17:03.9799600,4808,10\r\n"
    "2023-11-16 18:17:04.0319600,3180,8\r\n"
    "2023-11-17 00:00:00.0000000+00:00,0,27\r\n";
constexpr char kBurstGpt[] =
    "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
    "5,ChatGPT,472,18,490,Conversation log\n"
    "45.5,GPT-4,1087,230,1317,Conversation log\n";

TEST_CASE("TraceCsv: arrivals and sizes of Azure's traces and of BurstGPT") {
  REQUIRE(IsTraceCsv(kAzure));
  const Result<MooncakeTrace> azure = ParseTraceCsv(kAzure, "a.csv", {kWholeTrace});
  REQUIRE(azure.ok());
  REQUIRE(azure->requests.size() == 3);
  REQUIRE(azure->requests[0].prompt_bytes == 4808 * 4);
  REQUIRE(azure->requests[0].blocks == 10);
  REQUIRE(azure->requests[1].timestamp_ms - azure->requests[0].timestamp_ms == 52);
  REQUIRE(azure->requests[2].timestamp_ms - azure->requests[0].timestamp_ms == ((5 * 60 + 42) * 60 + 56) * 1000 + 21);
  REQUIRE(azure->requests[2].blocks == 0);
  REQUIRE(azure->ended);
  REQUIRE(IsTraceCsv(kBurstGpt));
  const Result<MooncakeTrace> burst = ParseTraceCsv(kBurstGpt, "b.csv", {.span_ms = 40'000, .block_tokens = 16});
  REQUIRE(burst.ok());
  REQUIRE(burst->requests.size() == 1);
  REQUIRE(burst->requests[0].timestamp_ms == 5000);
  REQUIRE(burst->requests[0].blocks == 30);
  REQUIRE_FALSE(burst->ended);
}

TEST_CASE("TraceCsv: no block is another's") {
  const Result<MooncakeTrace> trace = ParseTraceCsv(kBurstGpt, "b.csv", {kWholeTrace});
  REQUIRE(std::set<std::uint32_t>(trace->blocks.begin(), trace->blocks.end()).size() == trace->blocks.size());
  REQUIRE(trace->distinct_blocks == 1 + 3);
}

TEST_CASE("TraceCsv: what is no such table, and lines that do not fit it") {
  for (const char* other : {"", "{\"timestamp\": 0}", "timestamp\n1\n", "time,tokens\n1,2\n", "ContextTokens\n"})
    REQUIRE_FALSE(IsTraceCsv(other));
  const auto message = [](const std::string& line) {
    const Result<MooncakeTrace> trace =
        ParseTraceCsv("TIMESTAMP,ContextTokens\n5,1\n" + line + "\n", "t.csv", {kWholeTrace});
    return trace.ok() ? std::string("accepted") : trace.error().message;
  };
  REQUIRE(message("6") == "t.csv:3: 1 fields, the first line names 2");
  REQUIRE(message("6,1,1") == "t.csv:3: 3 fields, the first line names 2");
  for (const char* time : {"", "soon", "-1", "nan", "inf", "1e300", "2023-13-01 00:00:00", "2023-02-30 00:00:00",
                           "2023-01-01 24:00:00", "2023-01-01 00:00:99", "2023-01-01 00:00", "2023-01-01 00:00:-1"})
    REQUIRE(message(std::string(time) + ",1") ==
            "t.csv:3: the timestamp must be seconds, or a date like 2023-11-16 18:17:03.98");
  for (const char* tokens : {"", "-1", "1.5", "many", "2097153", "99999999999999999999"})
    REQUIRE(message(std::string("6,") + tokens) == "t.csv:3: prompt tokens must be a whole number from 0 to 2097152");
  REQUIRE(message("4,1") == "t.csv:3: the timestamp is before the line before");
  REQUIRE(message("") == "accepted");
  REQUIRE(ParseTraceCsv("TIMESTAMP,ContextTokens\n", "t.csv", {kWholeTrace}).error().message ==
          "t.csv:1: no request in the trace");
}

TEST_CASE("TraceCsv: any text is read or refused") {
  test::ForAll("any text", [](const std::string& text) {
    (void)IsTraceCsv(text);
    (void)ParseTraceCsv("TIMESTAMP,ContextTokens\n" + text, "t", {kWholeTrace});
  });
}

}  // namespace
}  // namespace prefixmesh::load
