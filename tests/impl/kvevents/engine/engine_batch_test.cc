// Goal: both layouts of an engine's batch are read as what was written, and what no engine writes is refused, whatever
// counts it claims. The bytes of a foreign writer: tests/real/engine_events_test.cc.
#include "impl/kvevents/engine/engine_batch.h"

#include <string>
#include <vector>

#include "tests/support/properties.h"

namespace prefixmesh::kvevents {
namespace {

EngineEvent StoredEvent(std::vector<BlockName> blocks, std::optional<BlockName> parent, std::uint64_t block_size) {
  EngineEvent event;
  event.parent = parent;
  event.block_size = block_size;
  for (std::size_t i = 0; i < blocks.size() * block_size; ++i)
    event.tokens.push_back(static_cast<std::uint32_t>(7 * i));
  event.blocks = std::move(blocks);
  return event;
}

EngineBatch Usual() {
  EngineBatch batch;
  batch.ts = 1234.5;
  batch.rank = 3;
  batch.events.push_back(StoredEvent({{0, 1}, {0, ~0ull}, {9, 4}}, std::nullopt, 2));
  batch.events.back().medium = "GPU";
  batch.events.back().extra = {"salt", "", ""};
  batch.events.push_back(StoredEvent({{0, 5}}, BlockName{9, 4}, 4));
  batch.events.back().lora_name = "fr";
  batch.events.back().group = 1;
  EngineEvent removed;
  removed.kind = EventKind::kRemoved;
  removed.blocks = {{0, 5}};
  removed.medium = "CPU";
  batch.events.push_back(removed);
  batch.events.emplace_back().kind = EventKind::kCleared;
  return batch;
}

Result<EngineBatch> Read(const std::vector<int>& bytes) {
  std::string payload;
  for (const int byte : bytes) payload.push_back(static_cast<char>(byte));
  return ReadEngineBatch(payload);
}
// [0, [EVENT], nil] of an event that begins so.
std::string OneEvent(const std::string& event) { return std::string("\x93\x00\x91", 3) + event + "\xc0"; }

TEST_CASE("what is written in either layout is read as it was") {
  for (const EngineLayout layout : {EngineLayout::kArrays, EngineLayout::kMaps}) {
    const EngineBatch batch = Usual();
    const Result<EngineBatch> read = ReadEngineBatch(WriteEngineBatch(batch, layout));
    REQUIRE(read.ok());
    CHECK(read->ts == batch.ts);
    CHECK(read->rank == batch.rank);
    CHECK(read->events == batch.events);
    CHECK(read->unknown == 0);
  }
}

TEST_CASE("every cut of a batch is refused, and so is anything behind it") {
  for (const EngineLayout layout : {EngineLayout::kArrays, EngineLayout::kMaps}) {
    const std::string whole = WriteEngineBatch(Usual(), layout);
    for (std::size_t size = 0; size < whole.size(); ++size) CHECK(!ReadEngineBatch(whole.substr(0, size)).ok());
    CHECK(!ReadEngineBatch(whole + '\0').ok());
  }
}

TEST_CASE("counts that are claimed cost nothing: bombs, deep nests, long texts") {
  CHECK(!Read({0x93, 0x00, 0xdd, 0xff, 0xff, 0xff, 0xff}).ok());  // 2^32 events
  CHECK(!Read({0xdf, 0xff, 0xff, 0xff, 0xff}).ok());              // a map of 2^32
  CHECK(!Read({0x93, 0x00, 0xdb, 0xff, 0xff, 0xff, 0xff}).ok());  // a text of 4 GiB
  CHECK(ReadEngineBatch(std::string(1000, '\x91')).error().code == ErrorCode::kTooBig);
  CHECK(ReadEngineBatch(std::string(kEngineBatchBytesMax + 1, '\0')).error().code == ErrorCode::kTooBig);
  std::string many = std::string("\x93\x00\xdd\x00\x30\x00\x00", 7) + std::string(0x300000, '\xc0') + "\xc0";
  CHECK(ReadEngineBatch(many).error().code == ErrorCode::kTooBig);
}

TEST_CASE("events that no engine writes are refused, with what is wrong") {
  const auto why = [](const EngineEvent& event) {
    const Result<EngineBatch> read = ReadEngineBatch(WriteEngineBatch({0, {}, {event}, 0}, EngineLayout::kArrays));
    return read.ok() ? std::string() : read.error().message;
  };
  CHECK(why(StoredEvent({{0, 1}}, BlockName{0, 1}, 2)).find("own parent") != std::string::npos);
  CHECK(why(StoredEvent({}, std::nullopt, 2)).find("without blocks") != std::string::npos);
  CHECK(why(StoredEvent({{0, 1}}, std::nullopt, 0)).find("block_size") != std::string::npos);
  EngineEvent short_of_tokens = StoredEvent({{0, 1}, {0, 2}}, std::nullopt, 2);
  short_of_tokens.tokens.pop_back();
  CHECK(why(short_of_tokens).find("3 tokens") != std::string::npos);
  EngineEvent long_name = StoredEvent({{0, 1}}, std::nullopt, 2);
  long_name.lora_name = std::string(2000, 'x');
  CHECK(why(long_name).find("lora_name") != std::string::npos);
  // A hash of 5 bytes; one that is a float; no list; a tag that is a number.
  const std::string removed =
      "\xac"
      "BlockRemoved";
  CHECK(ReadEngineBatch(OneEvent("\x92" + removed +
                                 "\x91\xc4\x05"
                                 "abcde"))
            .error()
            .message.find("5 bytes") != std::string::npos);
  CHECK(!ReadEngineBatch(OneEvent("\x92" + removed + std::string("\x91\xca\0\0\0\0", 6))).ok());
  CHECK(!ReadEngineBatch(OneEvent("\x92" + removed + "\x07")).ok());
  CHECK(!ReadEngineBatch(OneEvent("\x92\x07\x07")).ok());
  CHECK(!ReadEngineBatch(OneEvent("\x90")).ok());
  CHECK(!ReadEngineBatch(OneEvent("\xc0")).ok());
}

TEST_CASE("fields more are skipped, missing ones are their defaults, unknown kinds are counted") {
  const std::string removed =
      "\xac"
      "BlockRemoved";
  const Result<EngineBatch> more =
      ReadEngineBatch(OneEvent("\x96" + removed + "\x91\x05\xc0\xc0\x93\x01\x02\x81\x01\x02\x07"));
  REQUIRE(more.ok());
  CHECK(more->events.at(0).blocks == std::vector<BlockName>{{0, 5}});
  const Result<EngineBatch> fewer = ReadEngineBatch(OneEvent("\x92" + removed + "\x91\xff"));  // -1
  REQUIRE(fewer.ok());
  CHECK(fewer->events.at(0).blocks == std::vector<BlockName>{{0, ~0ull}});
  const Result<EngineBatch> unknown =
      ReadEngineBatch(OneEvent("\x93\xa7"
                               "NewKind\x91\x01\x80"));
  REQUIRE(unknown.ok());
  CHECK(unknown->events.empty());
  CHECK(unknown->unknown == 1);
  const Result<EngineBatch> two = ReadEngineBatch(std::string("\x92\xcb\x40\x09\x21\xfb\x54\x44\x2d\x18\x90", 11));
  REQUIRE(two.ok());
  CHECK(!two->rank.has_value());
}

TEST_CASE("a LoRA that has a number alone has a name, and its name among the extra keys is said once") {
  const std::string head =
      "\xab"
      "BlockStored"
      "\x91\x05\xc0\x91\x09\x01";  // hashes [5], no parent, tokens [9], size 1
  const Result<EngineBatch> number = ReadEngineBatch(OneEvent("\x96" + head + "\x04"));
  REQUIRE(number.ok());
  CHECK(number->events.at(0).lora_name == "#4");
  const Result<EngineBatch> named = ReadEngineBatch(OneEvent("\x99" + head +
                                                             "\x04\xc0\xa2"
                                                             "fr"
                                                             "\x91\x92\xa2"
                                                             "fr"
                                                             "\xa1"
                                                             "s"));
  REQUIRE(named.ok());
  CHECK(named->events.at(0).lora_name == "fr");
  CHECK(named->events.at(0).extra == std::vector<std::string>{"s"});
}

TEST_CASE("extra keys that nest, as those of images do, are read as one text, and are too long only by what they say") {
  const std::string head =
      "\xab"
      "BlockStored"
      "\x91\x05\xc0\x91\x09\x01\xc0\xc0\xc0";
  const std::string hash(64, 'h');
  // [[0, hash], nil x 30]
  const std::string nested =
      "\xdc" + std::string("\x00\x1f", 2) + "\x92" + std::string(1, '\0') + "\xd9\x40" + hash + std::string(30, '\xc0');
  const Result<EngineBatch> read = ReadEngineBatch(OneEvent("\x99" + head + "\x91" + nested));
  REQUIRE(read.ok());
  CHECK(read->events.at(0).extra == std::vector<std::string>{"#0" + std::string(1, '\0') + hash});
  std::string many = "\xdc" + std::string("\x00\x11", 2);
  for (int i = 0; i < 17; ++i) many += "\xd9\x40" + hash;
  CHECK(!ReadEngineBatch(OneEvent("\x99" + head + "\x91" + many)).ok());
}

TEST_CASE("changed bytes are read or refused, and what is read can be written and read again") {
  test::ForAll("changed bytes", [](std::uint32_t at, std::uint8_t byte, bool maps) {
    std::string payload = WriteEngineBatch(Usual(), maps ? EngineLayout::kMaps : EngineLayout::kArrays);
    payload[at % payload.size()] = static_cast<char>(byte);
    const Result<EngineBatch> read = ReadEngineBatch(payload);
    if (!read.ok()) return;
    const Result<EngineBatch> again = ReadEngineBatch(WriteEngineBatch(*read, EngineLayout::kArrays));
    RC_ASSERT(again.ok());
    RC_ASSERT(again->events == read->events);
  });
}

}  // namespace
}  // namespace prefixmesh::kvevents
