#include "bench/conform/conform.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "bench/conform/item_fields.h"
#include "bench/conform/kv_items.h"
#include "impl/wire/bincode.h"
#include "impl/wire/json_ops.h"
#include "impl/wire/lz4_body.h"
#include "impl/wire/path_hash.h"
#include "impl/wire/tenant_delta.h"
#include "impl/wire/tree_snapshot.h"

namespace prefixmesh::bench {
namespace {

using namespace generations;
using nlohmann::json;

// What an item may refer to: the nearest snapshot before it.
struct Context {
  std::optional<TreeSnapshot> snapshot;
};

// As text, because JSON's numbers are not that exact.
std::uint64_t Hash(const json& item, const char* name) {
  const std::string text = Text(item, name);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  Require(error == std::errc() && end == text.data() + text.size() && !text.empty(),
          std::string("field '") + name + "' is not a decimal number of 64 bits");
  return value;
}

std::string Hex(const json& item, const char* name) {
  const std::string text = Text(item, name);
  const auto digit = [&](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    Fail(std::string("field '") + name + "' is not hex");
  };
  Require(text.size() % 2 == 0, std::string("field '") + name + "' has an odd number of hex digits");
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); i += 2)
    bytes.push_back(static_cast<char>(digit(text[i]) << 4 | digit(text[i + 1])));
  return bytes;
}

std::string Tokens(const json& item, const char* name) {
  std::string bytes;
  for (const json& token : List(item, name)) {
    Require(token.is_number_unsigned() && token <= 0xffffffffu, std::string(name) + " has one that is not 32 bits");
    for (unsigned shift = 0; shift < 32; shift += 8)
      bytes.push_back(static_cast<char>(token.get<std::uint32_t>() >> shift));
  }
  return bytes;
}

std::vector<TreeOperation> Operations(const json& item) {
  std::vector<TreeOperation> operations;
  for (const json& each : List(item, "operations")) {
    TreeOperation& operation = operations.emplace_back();
    if (each.is_object() && each.contains("remove")) {
      operation.type = TreeOperation::Type::kRemove;
      operation.tenant = Text(each.at("remove"), "tenant");
      continue;
    }
    const json& insert = Field(each, "insert");
    operation.tenant = Text(insert, "tenant");
    if (insert.contains("tokens")) {
      operation.kind = Kind::kTokens;
      operation.prompt = Tokens(insert, "tokens");
    } else {
      operation.prompt = Text(insert, "text");
    }
  }
  return operations;
}

// ---- checks

template <typename Value>
void BothWays(const json& item, const Value& value, Result<Value> (*decode)(Bytes)) {
  const std::string expected = Hex(item, "hex"), encoded = Encode(value);
  const auto differs = std::mismatch(expected.begin(), expected.end(), encoded.begin(), encoded.end());
  Require(encoded == expected,
          "encodes differently from byte " + std::to_string(differs.first - expected.begin()) + " on");
  const Result<Value> decoded = decode(AsBytes(expected));
  Require(decoded.ok(), "its hex does not decode");
  Require(*decoded == value, "its hex decodes to other fields");
}

void HashNodePath(const json& item, Context&) {
  std::string text;
  if (item.contains("repeat_of_a") && !item.at("repeat_of_a").is_null()) {
    const std::uint64_t length = Number(item, "repeat_of_a");
    Require(length <= kWorkMax, "repeat_of_a is above " + std::to_string(kWorkMax));
    text.assign(static_cast<std::size_t>(length), 'a');
  } else {
    text = Text(item, "text");
  }
  const std::uint64_t hash = PathHash(Slices(AsBytes(text)));
  Require(hash == Hash(item, "hash"), "hashes to " + std::to_string(hash));
}

void HashTokenPath(const json& item, Context&) {
  const std::uint64_t hash = PathHash(Slices(AsBytes(Tokens(item, "tokens"))));
  Require(hash == Hash(item, "hash"), "hashes to " + std::to_string(hash));
}

void StateDelta(const json& item, Context&) {
  BothWays<TreeStateDelta>(
      item, {Text(item, "model_id"), Operations(item), Number(item, "base_version"), Number(item, "new_version")},
      DecodeTreeStateDelta);
}

void State(const json& item, Context&) {
  BothWays<TreeState>(item, {Text(item, "model_id"), Operations(item), Number(item, "version")}, DecodeTreeState);
}

void StateJson(const json& item, Context&) {
  const TreeState state{Text(item, "model_id"), Operations(item), Number(item, "version")};
  const auto reads_as_it = [&](const std::string& text, const std::string& which) {
    const Result<TreeState> decoded = DecodeJsonTreeState(AsBytes(text));
    Require(decoded.ok(), which + " does not decode");
    Require(*decoded == state, which + " decodes to other fields");
  };
  for (const auto& [name, form] : {std::pair("json", JsonForm::kKey), {"json_with_text", JsonForm::kKeyAndText}}) {
    const std::string expected = Text(item, name);
    Require(EncodeJson(state, form) == expected, std::string("encodes differently from its field '") + name + "'");
    reads_as_it(expected, std::string("its field '") + name + "'");
  }
  for (const json& older : List(item, "reads")) {
    Require(older.is_string(), "field 'reads' has one that is not a text");
    reads_as_it(older, "one of its field 'reads'");
  }
}

void StateCap(const json& item, Context&) {
  const std::uint64_t inserts = Number(item, "inserts");
  Require(inserts <= kWorkMax, "inserts is above " + std::to_string(kWorkMax));
  const auto token = [](std::uint64_t value) { return Tokens(json{{"tokens", {value}}}, "tokens"); };
  TreeState state;
  for (std::uint64_t i = 0; i < inserts; ++i) state.Append({.kind = Kind::kTokens, .prompt = token(i), .tenant = "w"});
  Require(state.operations.size() == Number(item, "kept"), "keeps " + std::to_string(state.operations.size()));
  Require(state.operations.empty() || state.operations.front().prompt == token(Number(item, "first_kept_token")),
          "keeps from another token on");
  Require(state.version == Number(item, "version"), "has version " + std::to_string(state.version));
}

void Delta(const json& item, Context&) {
  TenantDelta delta{Text(item, "model_id"), Number(item, "version"), {}, {}};
  for (const json& each : List(item, "inserts"))
    delta.inserts.push_back({Hash(each, "hash"), Text(each, "worker_url"), Number(each, "epoch")});
  for (const json& each : List(item, "evictions"))
    delta.evictions.push_back({Hash(each, "hash"), Text(each, "worker_url")});
  BothWays<TenantDelta>(item, delta, DecodeTenantDelta);
}

void Snapshot(const json& item, Context& context) {
  TreeSnapshot snapshot;
  for (const json& each : List(item, "nodes")) {
    SnapshotNode& node = snapshot.nodes.emplace_back();
    node.edge = Text(each, "edge");
    for (const json& tenant : List(each, "tenants")) {
      Require(tenant.is_array() && tenant.size() == 2 && tenant[0].is_string() && tenant[1].is_number_unsigned(),
              "a tenant is not [url, epoch]");
      node.tenants.emplace_back(tenant[0].get<std::string>(), tenant[1].get<std::uint64_t>());
    }
    const std::uint64_t children = Number(each, "child_count");
    Require(children <= 0xffffffffu, "child_count is not 32 bits");
    node.child_count = static_cast<std::uint32_t>(children);
  }
  context.snapshot = snapshot;
  BothWays<TreeSnapshot>(item, snapshot, DecodeTreeSnapshot);
}

void StateOfSnapshot(const json& item, Context& context) {
  Require(context.snapshot.has_value(), "comes before any tree_snapshot");
  const std::uint64_t version = Number(item, "version");
  const std::string bytes = Encode(*context.snapshot);
  const Result<SnapshotView> tree = ViewTreeSnapshot(AsBytes(bytes));
  Require(tree.ok(), "the snapshot does not decode");
  const Result<std::string> list = EncodeFlat(*tree, "", version);
  Require(list.ok(), "the snapshot does not expand");
  const Result<TreeState> state = DecodeTreeState(AsBytes(*list));
  Require(state->version == version, "has version " + std::to_string(state->version));
  Require(state->operations == Operations(item), "expands to other operations");
}

void Lz4(const json& item, Context&) {
  const std::string piece = Text(item, "text");
  const std::uint64_t repeat = Number(item, "repeat");
  Require(piece.empty() || repeat <= kWorkMax / piece.size(), "the text is above " + std::to_string(kWorkMax));
  std::string text;
  for (std::uint64_t i = 0; i < repeat; ++i) text += piece;
  const Result<std::string> decoded = DecompressBody(AsBytes(Hex(item, "hex")));
  Require(decoded.ok(), "its hex does not decompress");
  Require(*decoded == text, "its hex decompresses to another text");
  const Result<std::string> own = CompressBody(AsBytes(text));
  const Result<std::string> back = own.ok() ? DecompressBody(AsBytes(*own)) : own;
  Require(back.ok() && *back == text, "does not come back from a compression of its own");
}

void Lz4TooLarge(const json& item, Context&) {
  const std::string body = Hex(item, "hex");
  ByteReader reader(AsBytes(body));
  Require(reader.Fixed32() == Number(item, "claimed"), "its hex claims another size");
  const Result<std::string> decoded = DecompressBody(AsBytes(body));
  const bool rejected = !decoded.ok() && decoded.error().code == ErrorCode::kExhausted;
  const json& expected = Field(item, "rejected");
  Require(expected.is_boolean(), "field 'rejected' is not true or false");
  Require(rejected == expected.get<bool>(), rejected ? "is refused for its size" : "is not refused for its size");
}

const std::map<std::string, void (*)(const json&, Context&)> kKinds = {
    {"hash_node_path", HashNodePath},
    {"hash_token_path", HashTokenPath},
    {"tree_state_delta", StateDelta},
    {"tree_state", State},
    {"tree_state_json", StateJson},
    {"tree_state_cap", StateCap},
    {"tenant_delta", Delta},
    {"tree_snapshot", Snapshot},
    {"state_from_snapshot", StateOfSnapshot},
    {"lz4_size_prepended", Lz4},
    {"lz4_claimed_too_large", Lz4TooLarge},
    {"kv_buffer", [](const json& item, Context&) { CheckKvBuffer(item); }},
    {"kv_router", [](const json& item, Context&) { CheckKvRouter(item); }}};

}  // namespace

ConformOutcome Conform(const json& items) {
  ConformOutcome outcome;
  if (!items.is_array()) {
    outcome.failures.push_back("is not a JSON array of items");
    return outcome;
  }
  Context context;
  std::size_t number = 0;
  for (const json& item : items) {
    std::string label = "item " + std::to_string(++number);
    try {
      const std::string kind = Text(item, "kind");
      label += " (" + kind.substr(0, 40) + ")";
      const auto found = kKinds.find(kind);
      Require(found != kKinds.end(), "is of a kind that is not known here");
      found->second(item, context);
      ++outcome.passed;
    } catch (const Failure& failure) {
      outcome.failures.push_back(label + ": " + failure.what);
    }
  }
  return outcome;
}

}  // namespace prefixmesh::bench
