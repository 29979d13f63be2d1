// Goal: the golden vectors, made with the original types, pass, and a vector that says anything else fails with a line
// that names it. What they hold of the codecs is that they are the original's byte for byte.
#include "bench/conform/conform.h"

#include <fstream>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "impl/base/prng.h"
#include "tests/support/properties.h"

namespace prefixmesh::bench {
namespace {

using nlohmann::json;

// Made with the original types, and by hand of their JSON.
json VectorsIn(const char* file_name) {
  std::ifstream file(file_name);
  return json::parse(file);
}
json Golden() {
  json items = VectorsIn("tests/vectors/generations.json");
  for (json& item : VectorsIn("tests/vectors/generations_json.json")) items.push_back(std::move(item));
  return items;
}

TEST_CASE("Conform: the golden vectors of the generations pass, all of them") {
  const ConformOutcome outcome = Conform(Golden());
  for (const std::string& failure : outcome.failures) UNSCOPED_INFO(failure);
  REQUIRE(outcome.failures.empty());
  REQUIRE(outcome.passed == 24 + 4);
}

TEST_CASE("Conform: the rows about KV events pass, all of them") {
  const ConformOutcome outcome = Conform(VectorsIn("tests/vectors/kv_events.json"));
  for (const std::string& failure : outcome.failures) UNSCOPED_INFO(failure);
  REQUIRE(outcome.failures.empty());
  REQUIRE(outcome.passed == 33);
}

TEST_CASE("Conform: what an item about KV events is malformed by is said, and nothing is skipped") {
  const std::vector<std::pair<const char*, const char*>> items = {
      {R"({"kind":"kv_buffer","events":[],"queries":[{"start":1}]})", "has no field 'expect'"},
      {R"({"kind":"kv_buffer","capacity":0,"events":[],"queries":[]})", "capacity is out of bounds"},
      {R"({"kind":"kv_buffer","events":[{"id":1,"op":"lost"}],"queries":[]})", "op 'lost' is not known here"},
      {R"({"kind":"kv_buffer","events":[{"id":-1}],"queries":[]})", "'id' is not a whole number"},
      {R"({"kind":"kv_buffer","events":[],"queries":[{"expect":{}}]})", "is answered with"},
      {R"({"kind":"kv_router","contract":"v9","expect":{}})", "contract is v2 or v3"},
      {R"({"kind":"kv_router","answers":[{"events":[],"last":1}],"expect":{}})", "nothing was asked"},
      {R"({"kind":"kv_router","steps":[{"jump":{}}],"expect":{}})", "step 'jump' is not known here"},
      {R"({"kind":"kv_router","steps":[{"live":{"id":1,"blocks":["a"]}}],"expect":{}})", "is not a whole number"},
      {R"({"kind":"kv_router","cursor":{"dead":1},"expect":{}})", "a cursor is"},
      {R"({"kind":"kv_router","rank":4294967296,"cursor":"initial","expect":{}})", "rank is not 32 bits"},
      {R"({"kind":"kv_router","cursor":{"live":10},"live":[{"id":11,"blocks":[11]}],"expect":{"blocks":[12]}})",
       "blocks is [11], not [12]"}};
  for (const auto& [item, line] : items) {
    INFO(item);
    const ConformOutcome outcome = Conform(json::array({json::parse(item)}));
    REQUIRE(outcome.failures.size() == 1);
    CHECK(outcome.failures[0].find(line) != std::string::npos);
  }
}

// The leaves of an item that say something: numbers, texts and truth values.
void Leaves(json& node, std::vector<json*>& leaves) {
  if (node.is_structured()) {
    for (json& child : node) Leaves(child, leaves);
  } else if (!node.is_null()) {
    leaves.push_back(&node);
  }
}

TEST_CASE("Conform: an expectation about KV events with any value changed fails") {
  for (json changed : VectorsIn("tests/vectors/kv_events.json")) {
    std::vector<json*> leaves;
    if (changed.contains("queries"))
      for (json& query : changed["queries"]) Leaves(query["expect"], leaves);
    else
      for (const char* said : {"queries", "cursor", "blocks", "idle"})
        if (changed["expect"].contains(said)) Leaves(changed["expect"][said], leaves);
    for (json* leaf : leaves) {
      const json before = *leaf;
      *leaf = leaf->is_boolean()  ? json(!leaf->get<bool>())
              : leaf->is_number() ? json(leaf->get<int>() + 1)
                                  : json("x");
      INFO(changed.dump());
      CHECK(Conform(json::array({changed})).failures.size() == 1);
      *leaf = before;
    }
  }
}

TEST_CASE("Conform: a vector with any value changed fails, and the line names it") {
  const json golden = Golden();
  test::ForAll("one changed value", [&](std::uint64_t seed) {
    Prng prng(seed);
    json items = golden;
    const std::size_t at = prng.Below(items.size());
    json& item = items[at];
    const std::string kind = item["kind"];
    item.erase("of");  // a remark, for people
    std::vector<json*> leaves;
    Leaves(item, leaves);
    json& leaf = *leaves[prng.Below(leaves.size())];
    if (leaf.is_boolean()) {
      leaf = !leaf.get<bool>();
    } else if (leaf.is_number()) {
      leaf = leaf.get<std::uint64_t>() + 1;
    } else {
      std::string text = leaf;
      if (text.empty()) {
        text = "1";
      } else {
        char& c = text[prng.Below(text.size())];
        c = c == '1' ? '2' : '1';
      }
      leaf = text;
    }
    // LZ4 is only decoded: two blocks may say the same text.
    RC_PRE(kind != "lz4_size_prepended");
    // A refused body is not read any further than its claim.
    RC_PRE(kind != "lz4_claimed_too_large" || leaf.is_boolean() || leaf.is_number());
    // An expansion gets its version from outside: what is given comes back.
    RC_PRE(kind != "state_from_snapshot" || !leaf.is_number());
    const ConformOutcome outcome = Conform(items);
    RC_ASSERT(outcome.failures.size() >= 1u);  // a changed snapshot fails what refers to it as well
    RC_ASSERT(outcome.failures.front().starts_with("item " + std::to_string(at + 1) + " ("));
  });
}

TEST_CASE("Conform: what is no vector fails with a clear line and is never skipped") {
  const auto line = [](const json& items) {
    const ConformOutcome outcome = Conform(items);
    REQUIRE(outcome.passed == 0);
    REQUIRE(outcome.failures.size() == 1);
    return outcome.failures.front();
  };
  REQUIRE(line(json::object()) == "is not a JSON array of items");
  REQUIRE(line({3}) == "item 1: has no field 'kind'");
  REQUIRE(line({{{"kind", "moon_phase"}}}) == "item 1 (moon_phase): is of a kind that is not known here");
  REQUIRE(line({{{"kind", "tenant_delta"}}}) == "item 1 (tenant_delta): has no field 'model_id'");
  REQUIRE(line({{{"kind", "hash_node_path"}, {"text", 3}, {"hash", "1"}}}) ==
          "item 1 (hash_node_path): field 'text' is not a text");
  REQUIRE(line({{{"kind", "hash_node_path"}, {"text", ""}, {"hash", "-1"}}}) ==
          "item 1 (hash_node_path): field 'hash' is not a decimal number of 64 bits");
  REQUIRE(line({{{"kind", "hash_node_path"}, {"repeat_of_a", 1ull << 60}, {"hash", "1"}}}) ==
          "item 1 (hash_node_path): repeat_of_a is above 67108864");
  REQUIRE(line({{{"kind", "state_from_snapshot"}}}) == "item 1 (state_from_snapshot): comes before any tree_snapshot");
  REQUIRE(line({{{"kind", "lz4_claimed_too_large"}, {"claimed", 1}, {"rejected", true}, {"hex", "0g"}}}) ==
          "item 1 (lz4_claimed_too_large): field 'hex' is not hex");
  REQUIRE(Conform(json::array()).failures.empty());
}

}  // namespace
}  // namespace prefixmesh::bench
