// Goal: what is encoded decodes to itself, sizes are those of the specification's table, and no bytes from a peer
// crash a decoder or make it allocate more than the order of its input.
#include "impl/wire/bincode.h"

#include "impl/wire/policy_state.h"
#include "tests/impl/wire/bincode_generators.h"
#include "tests/support/allocations.h"

namespace prefixmesh::generations {
namespace {

TEST_CASE("Bincode: deltas, states and envelopes round trip, and the check without copies agrees") {
  test::ForAll("round trip", [](const std::vector<TreeOperation>& operations, const std::string& model,
                                std::uint64_t base, std::uint64_t version) {
    const TreeStateDelta delta{model, operations, base, version};
    const std::string delta_bytes = Encode(delta);
    RC_ASSERT(*DecodeTreeStateDelta(AsBytes(delta_bytes)) == delta);
    const DeltaView header = *ViewTreeStateDelta(AsBytes(delta_bytes));
    RC_ASSERT(header.operations.count == operations.size());
    RC_ASSERT(header.base_version == base);
    RC_ASSERT(header.new_version == version);

    const TreeState state{model, operations, version};
    const std::string state_bytes = Encode(state);
    RC_ASSERT(*DecodeTreeState(AsBytes(state_bytes)) == state);
    RC_ASSERT(ViewTreeState(AsBytes(state_bytes))->version == version);

    const std::string envelope = Encode(PolicyState{model, "tag", state_bytes, version});
    const PolicyStateView view = *DecodePolicyState(AsBytes(envelope));
    RC_ASSERT(view.model_id == model);
    RC_ASSERT(view.policy_type == "tag");
    RC_ASSERT(AsText(view.config) == state_bytes);
    RC_ASSERT(view.version == version);

    std::size_t sum = 0;
    for (const TreeOperation& operation : operations) sum += EncodedBytes(operation);
    RC_ASSERT(delta_bytes.size() == 32 + model.size() + sum);
    RC_ASSERT(state_bytes.size() == 24 + model.size() + sum);
    RC_ASSERT(envelope.size() == 32 + model.size() + 3 + state_bytes.size());
  });
}

TEST_CASE("Bincode: operations put behind an encoded list are the same as appended to the list, up to its cap") {
  test::ForAll("any list, any more", [](const std::vector<TreeOperation>& operations,
                                        const std::vector<TreeOperation>& more, const std::string& model) {
    TreeState state{model, operations, 7};
    std::string bytes = Encode(state);
    const std::size_t room = operations.size() + more.size();
    const std::string encoded = EncodeOperations(more);
    const OperationList newer{more.size(), AsBytes(encoded)};
    if (!more.empty()) {
      RC_ASSERT(!AppendToEncoded(bytes, newer, room - 1));
      RC_ASSERT(bytes == Encode(state));
    }
    RC_ASSERT(AppendToEncoded(bytes, newer, room));
    for (const TreeOperation& operation : more) state.Append(operation, room);
    RC_ASSERT(bytes == Encode(state));
  });
}

TEST_CASE("Bincode: encoded lists joined are the same as appended one by one, through any cap") {
  test::ForAll("any list, any more, any cap", [](const std::vector<TreeOperation>& operations,
                                                 const std::vector<TreeOperation>& more, std::uint8_t cap) {
    TreeState state{"m", operations, 7};
    const std::string older = Encode(state);
    const std::string newer = EncodeOperations(more);
    for (const TreeOperation& operation : more) state.Append(operation, 1 + cap % 40);
    RC_ASSERT(EncodeJoined("m", ViewTreeState(AsBytes(older))->operations, {more.size(), AsBytes(newer)}, state.version,
                           1 + cap % 40) == Encode(state));
  });
}

TEST_CASE("Bincode: sizes of single operations") {
  const std::string url = "http://worker-01:80";
  REQUIRE(url.size() == 19);
  REQUIRE(EncodedBytes({.prompt = std::string(500, 'x'), .tenant = url}) == 24 + 500 + 19);
  REQUIRE(EncodedBytes({.kind = Kind::kTokens, .prompt = std::string(4000, 'x'), .tenant = url}) == 24 + 4000 + 19);
  REQUIRE(EncodedBytes({.type = TreeOperation::Type::kRemove, .prompt = "", .tenant = url}) == 12 + 19);
}

template <typename Decode>
void CheckHostile(Bytes bytes, Decode decode) {
  const std::uint64_t before = test::Allocations().requested_bytes;
  const bool ok = decode(bytes);
  const std::uint64_t allocated_bytes = test::Allocations().requested_bytes - before;
  // An operation of 12 bytes takes sizeof(TreeOperation); then there are the error's words.
  RC_ASSERT(allocated_bytes <= 8 * bytes.size() + 256);
  RC_CLASSIFY(ok, "decoded");
}

TEST_CASE("Bincode: truncated and flipped bytes are refused or decode, within bounds") {
  test::ForAll("hostile bytes", [](const std::vector<TreeOperation>& operations, std::uint64_t version) {
    std::string bytes;
    const int what = *rc::gen::inRange(0, 3);
    if (what == 0) bytes = Encode(TreeStateDelta{"m", operations, version, version});
    if (what == 1) bytes = Encode(TreeState{"m", operations, version});
    if (what == 2) bytes = Encode(PolicyState{"m", "tree_state", Encode(TreeState{"m", operations, version}), 1});
    const bool cut = *rc::gen::arbitrary<bool>();
    if (cut) {
      bytes.resize(*rc::gen::inRange<std::size_t>(0, bytes.size()));
    } else {
      const auto at = *rc::gen::inRange<std::size_t>(0, bytes.size());
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << *rc::gen::inRange(0, 8)));
    }
    const Bytes input = AsBytes(bytes);
    CheckHostile(input, [](Bytes b) { return DecodeTreeStateDelta(b).ok(); });
    CheckHostile(input, [](Bytes b) { return DecodeTreeState(b).ok(); });
    CheckHostile(input, [](Bytes b) { return DecodePolicyState(b).ok(); });
    RC_ASSERT(DecodeTreeStateDelta(input).ok() == ViewTreeStateDelta(input).ok());
    RC_ASSERT(DecodeTreeState(input).ok() == ViewTreeState(input).ok());
    if (cut && what == 0) RC_ASSERT(!DecodeTreeStateDelta(input).ok());
    if (cut && what == 1) RC_ASSERT(!DecodeTreeState(input).ok());
    if (cut && what == 2) RC_ASSERT(!DecodePolicyState(input).ok());
  });
}

TEST_CASE("Bincode: a claimed count beyond the bytes present allocates nothing") {
  BincodeWriter writer(32);
  writer.String("m");
  writer.U64(1ull << 61);
  writer.U64(0);
  const std::string bytes = writer.Take();
  const std::uint64_t before = test::Allocations().requested_bytes;
  const auto decoded = DecodeTreeState(AsBytes(bytes));
  REQUIRE(test::Allocations().requested_bytes - before < 256);
  REQUIRE_FALSE(decoded.ok());
  REQUIRE(decoded.error().code == ErrorCode::kCorrupt);
}

TEST_CASE("Bincode: bytes after the value are refused") {
  REQUIRE_FALSE(DecodeTreeState(AsBytes(Encode(TreeState{}) + "x")).ok());
  REQUIRE_FALSE(DecodeTreeStateDelta(AsBytes(Encode(TreeStateDelta{}) + "x")).ok());
  REQUIRE_FALSE(DecodePolicyState(AsBytes(Encode(PolicyState{}) + "x")).ok());
}

}  // namespace
}  // namespace prefixmesh::generations
