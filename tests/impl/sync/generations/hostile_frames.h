// hostile_frames.h — the worst bodies that the formats of the generations allow, and frames of them.
//
// Each is a good frame that asks for much: shapes that grow when they are decoded, rebuilt, replayed or inflated.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "impl/sync/generations/store_frame.h"
#include "impl/sync/generations/tree_store.h"
#include "impl/wire/json_ops.h"
#include "impl/wire/lz4_body.h"
#include "impl/wire/policy_state.h"
#include "impl/wire/tree_snapshot.h"

namespace prefixmesh::generations::hostile {

inline constexpr std::size_t kBodyBytes = 2u << 20;

// ---- bodies ---------------------------------------------------------------------------------------------------------

inline std::string Repeated(std::size_t bytes, const std::string& piece) {
  std::string out;
  out.reserve(bytes);
  while (out.size() + piece.size() <= bytes) out += piece;
  return out;
}

inline std::string Removes(std::size_t bytes) {
  return Repeated(bytes,
                  EncodeOperations(std::vector<TreeOperation>{{TreeOperation::Type::kRemove, Kind::kText, "", ""}}));
}

// Operations of every hostile shape; how many there are.
struct Operations {
  std::string name, bytes;
  std::uint64_t count = 0;
};

inline std::vector<Operations> HostileOperations(std::size_t bytes) {
  const auto of = [](const std::vector<TreeOperation>& operations) { return EncodeOperations(operations); };
  std::vector<Operations> all;
  const std::string remove = Removes(bytes);
  all.push_back({"12-byte removes", remove, remove.size() / 12});
  const std::string empty = Repeated(bytes, of({{}}));
  all.push_back({"empty inserts", empty, empty.size() / 24});
  std::vector<TreeOperation> some;
  for (std::uint32_t i = 0; i < bytes / 28; ++i) {
    std::string prompt;
    for (std::uint32_t n = i; prompt.size() < 3; n /= 200) prompt += static_cast<char>(n % 200 + 1);
    some.push_back({.prompt = prompt, .tenant = "w"});
  }
  all.push_back({"short prompts", of(some), some.size()});
  some.clear();
  for (std::uint32_t i = 0; i < bytes / 32; ++i) some.push_back({.prompt = "a", .tenant = std::to_string(i)});
  all.push_back({"a tenant each", of(some), some.size()});
  all.push_back({"one prompt", of({{.prompt = std::string(bytes, 'x'), .tenant = "w"}}), 1});
  all.push_back({"one tenant", of({{.prompt = "x", .tenant = std::string(bytes, 'w')}}), 1});
  some.clear();
  std::size_t sum = 0;
  for (std::size_t length = 1; sum < bytes / 2; ++length, sum += length + 25)
    some.push_back({.prompt = std::string(length, 'a'), .tenant = "w"});
  const std::string deepest = some.back().prompt;
  for (int i = 0; sum < bytes; ++i, sum += deepest.size() + 28)
    some.push_back({.prompt = deepest, .tenant = std::to_string(i)});
  all.push_back({"a chain, and many at its end", of(some), some.size()});
  return all;
}

inline std::string List(const Operations& operations, std::uint64_t version) {
  BincodeWriter writer(operations.bytes.size() + 32);
  writer.String("m");
  writer.U64(operations.count);
  writer.Raw(operations.bytes);
  writer.U64(version);
  return writer.Take();
}

inline std::string Delta(const Operations& operations, std::uint64_t base, std::uint64_t version) {
  BincodeWriter writer(operations.bytes.size() + 40);
  writer.String("m");
  writer.U64(operations.count);
  writer.Raw(operations.bytes);
  writer.U64(base);
  writer.U64(version);
  return writer.Take();
}

inline std::vector<std::pair<std::string, std::string>> HostileTrees(std::size_t bytes) {
  std::vector<std::pair<std::string, std::string>> all;
  const auto add = [&](const char* name, const TreeSnapshot& tree) { all.emplace_back(name, Encode(tree)); };
  const auto count = static_cast<std::uint32_t>(bytes / 37);
  TreeSnapshot chain;
  for (std::uint32_t i = 0; i < bytes / 20; ++i) chain.nodes.push_back({"", {}, i + 1 < bytes / 20 ? 1u : 0u});
  add("a chain of empty nodes", chain);
  TreeSnapshot held;
  for (std::uint32_t i = 0; i < 3000; ++i) held.nodes.push_back({i == 0 ? "" : "a", {{"w", 1}}, i < 2999 ? 1u : 0u});
  add("a chain of held nodes", held);
  TreeSnapshot comb;  // every second node is the last child: all above stay open
  for (std::uint32_t i = 0; i < count / 2; ++i) comb.nodes.push_back({"", {{"w", 1}}, 2});
  for (std::uint32_t i = 0; i <= count / 2; ++i) comb.nodes.push_back({"", {{"w", 1}}, 0});
  add("a comb", comb);
  TreeSnapshot flat;
  flat.nodes.push_back({"", {}, count});
  for (std::uint32_t i = 0; i < count; ++i) flat.nodes.push_back({std::string(1, static_cast<char>(i)), {{"w", i}}, 0});
  add("one node below the other's", flat);
  TreeSnapshot long_edge{{{"", {}, 1}, {std::string(bytes, 'x'), {{"w", 1}}, 0}}};
  add("one edge", long_edge);
  TreeSnapshot holders{{{"", {}, 1}, {"a", {}, 0}}};
  for (std::uint32_t i = 0; i < bytes / 24; ++i) holders.nodes[1].tenants.emplace_back(std::to_string(i), 1);
  add("a holder each", holders);
  return all;
}

inline std::string TenantBody(std::size_t bytes) {
  BincodeWriter writer(bytes + 64);
  writer.String("m");
  writer.U64(9);
  writer.U64(bytes / 24);
  for (std::size_t i = 0; i < bytes / 24; ++i) {
    writer.U64(1);
    writer.String("");
    writer.U64(0);
  }
  writer.U64(0);
  return writer.Take();
}

inline std::string PathBody(std::size_t bytes) {
  BincodeWriter writer(bytes + 64);
  writer.String("m");
  writer.U64(9);
  writer.U64(0);
  writer.U64(bytes / 16);
  for (std::size_t i = 0; i < bytes / 16; ++i) {
    writer.String("");
    writer.String("");
  }
  return writer.Take();
}

inline std::string JsonValue(const std::string& operations, std::uint64_t version) {
  return EncodeJson(PolicyState{"m", std::string(kTreeStateTag),
                                R"({"model_id":"m","operations":[)" + operations + R"(],"version":1})", version});
}

// ---- frames ---------------------------------------------------------------------------------------------------------

struct Case {
  std::string name, frame;
  std::uint64_t declared = 0;  // beside the frame itself
};

inline std::string FrameOf(std::string_view value, std::uint64_t version, const std::string& key = "tree:m") {
  const StoreEntry entry{.key = key, .value = std::string(value), .version = version, .actor = "b"};
  return EncodeBatch(Store::kPolicy, {&entry, 1});
}

inline Case Tagged(std::string name, std::string_view tag, std::string config, std::uint64_t version,
                   std::uint64_t declared = 0) {
  return {std::move(name), FrameOf(Encode(PolicyState{"m", std::string(tag), std::move(config), version}), version),
          declared};
}

inline Case Compressed(const std::string& name, const std::string& body, std::uint64_t version) {
  return Tagged(name + ", LZ4", kTreeStateLz4Tag, *CompressBody(AsBytes(body)), version, body.size());
}

// Lists, deltas, trees and records, as they are and compressed.
inline void AddBodies(std::vector<Case>& cases) {
  for (const Operations& operations : HostileOperations(kBodyBytes)) {
    cases.push_back(Tagged(operations.name + ", list", kTreeStateTag, List(operations, 1000), 1000));
    cases.push_back(Tagged(operations.name + ", delta", kTreeStateDeltaTag, Delta(operations, 0, 1000), 1000));
    cases.push_back(Compressed(operations.name + ", list", List(operations, 1000), 1000));
  }
  for (const auto& [name, tree] : HostileTrees(kBodyBytes)) {
    cases.push_back(Tagged(name, kTreeSnapshotTag, tree, 1000));
    cases.push_back(Compressed(name, tree, 1000));
  }
  const std::string bomb = List({"", Removes(64u << 20), (64u << 20) / 12}, 1000);
  cases.push_back(Compressed("64 MiB of removes", bomb, 1000));
  cases.push_back(Tagged("hashes", kTenantDeltaTag, TenantBody(kBodyBytes), 1000));
  cases.push_back(Tagged("evictions", kTenantDeltaTag, PathBody(kBodyBytes), 1000));
}

inline void AddJson(std::vector<Case>& cases) {
  std::string removes, tokens = "1", escapes;
  while (removes.size() < kBodyBytes / 4) removes += R"({"Remove":{"tenant":""}},)";
  removes.pop_back();
  while (tokens.size() < kBodyBytes / 4) tokens += ",1";
  while (escapes.size() < kBodyBytes / 4) escapes += "\\n";
  cases.push_back({"JSON removes", FrameOf(JsonValue(removes, 1000), 1000)});
  cases.push_back(
      {"JSON tokens",
       FrameOf(JsonValue(R"({"Insert":{"key":{"Tokens":[)" + tokens + R"(]},"text":"","tenant":"w"}})", 1000), 1000)});
  cases.push_back(
      {"JSON text",
       FrameOf(JsonValue(R"({"Insert":{"key":{"Text":")" + escapes + R"("},"text":"","tenant":"w"}})", 1000), 1000)});
}

// Frames of many entries, and one of a name that is too long.
inline void AddEntries(std::vector<Case>& cases) {
  for (const std::uint64_t count : {std::uint64_t{1024}, std::uint64_t{2} << 20}) {
    ByteWriter writer;
    writer.U8(1);
    writer.U8(1);
    writer.Varint(count);
    for (std::uint64_t i = 0; i < count; ++i) writer.Raw(std::string_view("\0\0\0\0\0", 5));
    cases.push_back({std::to_string(count) + " empty entries", writer.Take()});
  }
  std::vector<StoreEntry> many;
  for (int i = 0; i < 1024; ++i) {
    const std::string model = "m" + std::to_string(i);
    many.push_back({.key = TreeKey(model), .value = {}, .version = 9, .actor = ""});
    many.back().value = Encode(PolicyState{model, std::string(kTreeStateTag), Encode(TreeState{model, {}, 9}), 9});
  }
  cases.push_back({"a tree each, list", EncodeBatch(Store::kPolicy, many)});
  for (StoreEntry& entry : many) {
    const std::string model = ModelOf(entry.key);
    entry.value = Encode(PolicyState{model, std::string(kTreeSnapshotTag), Encode(TreeSnapshot{{{}}}), 9});
  }
  cases.push_back({"a tree each, snapshot", EncodeBatch(Store::kPolicy, many)});
  many.resize(8);
  const std::string body = *CompressBody(AsBytes(List({"", Removes(20u << 20), (20u << 20) / 12}, 9)));
  for (StoreEntry& entry : many)
    entry.value = Encode(PolicyState{ModelOf(entry.key), std::string(kTreeStateLz4Tag), body, 9});
  cases.push_back({"eight compressed trees", EncodeBatch(Store::kPolicy, many), 8 * (20u << 20)});
  while (many.size() < 100) many.push_back(many[0]);
  cases.push_back({"2 GiB of compressed trees", EncodeBatch(Store::kPolicy, many), 256u << 20});
  const std::string name(kBodyBytes, 'm');
  cases.push_back({"a model of 2 MiB",
                   FrameOf(Encode(PolicyState{name, std::string(kTreeStateTag), Encode(TreeState{name, {}, 9}), 9}), 9,
                           "tree:" + name)});
}

inline std::vector<Case> Cases() {
  std::vector<Case> cases;
  AddBodies(cases);
  AddJson(cases);
  AddEntries(cases);
  return cases;
}

}  // namespace prefixmesh::generations::hostile
