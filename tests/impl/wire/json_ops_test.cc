// Goal: the JSON of the first generation comes back as it went, costs what the original's did, and nothing else is
// read.
#include "impl/wire/json_ops.h"

#include "impl/base/prng.h"
#include "tests/support/properties.h"

namespace prefixmesh::generations {
namespace {

TreeState DrawState(Prng& prng) {
  const auto bytes = [&prng] {
    std::string text;
    for (std::uint64_t i = prng.Below(30); i > 0; --i) text.push_back(static_cast<char>(prng.Below(256)));
    return text;
  };
  TreeState state{bytes(), {}, prng.Next()};
  for (std::uint64_t i = prng.Below(5); i > 0; --i) {
    TreeOperation operation{.prompt = bytes(), .tenant = bytes()};
    if (prng.Below(3) == 0) operation = {.type = TreeOperation::Type::kRemove, .prompt = {}, .tenant = bytes()};
    if (prng.Below(3) == 0) operation = {.kind = Kind::kTokens, .prompt = std::string(16, '\xff'), .tenant = bytes()};
    state.operations.push_back(operation);
  }
  return state;
}

TEST_CASE(
    "JSON operations: what is encoded decodes to itself; what is cut or changed decodes to itself or not at all") {
  test::ForAll("round trip", [](std::uint64_t seed) {
    Prng prng(seed);
    const TreeState state = DrawState(prng);
    const std::string list = EncodeJson(state, prng.Below(2) == 0 ? JsonForm::kKey : JsonForm::kKeyAndText);
    RC_ASSERT(*DecodeJsonTreeState(AsBytes(list)) == state);
    const PolicyState policy{state.model_id, "tree_state", list, state.version};
    std::string value = EncodeJson(policy);
    const Result<PolicyState> back = DecodeJsonPolicyState(AsBytes(value));
    RC_ASSERT(back.ok());
    RC_ASSERT(back->config == list);
    RC_ASSERT(back->version == state.version);
    RC_ASSERT(!DecodeJsonPolicyState(AsBytes(value).first(prng.Below(value.size()))).ok());
    RC_ASSERT(!DecodeJsonTreeState(AsBytes(list).first(prng.Below(list.size()))).ok());
    value[prng.Below(value.size())] ^= static_cast<char>(1 << prng.Below(8));
    if (const Result<PolicyState> changed = DecodeJsonPolicyState(AsBytes(value)); changed.ok()) {
      // Digits may have become other digits: it is a value all the same.
      RC_ASSERT(DecodeJsonPolicyState(AsBytes(EncodeJson(*changed)))->config == changed->config);
    }
  });
}

TEST_CASE("JSON operations: the form of each") {
  const TreeState state{"m",
                        {{.prompt = "a \"b\"\n", .tenant = "w"},
                         {.kind = Kind::kTokens, .prompt = std::string("\1\0\0\0\0\1\0\0", 8), .tenant = "w"},
                         {.type = TreeOperation::Type::kRemove, .prompt = {}, .tenant = "w"}},
                        3};
  REQUIRE(EncodeJson(state, JsonForm::kKey) ==
          R"({"model_id":"m","operations":[{"Insert":{"key":{"Text":"a \"b\"\n"},"tenant":"w"}},)"
          R"({"Insert":{"key":{"Tokens":[1,256]},"tenant":"w"}},{"Remove":{"tenant":"w"}}],"version":3})");
  REQUIRE(EncodeJson(state, JsonForm::kKeyAndText) ==
          R"({"model_id":"m","operations":[{"Insert":{"key":{"Text":"a \"b\"\n"},"text":"a \"b\"\n","tenant":"w"}},)"
          R"({"Insert":{"key":{"Tokens":[1,256]},"text":"","tenant":"w"}},{"Remove":{"tenant":"w"}}],"version":3})");
  REQUIRE(EncodeJson(PolicyState{"m", "t", "{\"", 1}) ==
          R"({"model_id":"m","policy_type":"t","config":[123,34],"version":1})");
  REQUIRE(EncodeJson(TreeState{}, JsonForm::kKey) == R"({"model_id":"","operations":[],"version":0})");
}

TEST_CASE("JSON operations: an insert is read by its key; the old field stands for it only where there is none") {
  const auto read = [](const std::string& insert) -> std::optional<TreeOperation> {
    const std::string list = R"({"model_id":"m","operations":[{"Insert":{)" + insert + R"(}}],"version":1})";
    const Result<TreeState> state = DecodeJsonTreeState(AsBytes(list));
    REQUIRE(CheckJsonTreeState(AsBytes(list)).ok() == state.ok());
    return state.ok() ? std::optional(state->operations.at(0)) : std::nullopt;
  };
  const TreeOperation text{.prompt = "p", .tenant = "w"};
  const TreeOperation tokens{.kind = Kind::kTokens, .prompt = std::string("\2\0\0\0", 4), .tenant = "w"};
  CHECK(read(R"("key":{"Text":"p"},"tenant":"w")") == text);
  CHECK(read(R"("key":{"Text":"p"},"text":"another","tenant":"w")") == text);
  CHECK(read(R"("text":"p","tenant":"w")") == text);
  CHECK(read(R"("key":{"Tokens":[2]},"tenant":"w")") == tokens);
  CHECK(read(R"("key":{"Tokens":[2]},"text":"","tenant":"w")") == tokens);
  CHECK(read(R"("key":{"Tokens":[2]},"text":"another","tenant":"w")") == tokens);
  CHECK(read(R"("tenant":"w")") == std::nullopt);
  CHECK(read(R"("key":{},"tenant":"w")") == std::nullopt);
  CHECK(read(R"("key":{"Text":"p"})") == std::nullopt);
  CHECK(read(R"("text":"p","key":{"Text":"p"},"tenant":"w")") == std::nullopt);
}

TEST_CASE("JSON operations: 7.17 bytes per char of a prompt, 4.3 times bincode for tokens") {
  // Letters and spaces as English has them, which is what decides how many digits a byte takes.
  std::string prompt;
  while (prompt.size() < 20'000) prompt += "It is a truth universally acknowledged, that a single man in possession ";
  const TreeState text{"m", {{.prompt = prompt, .tenant = "http://10.0.0.7:8000"}}, 1};
  const double value = static_cast<double>(
      EncodeJson(PolicyState{"m", "tree_state", EncodeJson(text, JsonForm::kKeyAndText), 1}).size());
  REQUIRE(value / static_cast<double>(prompt.size()) == Approx(7.17).epsilon(0.05));

  Prng prng(42);
  ByteWriter tokens;
  for (int i = 0; i < 1000; ++i) tokens.Fixed32(static_cast<std::uint32_t>(prng.Below(50'000)));
  const TreeState list{"m", {{.kind = Kind::kTokens, .prompt = tokens.Take(), .tenant = "http://10.0.0.7:8000"}}, 1};
  const double json = static_cast<double>(
      EncodeJson(PolicyState{"m", "tree_state", EncodeJson(list, JsonForm::kKeyAndText), 1}).size());
  const double bincode = static_cast<double>(Encode(PolicyState{"m", "tree_state", Encode(list), 1}).size());
  REQUIRE(json / bincode == Approx(4.3).epsilon(0.05));
}

TEST_CASE("JSON operations: numbers that do not fit and escapes nobody wrote are refused") {
  const auto policy = [](std::string_view config) {
    const std::string value =
        R"({"model_id":"m","policy_type":"t","config":[)" + std::string(config) + R"(],"version":1})";
    return DecodeJsonPolicyState(AsBytes(value)).ok();
  };
  REQUIRE(policy("0,255"));
  for (const char* bad : {"256", "-1", "1,", ",1", "1 ,2", "1.5", "99999999999999999999"}) REQUIRE_FALSE(policy(bad));
  for (const char* bad : {R"("\u0041")", R"("\x")", R"("\u00)", R"("\u001)"}) {
    const std::string list = std::string(R"({"model_id":)") + bad + R"(,"operations":[],"version":1})";
    REQUIRE_FALSE(DecodeJsonTreeState(AsBytes(list)).ok());
  }
}

}  // namespace
}  // namespace prefixmesh::generations
