// Goal: what a worker writes is what a router reads, and what no worker writes is refused before it costs anything.
#include "impl/kvevents/wire/kv_message.h"

#include "impl/base/prng.h"
#include "impl/wire/prefixmesh.pb.h"
#include "tests/support/properties.h"

namespace prefixmesh::kvevents {
namespace {

TEST_CASE("KvMessage: any event is read as it was written") {
  test::ForAll("any event", [](std::uint64_t seed) {
    Prng prng(seed);
    KvEvent event;
    event.id = prng.Next();
    event.kind = static_cast<EventKind>(prng.Below(3));
    if (event.kind != EventKind::kCleared)
      for (std::uint64_t i = 0; i <= prng.Below(20); ++i) event.blocks.push_back({0, prng.Next() | 1});
    if (event.kind == EventKind::kStored && prng.Below(2) == 0)
      event.parent = BlockName{0, (prng.Next() & ~std::uint64_t{1}) | 2};
    v1::KvEvent message;
    WriteMessage(event, message);
    v1::KvEvent arrived;
    RC_ASSERT(arrived.ParseFromString(message.SerializeAsString()));
    const Result<KvEvent> read = ReadMessage(arrived);
    RC_ASSERT(read.ok());
    RC_ASSERT(*read == event);
  });
}

TEST_CASE("KvMessage: what no worker says is refused, with the event's number") {
  const auto refused = [](const v1::KvEvent& message) {
    const Result<KvEvent> read = ReadMessage(message);
    REQUIRE(!read.ok());
    INFO(read.error().message);
    CHECK(read.error().message.find("KV event 7: ") == 0);
    return read.error().code;
  };
  v1::KvEvent empty;
  empty.set_id(7);
  CHECK(refused(empty) == ErrorCode::kCorrupt);
  v1::KvEvent nothing = empty;
  nothing.mutable_stored();
  CHECK(refused(nothing) == ErrorCode::kCorrupt);
  nothing.mutable_removed();
  CHECK(refused(nothing) == ErrorCode::kCorrupt);
  v1::KvEvent zero = empty;
  zero.mutable_removed()->add_blocks(0);
  CHECK(refused(zero) == ErrorCode::kCorrupt);
  v1::KvEvent loop = empty;
  loop.mutable_stored()->set_parent(5);
  loop.mutable_stored()->add_blocks(4);
  loop.mutable_stored()->add_blocks(5);
  CHECK(refused(loop) == ErrorCode::kCorrupt);
  v1::KvEvent root = empty;
  root.mutable_stored()->set_parent(0);
  root.mutable_stored()->add_blocks(4);
  CHECK(refused(root) == ErrorCode::kCorrupt);
  v1::KvEvent many = empty;
  for (std::size_t i = 0; i <= kMessageBlocksMax; ++i) many.mutable_removed()->add_blocks(1);
  CHECK(refused(many) == ErrorCode::kTooBig);
}

}  // namespace
}  // namespace prefixmesh::kvevents
