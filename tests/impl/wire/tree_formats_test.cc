// Goal: tenant deltas, tree snapshots and compressed bodies come back as they went, sizes are those of the
// specification's table, and no bytes from a peer make a decoder allocate more than the order of its input.
#include <algorithm>

#include "impl/base/prng.h"
#include "impl/wire/lz4_body.h"
#include "impl/wire/path_hash.h"
#include "impl/wire/tenant_delta.h"
#include "impl/wire/tree_snapshot.h"
#include "tests/support/allocations.h"
#include "tests/support/properties.h"

namespace prefixmesh::generations {
namespace {

std::string DrawText(Prng& prng, std::uint64_t below) {
  std::string text;
  for (std::uint64_t i = prng.Below(below); i > 0; --i) text.push_back(static_cast<char>(prng.Below(256)));
  return text;
}

TenantDelta DrawDelta(Prng& prng) {
  TenantDelta delta{DrawText(prng, 20), prng.Next(), {}, {}};
  for (std::uint64_t i = prng.Below(6); i > 0; --i)
    delta.inserts.push_back({prng.Next(), DrawText(prng, 30), prng.Next()});
  for (std::uint64_t i = prng.Below(6); i > 0; --i) delta.evictions.push_back({prng.Below(3), DrawText(prng, 30)});
  return delta;
}

// Nodes of a random tree, in pre-order.
void DrawNodes(Prng& prng, int depth, TreeSnapshot& snapshot) {
  const std::size_t at = snapshot.nodes.size();
  SnapshotNode node;
  node.edge = at == 0 ? "" : "e" + DrawText(prng, 6);
  for (std::uint64_t i = prng.Below(3); i > 0; --i) node.tenants.emplace_back(DrawText(prng, 9), prng.Next());
  node.child_count = depth == 0 ? 0 : static_cast<std::uint32_t>(prng.Below(4));
  snapshot.nodes.push_back(node);
  for (std::uint32_t i = 0; i < node.child_count; ++i) DrawNodes(prng, depth - 1, snapshot);
}

Result<std::string> Flat(const TreeSnapshot& snapshot, std::uint64_t version) {
  const std::string bytes = Encode(snapshot);
  return EncodeFlat(*ViewTreeSnapshot(AsBytes(bytes)), "m", version);
}

TEST_CASE("TreeSnapshot: child counts make a tree, or do not") {
  const auto counts = [](std::initializer_list<std::uint32_t> children) {
    TreeSnapshot snapshot;
    for (const std::uint32_t count : children)
      snapshot.nodes.push_back({.edge = "e", .tenants = {}, .child_count = count});
    return ViewTree(AsBytes(Encode(snapshot))).ok();
  };
  REQUIRE(counts({0}));
  REQUIRE(counts({2, 1, 0, 0}));
  REQUIRE_FALSE(counts({}));
  REQUIRE_FALSE(counts({0, 0}));
  REQUIRE_FALSE(counts({1}));
  REQUIRE_FALSE(counts({0xffffffff, 0xffffffff, 0}));

  TreeSnapshot nested{{{"", {}, 1}, {"a", {{"w1", 1}}, 1}, {"b", {{"w1", 1}}, 0}}};
  REQUIRE(ViewTree(AsBytes(Encode(nested))).ok());
  nested.nodes[2].tenants.emplace_back("w2", 1);  // not on its parent
  REQUIRE_FALSE(ViewTree(AsBytes(Encode(nested))).ok());
}

TEST_CASE("TenantDelta and TreeSnapshot: what is encoded decodes to itself, and anything cut short does not") {
  test::ForAll("round trip", [](std::uint64_t seed) {
    Prng prng(seed);
    const TenantDelta delta = DrawDelta(prng);
    const std::string delta_bytes = Encode(delta);
    RC_ASSERT(*DecodeTenantDelta(AsBytes(delta_bytes)) == delta);
    TreeSnapshot snapshot;
    DrawNodes(prng, 4, snapshot);
    const std::string snapshot_bytes = Encode(snapshot);
    RC_ASSERT(*DecodeTreeSnapshot(AsBytes(snapshot_bytes)) == snapshot);

    std::size_t delta_size = 32 + delta.model_id.size(), snapshot_size = 8;
    for (const TenantInsert& insert : delta.inserts) delta_size += 24 + insert.worker_url.size();
    for (const TenantEviction& eviction : delta.evictions) delta_size += 16 + eviction.worker_url.size();
    for (const SnapshotNode& node : snapshot.nodes) {
      snapshot_size += 20 + node.edge.size();
      for (const auto& [url, epoch] : node.tenants) snapshot_size += 16 + url.size();
    }
    RC_ASSERT(delta_bytes.size() == delta_size);
    RC_ASSERT(snapshot_bytes.size() == snapshot_size);

    const auto cut = [&](const std::string& bytes) {
      return std::string_view(bytes).substr(0, prng.Below(bytes.size()));
    };
    RC_ASSERT(!DecodeTenantDelta(AsBytes(cut(delta_bytes))).ok());
    RC_ASSERT(!DecodeTreeSnapshot(AsBytes(cut(snapshot_bytes))).ok());
    RC_ASSERT(!DecodeTenantDelta(AsBytes(delta_bytes + "x")).ok());
    RC_ASSERT(!DecodeTreeSnapshot(AsBytes(snapshot_bytes + "x")).ok());
  });
}

TEST_CASE("TenantDelta and TreeSnapshot: any bytes are decoded or refused within a few times their size") {
  const auto check = [](Bytes bytes, auto decode) {
    const std::uint64_t before = test::Allocations().requested_bytes;
    const bool ok = decode(bytes).ok();
    RC_ASSERT(test::Allocations().requested_bytes - before <= 8 * bytes.size() + 256);
    RC_CLASSIFY(ok, "decoded");
  };
  test::ForAll("any bytes, and good ones with a byte changed", [&](std::uint64_t seed, const std::string& any) {
    Prng prng(seed);
    std::string delta = Encode(DrawDelta(prng));
    TreeSnapshot tree;
    DrawNodes(prng, 4, tree);
    std::string snapshot = Encode(tree);
    delta[prng.Below(delta.size())] = static_cast<char>(prng.Next());
    snapshot[prng.Below(snapshot.size())] = static_cast<char>(prng.Next());
    for (const std::string& bytes : {delta, any}) check(AsBytes(bytes), DecodeTenantDelta);
    for (const std::string& bytes : {snapshot, any}) check(AsBytes(bytes), DecodeTreeSnapshot);
  });
}

TEST_CASE("TreeSnapshot: expands to one insert per node and tenant, each with its whole path") {
  test::ForAll("any tree", [](std::uint64_t seed) {
    Prng prng(seed);
    TreeSnapshot snapshot;
    DrawNodes(prng, 4, snapshot);
    // The same walk, recursively.
    std::vector<TreeOperation> expected;
    std::size_t next = 0;
    const auto walk = [&](const auto& self, const std::string& above) -> void {
      const SnapshotNode& node = snapshot.nodes[next++];
      const std::string path = above + node.edge;
      for (const auto& [url, epoch] : node.tenants)
        if (!path.empty()) expected.push_back({.prompt = path, .tenant = url});
      for (std::uint32_t i = 0; i < node.child_count; ++i) self(self, path);
    };
    walk(walk, "");
    const TreeState state = *DecodeTreeState(AsBytes(*Flat(snapshot, 9)));
    RC_ASSERT(state.operations == expected);
    RC_ASSERT(state.version == 9u);
    snapshot.nodes[prng.Below(snapshot.nodes.size())].child_count += 1 + static_cast<std::uint32_t>(prng.Below(3));
    RC_ASSERT(!Flat(snapshot, 9).ok());  // no tree any more
  });
}

TEST_CASE("TreeSnapshot: beyond 2,048 operations the first are forgotten (H14, X10)") {
  TreeSnapshot snapshot;
  snapshot.nodes.push_back({"", {}, 5000});
  for (int i = 0; i < 5000; ++i) snapshot.nodes.push_back({std::to_string(10000 + i), {{"w", 1}}, 0});
  const TreeState state = *DecodeTreeState(AsBytes(*Flat(snapshot, 1)));
  REQUIRE(state.operations.size() <= TreeState::kOperationsMax);
  REQUIRE(state.operations.back().prompt == "14999");
  REQUIRE(state.operations.front().prompt > "12900");
}

TEST_CASE("TreeSnapshot: a chain that would expand to gigabytes is refused before it has") {  // W24
  TreeSnapshot snapshot;
  for (int i = 0; i < 60000; ++i) snapshot.nodes.push_back({"0123456789", {{"w", 1}}, i + 1 < 60000 ? 1u : 0u});
  REQUIRE(Flat(snapshot, 1).error().code == ErrorCode::kExhausted);
}

TEST_CASE("Lz4 bodies: what is compressed comes back, and a body with anything changed never as more than it claims") {
  test::ForAll("round trip", [](std::uint64_t seed) {
    Prng prng(seed);
    std::string text;
    for (std::uint64_t i = prng.Below(50); i > 0; --i) text += prng.Below(2) == 0 ? DrawText(prng, 40) : "and again ";
    const std::string body = *CompressBody(AsBytes(text));
    RC_ASSERT(*DecompressBody(AsBytes(body)) == text);
    RC_ASSERT(!DecompressBody(AsBytes(std::string_view(body).substr(0, prng.Below(body.size())))).ok());
    std::string changed = body;
    changed[4 + prng.Below(changed.size() - 4)] ^= static_cast<char>(1 + prng.Below(255));
    const Result<std::string> other = DecompressBody(AsBytes(changed));
    if (other.ok()) RC_ASSERT(other->size() == text.size());
  });
}

TEST_CASE("Lz4 bodies: a claim is held against the maximum and the bytes present before anything is allocated") {
  const auto claim = [](std::uint32_t bytes) {
    std::string body(20, '\0');
    for (unsigned i = 0; i < 4; ++i) body[i] = static_cast<char>(bytes >> (8 * i));
    return body;
  };
  const std::uint64_t before = test::Allocations().requested_bytes;
  // Exactly 256 MiB passes the check of the size, and is then more than 16 bytes can become.
  REQUIRE(DecompressBody(AsBytes(claim(256u << 20))).error().code == ErrorCode::kCorrupt);
  REQUIRE(DecompressBody(AsBytes(claim((256u << 20) + 1))).error().code == ErrorCode::kExhausted);
  REQUIRE(DecompressBody(AsBytes(claim(0xffffffffu))).error().code == ErrorCode::kExhausted);
  for (std::size_t size = 0; size < 4; ++size)
    REQUIRE(DecompressBody(AsBytes(claim(0)).first(size)).error().code == ErrorCode::kCorrupt);
  REQUIRE(test::Allocations().requested_bytes - before < 4096);
}

TEST_CASE("PathHash: the cutting of the prompt does not matter, every byte does") {
  test::ForAll("any cutting", [](std::uint64_t seed) {
    Prng prng(seed);
    std::string text = DrawText(prng, 3000) + "x";
    const std::size_t cut = prng.Below(text.size());
    Slices pieces(AsBytes(std::string_view(text).substr(0, cut)));
    pieces.Append(AsBytes(std::string_view(text).substr(cut)));
    const std::uint64_t hash = PathHash(Slices(AsBytes(text)));
    RC_ASSERT(PathHash(pieces) == hash);
    text[prng.Below(text.size())] ^= 1;
    RC_ASSERT(PathHash(Slices(AsBytes(text))) != hash);
  });
}

}  // namespace
}  // namespace prefixmesh::generations
