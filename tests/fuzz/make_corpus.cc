// Writes the seeds of the fuzz targets, made by our own encoders: fuzz_make_corpus FOLDER, from the project's root.
// Files that a fuzzer found lie beside them and are left alone.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "impl/base/varint.h"
#include "impl/kvevents/engine/engine_batch.h"
#include "impl/kvevents/wire/kv_message.h"
#include "impl/sync/generations/snapshot_pieces.h"
#include "impl/sync/generations/tree_store.h"
#include "impl/wire/gzip_frame.h"
#include "impl/wire/json_ops.h"
#include "impl/wire/lz4_body.h"
#include "impl/wire/path_delta.h"
#include "impl/wire/prefixmesh.pb.h"
#include "impl/wire/tenant_delta.h"
#include "impl/wire/tree_snapshot.h"
#include "loadgen/record/histogram.h"
#include "tests/fuzz/two_layer_seeds.h"
#include "tests/impl/env/http2_frames.h"

namespace {

using namespace prefixmesh;
using namespace prefixmesh::generations;

std::filesystem::path folder;

void Write(const std::string& target, const std::string& name, const std::string& bytes) {
  std::filesystem::create_directories(folder / target);
  std::ofstream(folder / target / name, std::ios::binary) << bytes;
}

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string Event(unsigned what) { return std::string(1, static_cast<char>(what)); }

std::string FrameEvent(unsigned peer, const std::string& frame) {
  return Event(peer << 7 | 4) + static_cast<char>(frame.size() & 0xff) + static_cast<char>(frame.size() >> 8) + frame;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  folder = argv[1];

  const std::vector<TreeOperation> operations = {
      {.prompt = "a first prompt", .tenant = "http://w1"},
      {.prompt = "a first and longer prompt", .tenant = "http://w2"},
      {.kind = Kind::kTokens, .prompt = std::string("\1\0\0\0\2\0\0\0", 8), .tenant = "http://w1"},
      {TreeOperation::Type::kRemove, Kind::kText, "", "http://w2"}};
  const TreeState state{"m", operations, 4};
  const TreeStateDelta delta{"m", operations, 0, 4};
  const TreeStateDelta next{"m", operations, 4, 8};
  const TreeSnapshot snapshot{{{"", {{"http://w1", 0}, {"http://w2", 0}}, 1},
                               {"a first ", {{"http://w1", 0}, {"http://w2", 0}}, 2},
                               {"and longer prompt", {{"http://w2", 2}}, 0},
                               {"prompt", {{"http://w1", 1}}, 0}}};
  const TenantDelta tenants{"m", 4, {{7, "http://w1", 3}}, {{0, "http://w2"}, {9, "http://w1"}}};
  const PathDelta paths{
      "m", 4, {{"a first prompt", "http://w1", 3}, {"tok:1,2", "http://w1", 4}}, {{"a", "http://w2"}}};

  // ---- bodies, by the decoder that the first byte names
  const std::vector<std::pair<std::string, std::string>> bodies = {
      {"tree_state", Encode(state)},
      {"tree_state_delta", Encode(delta)},
      {"tree_snapshot", Encode(snapshot)},
      {"tenant_delta", Encode(tenants)},
      {"path_delta", Encode(paths)},
      {"json_list", EncodeJson(state, JsonForm::kKeyAndText)},
      {"json_list_keys", EncodeJson(state, JsonForm::kKey)},
      {"json_envelope",
       EncodeJson(PolicyState{"m", std::string(kTreeStateTag), EncodeJson(state, JsonForm::kKeyAndText), 4})},
      {"lz4", *CompressBody(AsBytes(Encode(snapshot)))},
      {"frame", ""},
      {"gzip", GzipFrame(Encode(state) + std::string(300, 'x'))}};
  const auto entry = [](std::string_view tag, const std::string& config, std::uint64_t version) {
    return TreeEntry("tree:m", tag, config, version, "b", Time{1});
  };
  const std::vector<StoreEntry> entries = {
      entry(kTreeStateTag, Encode(state), 4),       entry(kTreeStateDeltaTag, Encode(delta), 4),
      entry(kTreeStateDeltaTag, Encode(next), 8),   entry(kTreeSnapshotTag, Encode(snapshot), 9),
      entry(kTreeStateLz4Tag, bodies[7].second, 9), entry(kTreeStateLz4Tag, *CompressBody(AsBytes(Encode(state))), 4),
      entry(kTenantDeltaTag, Encode(tenants), 4),   entry(kTenantDeltaTag, Encode(paths), 4)};
  for (std::size_t i = 0; i < bodies.size(); ++i)
    Write("generation_bodies", bodies[i].first,
          static_cast<char>(i) + (i == 8 ? EncodeBatch(Store::kPolicy, entries) : bodies[i].second));

  // ---- frames: every entry to every strategy, as it was and with all fixed, with a beat and a placement between
  const StoreEntry json{.key = "tree:m", .value = bodies[6].second, .version = 4, .actor = "b"};
  for (unsigned which = 0; which < 12; ++which) {
    for (const bool fixed : {false, true}) {
      std::string input{static_cast<char>(which), static_cast<char>(fixed ? 0xff : 0),
                        static_cast<char>(fixed ? 0x3f : 0)};
      input += Event(3) + static_cast<char>(5) + "hello";
      for (StoreEntry each : entries) {
        if (fixed) each.key = WriterKey("b", "m");
        input += FrameEvent(0, EncodeBatch(Store::kPolicy, {&each, 1})) + Event(0) + Event(0x80);
      }
      if (which == 0) input += FrameEvent(1, EncodeBatch(Store::kPolicy, {&json, 1}));
      input += Event(1) + FrameEvent(1, EncodeSnapshotRequest(Store::kPolicy)) + Event(0x82);
      input += FrameEvent(1, EncodeAcknowledgement(Store::kPolicy));
      const std::vector<std::string> pieces = *CutSnapshot(Store::kPolicy, {entries.data(), 1}, 100);
      for (const std::string& piece : pieces) input += FrameEvent(0, piece);
      input += Event(0) + Event(1) + Event(0x80);
      Write("generation_frames", "strategy_" + std::to_string(which) + (fixed ? "_fixed" : ""), input);
    }
  }

  // ---- two-layer
  two_layer::WriteTwoLayerSeeds(Write);

  // ---- the rest
  ByteWriter request;
  request.Varint(1 << 3 | 2);
  request.Blob("model");
  request.Varint(2 << 3);
  request.Varint(1);
  request.Varint(3 << 3);
  request.Varint(7);
  request.Varint(15 << 3 | 2);
  request.Blob("the prompt of a request");
  Write("request_view", "request", "\x03" + request.bytes());

  {
    using namespace test::http2;
    const std::string call = Literal(":method", "POST") + Literal(":path", "/prefixmesh.v1.Router/Generate");
    Write("http2_gate", "calls",
          "\x05" + Frame(kSettings, 0, 0, Setting(4, 65535)) + Frame(kHeaders, kEndHeaders, 1, call) +
              Frame(kData, kEndStream, 1, "a body of a call") + Frame(kWindowUpdate, 0, 0, Number(1000)) +
              Frame(kHeaders, kEndHeaders | kEndStream, 3, call) + Frame(kReset, 0, 1, Number(8)));
    Write("http2_gate", "blocks",
          "\x01" +
              Frame(kHeaders, kPadded | kHasPriority, 1,
                    "\x03" + std::string(5, '\0') + Indexed("name", "value") + std::string(3, '\0')) +
              Frame(kContinuation, 0, 1, Reference(62) + Huffman("\x8c\xf1", "\xff")) +
              Frame(kContinuation, kEndHeaders, 1, NamedBy(62, "other")) +
              Frame(kHeaders, kEndHeaders, 3, Integer(0x20, 5, 4096) + Reference(63)));
    Write("http2_gate", "control",
          "\x10" + Frame(kPing, 0, 0, "12345678") + Frame(kPriority, 0, 1, "12345") + Frame(kSettings, kAck, 0, "") +
              Frame(kGoaway, 0, 0, "12345678bye") + Frame(kData, kPadded, 1, std::string("\x02x\0\0", 4)) +
              Frame(0x77, 0xff, 5, "unknown"));
  }

  load::Histogram histogram;
  for (std::uint64_t i = 1; i < 300; ++i) histogram.Record(i * i * i);
  Write("histogram", "text", std::string(1, '\0') + histogram.Encode());
  ByteWriter plain;
  for (const char byte : std::string("\x1c\x84\x93\x13\0\0\0\4\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0\1\0\0\0\0\xd6\x93\xa4\0"
                                     "\x3f\xf0\0\0\0\0\0\0\2\3\4\1",
                                     44))
    plain.U8(static_cast<std::uint8_t>(byte));
  Write("histogram", "plain", "\x01" + plain.bytes());

  Write("trace", "trace",
        "{\"timestamp\": 0, \"input_length\": 600, \"output_length\": 5, \"hash_ids\": [1, 2]}\n"
        "{\"timestamp\": 3000, \"input_length\": 700, \"output_length\": 5, \"hash_ids\": [1, 3]}\n");

  for (const char* name : {"reference", "chat", "generations/S5", "partition"}) {
    std::string file = name;
    for (char& c : file)
      if (c == '/') c = '_';
    Write("settings", file, std::string(1, '\0') + ReadFile("loadgen/scenarios/" + std::string(name) + ".toml"));
  }
  Write("settings", "override", "\x02workload.rate=10");
  Write("settings", "json", std::string("\x01{}"));
  kvevents::KvEvent stored, removed, cleared;
  stored.id = 7;
  stored.parent = kvevents::BlockName{0, 5};
  stored.blocks = {{0, 6}, {0, 8}};
  removed.id = 8;
  removed.kind = kvevents::EventKind::kRemoved;
  removed.blocks = {{0, 8}};
  cleared.id = 9;
  cleared.kind = kvevents::EventKind::kCleared;
  v1::KvLive live;
  live.set_generation(1);
  live.set_newest(9);
  for (const kvevents::KvEvent* event : {&stored, &removed, &cleared})
    kvevents::WriteMessage(*event, *live.add_events());
  Write("kv_messages", "live", live.SerializeAsString());
  v1::KvAnswer answer;
  answer.set_kind(v1::KV_ANSWER_TREE_DUMP);
  answer.set_generation(1);
  answer.set_last(9);
  answer.set_whole(true);
  kvevents::WriteMessage(stored, *answer.add_events());
  Write("kv_messages", "answer", answer.SerializeAsString());
  kvevents::EngineBatch batch;
  batch.ts = 1.5;
  batch.rank = 0;
  kvevents::EngineEvent& chain = batch.events.emplace_back();
  chain.blocks = {{0, 6}, {7, 8}};
  chain.parent = kvevents::BlockName{0, 5};
  chain.block_size = 2;
  chain.tokens = {1, 2, 3, 70000};
  chain.lora_name = "fr";
  chain.medium = "GPU";
  chain.extra = {"salt", ""};
  batch.events.emplace_back().kind = kvevents::EventKind::kRemoved;
  batch.events.back().blocks = {{7, 8}};
  batch.events.emplace_back().kind = kvevents::EventKind::kCleared;
  Write("engine_batches", "arrays", kvevents::WriteEngineBatch(batch, kvevents::EngineLayout::kArrays));
  Write("engine_batches", "maps", kvevents::WriteEngineBatch(batch, kvevents::EngineLayout::kMaps));
  batch.events[0].parent.reset();
  Write("engine_batches", "root", kvevents::WriteEngineBatch(batch, kvevents::EngineLayout::kArrays));
  Write("result", "result", ReadFile("tests/bench/report/fixture_failed.json"));
  return 0;
}
