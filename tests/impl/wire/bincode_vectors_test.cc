// Goal: byte for byte what the original Rust types wrote. Method: the golden items of tests/vectors/generations.json,
// both ways.
#include <fstream>
#include <nlohmann/json.hpp>

#include "impl/wire/bincode.h"
#include "tests/support/properties.h"

namespace prefixmesh::generations {
namespace {

std::string FromHex(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

std::string TokenBytes(const std::vector<std::uint32_t>& tokens) {
  std::string bytes;
  for (const std::uint32_t token : tokens) {
    for (unsigned shift = 0; shift < 32; shift += 8) bytes.push_back(static_cast<char>(token >> shift));
  }
  return bytes;
}

std::vector<TreeOperation> Operations(const nlohmann::json& items) {
  std::vector<TreeOperation> operations;
  for (const nlohmann::json& item : items) {
    TreeOperation operation;
    if (item.contains("remove")) {
      operation.type = TreeOperation::Type::kRemove;
      operation.tenant = item["remove"]["tenant"];
    } else {
      const nlohmann::json& insert = item["insert"];
      operation.tenant = insert["tenant"];
      if (insert.contains("text")) {
        operation.prompt = insert["text"];
      } else {
        operation.kind = Kind::kTokens;
        operation.prompt = TokenBytes(insert["tokens"]);
      }
    }
    operations.push_back(std::move(operation));
  }
  return operations;
}

TEST_CASE("Bincode: the golden bytes of the original") {
  std::ifstream file("tests/vectors/generations.json");
  const nlohmann::json items = nlohmann::json::parse(file);
  int deltas = 0, states = 0, caps = 0;
  for (const nlohmann::json& item : items) {
    const std::string kind = item["kind"];
    if (kind == "tree_state_delta") {
      ++deltas;
      const TreeStateDelta delta{item["model_id"], Operations(item["operations"]), item["base_version"],
                                 item["new_version"]};
      const std::string bytes = FromHex(item["hex"]);
      REQUIRE(Encode(delta) == bytes);
      REQUIRE(*DecodeTreeStateDelta(AsBytes(bytes)) == delta);
    } else if (kind == "tree_state") {
      ++states;
      const TreeState state{item["model_id"], Operations(item["operations"]), item["version"]};
      const std::string bytes = FromHex(item["hex"]);
      REQUIRE(Encode(state) == bytes);
      REQUIRE(*DecodeTreeState(AsBytes(bytes)) == state);
    } else if (kind == "tree_state_cap") {
      ++caps;
      TreeState state;
      for (std::uint32_t i = 0; i < item["inserts"]; ++i) {
        state.Append({.kind = Kind::kTokens, .prompt = TokenBytes({i}), .tenant = "w"});
      }
      REQUIRE(state.operations.size() == item["kept"]);
      REQUIRE(state.operations.front().prompt == TokenBytes({item["first_kept_token"]}));
      REQUIRE(state.version == item["version"]);
    }
  }
  REQUIRE(deltas == 3);
  REQUIRE(states == 1);
  REQUIRE(caps == 1);
}

}  // namespace
}  // namespace prefixmesh::generations
