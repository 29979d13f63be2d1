// Goal: what the original's own tests said of its operations, lists and deltas holds for ours. Method: the same
// examples, written anew.
#include <unordered_set>

#include "impl/wire/bincode.h"
#include "impl/wire/json_ops.h"
#include "impl/wire/tenant_delta.h"
#include "impl/wire/tree_snapshot.h"
#include "tests/support/properties.h"

namespace prefixmesh::generations {
namespace {

TEST_CASE("TreeState: the default is empty, and what is empty comes back as it went") {
  const TreeState state;
  REQUIRE(state.model_id.empty());
  REQUIRE(state.operations.empty());
  REQUIRE(state.version == 0);
  REQUIRE(Encode(state).size() == 24);
  REQUIRE(*DecodeTreeState(AsBytes(Encode(state))) == state);
  REQUIRE(*DecodeJsonTreeState(AsBytes(EncodeJson(state, JsonForm::kKeyAndText))) == state);
  const TreeState named{"model", {}, 0};
  REQUIRE(*DecodeTreeState(AsBytes(Encode(named))) == named);
  REQUIRE_FALSE(named == state);
  const TreeStateDelta delta{"model", {}, 4, 4};
  REQUIRE(*DecodeTreeStateDelta(AsBytes(Encode(delta))) == delta);
  REQUIRE(*DecodeTenantDelta(AsBytes(Encode(TenantDelta{}))) == TenantDelta{});
  REQUIRE(*DecodeTreeSnapshot(AsBytes(Encode(TreeSnapshot{}))) == TreeSnapshot{});
}

TEST_CASE("TreeState: its version counts the operations ever appended, beyond what the list keeps") {
  TreeState state{"model", {}, 0};
  for (std::uint64_t i = 1; i <= 2'500; ++i) {
    state.Append({.prompt = std::to_string(i), .tenant = "w"});
    REQUIRE(state.version == i);
    REQUIRE(state.operations.back().prompt == std::to_string(i));
  }
  REQUIRE(state.operations.size() == 1'024 + (2'500 - 2'049));
  state.Append({.type = TreeOperation::Type::kRemove, .prompt = {}, .tenant = "w"});
  REQUIRE(state.version == 2'501);
}

TEST_CASE("TreeOperation: equal are those of the same type, kind, prompt and worker, and so are their bytes") {
  const TreeOperation all[] = {
      {.prompt = "abcd", .tenant = "w1"},
      {.prompt = "abcd", .tenant = "w2"},
      {.prompt = "abce", .tenant = "w1"},
      {.kind = Kind::kTokens, .prompt = "abcd", .tenant = "w1"},
      {.type = TreeOperation::Type::kRemove, .prompt = {}, .tenant = "w1"},
      {.type = TreeOperation::Type::kRemove, .prompt = {}, .tenant = "w2"},
  };
  std::unordered_set<std::string> seen;
  for (const bool again : {false, true}) {
    for (const TreeOperation& a : all) {
      for (const TreeOperation& b : all) REQUIRE((a == b) == (&a == &b));
      for (const std::string& bytes :
           {Encode(TreeState{"", {a}, 0}), EncodeJson(TreeState{"", {a}, 0}, JsonForm::kKeyAndText)})
        REQUIRE(seen.insert(bytes).second == !again);
    }
  }
  REQUIRE(seen.size() == 2 * std::size(all));
}

TEST_CASE("TreeOperation: its JSON reads back, text and tokens and removal") {
  const auto list = [](const std::string& operation) {
    return DecodeJsonTreeState(AsBytes(R"({"model_id":"m","operations":[)" + operation + R"(],"version":1})"));
  };
  REQUIRE(list(R"({"Insert":{"key":{"Text":"hello"},"text":"hello","tenant":"http://w:8000"}})")->operations ==
          std::vector<TreeOperation>{{.prompt = "hello", .tenant = "http://w:8000"}});
  REQUIRE(
      list(R"({"Insert":{"key":{"Tokens":[1,258]},"text":"","tenant":"w"}})")->operations ==
      std::vector<TreeOperation>{{.kind = Kind::kTokens, .prompt = std::string("\1\0\0\0\2\1\0\0", 8), .tenant = "w"}});
  REQUIRE(list(R"({"Remove":{"tenant":"w"}})")->operations ==
          std::vector<TreeOperation>{{.type = TreeOperation::Type::kRemove, .prompt = {}, .tenant = "w"}});
  for (const char* other :
       {R"({"Insert":{"tenant":"w"}})", R"({"Insert":{"key":{"Words":"x"},"text":"","tenant":"w"}})",
        R"({"Update":{"tenant":"w"}})", R"({})"})
    REQUIRE_FALSE(list(other).ok());
}

TEST_CASE("TreeState: 100 operations of 1,000 tokens come back, in the size of the table") {
  TreeState state{"model", {}, 0};
  for (int i = 0; i < 100; ++i) {
    std::string tokens;
    for (int token = 0; token < 1'000; ++token) {
      const auto value = static_cast<std::uint32_t>(i * 1'000 + token);
      for (unsigned byte = 0; byte < 4; ++byte) tokens.push_back(static_cast<char>(value >> (8 * byte)));
    }
    state.Append({.kind = Kind::kTokens, .prompt = tokens, .tenant = "http://worker:8000"});
  }
  const std::string bytes = Encode(state);
  REQUIRE(bytes.size() == 24 + 5 + 100 * (24 + 4'000 + 18));
  REQUIRE(*DecodeTreeState(AsBytes(bytes)) == state);
  REQUIRE(*DecodeJsonTreeState(AsBytes(EncodeJson(state, JsonForm::kKeyAndText))) == state);
}

TEST_CASE("TreeStateDelta: a few operations are under a tenth of a list of prompts of 20,000 chars") {
  TreeState state{"model", {}, 0};
  for (int i = 0; i < 100; ++i)
    state.Append({.prompt = std::to_string(i) + std::string(20'000, 'p'), .tenant = "http://worker:8000"});
  const TreeStateDelta delta{"model", {state.operations.end() - 5, state.operations.end()}, 95, 100};
  REQUIRE(Encode(delta).size() * 10 < Encode(state).size());
}

}  // namespace
}  // namespace prefixmesh::generations
