// Goal: a trace gives equal bytes for equal hash ids and nothing else in common; whatever is malformed names its line.
#include "loadgen/prompts/mooncake.h"

#include "loadgen/prompts/prompts.h"
#include "tests/support/properties.h"

namespace prefixmesh::load {
namespace {

constexpr double kAll = 1e12;

// Of the project's own making, in the public format.
constexpr char kTrace[] =
    R"({"timestamp": 0, "input_length": 1100, "output_length": 5, "hash_ids": [900, 901, 902]}
{"timestamp": 0, "input_length": 1536, "output_length": 5, "hash_ids": [900, 901, 77]}

{"timestamp": 3000, "input_length": 0, "output_length": 5, "hash_ids": []}
{"timestamp": 6000, "input_length": 100, "output_length": 5, "hash_ids": [18446744073709551615]}
)";

std::vector<std::string> Prompts(const MooncakeTrace& trace) {
  const Corpus corpus(Kind::kText);
  const auto generator = MakeTrace(trace, corpus);
  std::vector<std::string> prompts;
  for (std::size_t i = 0; i < trace.requests.size(); ++i) {
    std::vector<Slice> slices;
    generator->Next(slices);
    prompts.emplace_back();
    for (const Slice& slice : slices) prompts.back() += AsText(corpus.At(slice));
  }
  return prompts;
}

TEST_CASE("Mooncake: 2,048 bytes a hash id, the last one cut to the input's length") {
  const Result<MooncakeTrace> trace = ParseMooncake(kTrace, "t.jsonl", {kAll});
  REQUIRE(trace.ok());
  REQUIRE(trace->requests.size() == 4);
  REQUIRE(trace->distinct_blocks == 5);
  const std::vector<std::string> prompts = Prompts(*trace);
  REQUIRE(prompts[0].size() == 4400);
  REQUIRE(prompts[1].size() == 6144);
  REQUIRE(prompts[2].empty());
  REQUIRE(prompts[3].size() == 400);
  REQUIRE(prompts[0].substr(0, 4096) == prompts[1].substr(0, 4096));
  REQUIRE(prompts[0].substr(4096, 256) != prompts[1].substr(4096, 256));
  REQUIRE(trace->sha256.size() == 64);
}

TEST_CASE("Mooncake: blocks of 16 tokens are 64 bytes, and share what their ids share") {
  const std::string lines = R"({"timestamp": 0, "input_length": 48, "hash_ids": [0, 1, 1000]}
{"timestamp": 1, "input_length": 40, "hash_ids": [0, 1, 1001]})";
  const Result<MooncakeTrace> trace = ParseMooncake(lines, "t.jsonl", {.span_ms = kAll, .block_tokens = 16});
  REQUIRE(trace.ok());
  const std::vector<std::string> prompts = Prompts(*trace);
  REQUIRE(prompts[0].size() == 192);
  REQUIRE(prompts[1].size() == 160);
  REQUIRE(prompts[0].substr(0, 128) == prompts[1].substr(0, 128));
  REQUIRE(prompts[0].substr(128, 32) != prompts[1].substr(128, 32));
  REQUIRE_FALSE(ParseMooncake(lines, "t.jsonl", {kAll}).ok());
}

TEST_CASE("Mooncake: a family is a first block, whatever blocks lie between") {
  const Result<MooncakeTrace> trace = ParseMooncake(kTrace, "t.jsonl", {kAll});
  const Corpus corpus(Kind::kText);
  const auto generator = MakeTrace(*trace, corpus);
  std::vector<std::uint32_t> families;
  std::vector<Slice> slices;
  for (std::size_t i = 0; i < trace->requests.size(); ++i) families.push_back(generator->Next(slices));
  REQUIRE(families == std::vector<std::uint32_t>{0, 0, kNoFamily, 1});
}

TEST_CASE("Mooncake: reading stops at the end of the span, and says whether the trace had ended") {
  REQUIRE(ParseMooncake(kTrace, "t.jsonl", {kAll})->ended);
  REQUIRE_FALSE(ParseMooncake(kTrace, "t.jsonl", {6000})->ended);
  REQUIRE(ParseMooncake(kTrace, "t.jsonl", {6000})->requests.size() == 3);
  REQUIRE(ParseMooncake(kTrace, "t.jsonl", {1})->requests.size() == 2);
}

TEST_CASE("Mooncake: a malformed line is named with its file and number") {
  const auto message = [](const std::string& line) {
    const std::string text = R"({"timestamp": 10, "input_length": 1, "hash_ids": [1]})"
                             "\n" +
                             line + "\n";
    const Result<MooncakeTrace> trace = ParseMooncake(text, "t.jsonl", {kAll});
    return trace.ok() ? std::string("accepted") : trace.error().message;
  };
  const std::string form =
      R"(; a line is {"timestamp": ms, "input_length": tokens, "output_length": tokens, "hash_ids": [one per block]})";
  REQUIRE(message("nonsense") == "t.jsonl:2: not a JSON object" + form);
  REQUIRE(message("[]") == "t.jsonl:2: not a JSON object" + form);
  REQUIRE(message(R"({"input_length": 1, "hash_ids": [1]})") == "t.jsonl:2: timestamp is missing" + form);
  REQUIRE(message(R"({"timestamp": 11, "hash_ids": [1]})") == "t.jsonl:2: input_length is missing" + form);
  REQUIRE(message(R"({"timestamp": 11, "input_length": 1})") == "t.jsonl:2: hash_ids is missing" + form);
  for (const char* timestamp : {"1.5", "-1", "\"11\"", "null", "9007199254740993"})
    REQUIRE(message(std::string(R"({"input_length": 1, "hash_ids": [1], "timestamp": )") + timestamp + "}") ==
            "t.jsonl:2: timestamp must be a whole number from 0 to 9007199254740992, in milliseconds");
  REQUIRE(message(R"({"timestamp": 9, "input_length": 1, "hash_ids": [1]})") ==
          "t.jsonl:2: timestamp is before the line before");
  REQUIRE(message(R"({"timestamp": 11, "input_length": -1, "hash_ids": [1]})") ==
          "t.jsonl:2: input_length must be a whole number from 0 to 2097152, in tokens");
  REQUIRE(message(R"({"timestamp": 11, "input_length": 99999999999999999999, "hash_ids": [1]})") ==
          "t.jsonl:2: input_length must be a whole number from 0 to 2097152, in tokens");
  REQUIRE(message(R"({"timestamp": 11, "input_length": 513, "hash_ids": [1]})") ==
          "t.jsonl:2: hash_ids has 1 ids, input_length 513 has 2 blocks of 512 tokens (trace.block_tokens)");
  REQUIRE(message(R"({"timestamp": 11, "input_length": 512, "hash_ids": [1, 2]})") ==
          "t.jsonl:2: hash_ids has 2 ids, input_length 512 has 1 blocks of 512 tokens (trace.block_tokens)");
  REQUIRE(message(R"({"timestamp": 11, "input_length": 0, "hash_ids": [1]})") ==
          "t.jsonl:2: hash_ids has 1 ids, input_length 0 has 0 blocks of 512 tokens (trace.block_tokens)");
  // As 64 bits -1 would be the block 2^64-1.
  REQUIRE(message(R"({"timestamp": 11, "input_length": 1, "hash_ids": [-1]})") ==
          "t.jsonl:2: hash_ids must be a list of whole numbers from 0");
  REQUIRE(message(R"({"timestamp": 11, "input_length": 1, "hash_ids": ["a"]})") ==
          "t.jsonl:2: hash_ids must be a list of whole numbers from 0");
  REQUIRE(message(R"({"timestamp": 11, "input_length": 1, "hash_ids": 3})") ==
          "t.jsonl:2: hash_ids must be a list of whole numbers from 0");
  REQUIRE(message(std::string(kTraceLineBytesMax + 1, 'x')) == "t.jsonl:2: a line has at most 1 MiB");
  REQUIRE(ParseMooncake("\n\n", "t.jsonl", {kAll}).error().message == "t.jsonl:2: no request in the trace");
}

TEST_CASE("Mooncake: a file that is not there, a folder and an empty file are named") {
  REQUIRE(ReadMooncake("/nonexistent.jsonl", {kAll}).error().message ==
          "trace.path: /nonexistent.jsonl: No such file or directory");
  REQUIRE(ReadMooncake("/tmp", {kAll}).error().message == "trace.path: /tmp is not a regular file");
}

TEST_CASE("Mooncake: the example that comes with the repository is a trace of a minute") {
  const Result<MooncakeTrace> trace = ReadMooncake("loadgen/traces/example.jsonl", {60'000});
  REQUIRE(trace.ok());
  REQUIRE(trace->requests.size() == 160);
  REQUIRE(trace->requests.back().timestamp_ms > 55'000);
  REQUIRE(trace->distinct_blocks < trace->blocks.size() / 2);  // conversations go on
}

TEST_CASE("Mooncake: any text is read or refused") {
  test::ForAll("any text", [](const std::string& text) { (void)ParseMooncake(text, "t", {kAll}); });
}

TEST_CASE("Mooncake: prompts share exactly as many bytes as their ids say") {
  test::ForAll("any ids", [](const std::vector<std::vector<std::uint8_t>>& requests) {
    std::string text;
    for (const auto& ids : requests) {
      if (ids.empty()) continue;
      text += R"({"timestamp": 0, "input_length": )" + std::to_string(ids.size() * 512) + R"(, "hash_ids": [)";
      for (std::size_t i = 0; i < ids.size(); ++i) text += (i > 0 ? "," : "") + std::to_string(ids[i] % 3);
      text += "]}\n";
    }
    RC_PRE(!text.empty());
    const Result<MooncakeTrace> trace = ParseMooncake(text, "t", {kAll});
    RC_ASSERT(trace.ok());
    const std::vector<std::string> prompts = Prompts(*trace);
    for (std::size_t a = 0; a < prompts.size(); ++a) {
      for (std::size_t b = a + 1; b < prompts.size(); ++b) {
        const TraceRequest &left = trace->requests[a], &right = trace->requests[b];
        std::uint32_t same = 0;
        while (same < left.blocks && same < right.blocks &&
               trace->blocks[left.first_block + same] == trace->blocks[right.first_block + same]) {
          ++same;
        }
        RC_ASSERT(prompts[a].substr(0, same * 2048) == prompts[b].substr(0, same * 2048));
        if (same < left.blocks && same < right.blocks) {
          RC_ASSERT(prompts[a].substr(same * 2048, 256) != prompts[b].substr(same * 2048, 256));
        }
      }
    }
  });
}

}  // namespace
}  // namespace prefixmesh::load
