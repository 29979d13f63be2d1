#include <algorithm>
#include <iterator>

#define MSGPACK_NO_BOOST
#include <msgpack.hpp>

#include "impl/kvevents/engine/engine_batch.h"
#include "impl/kvevents/engine/engine_fields.h"

namespace prefixmesh::kvevents {
namespace {

using Packer = msgpack::packer<msgpack::sbuffer>;

void Text(Packer& out, std::string_view text) {
  out.pack_str(static_cast<std::uint32_t>(text.size()));
  out.pack_str_body(text.data(), static_cast<std::uint32_t>(text.size()));
}
void TextOrNil(Packer& out, std::string_view text) {
  if (text.empty()) {
    out.pack_nil();
  } else {
    Text(out, text);
  }
}
void Hash(Packer& out, const BlockName& name) {
  if (name.high == 0) {
    out.pack(name.low);
    return;
  }
  char bytes[32] = {};
  for (int i = 0; i < 8; ++i) {
    bytes[i] = static_cast<char>(name.high >> (56 - 8 * i));
    bytes[8 + i] = static_cast<char>(name.low >> (56 - 8 * i));
  }
  out.pack_bin(sizeof bytes);
  out.pack_bin_body(bytes, sizeof bytes);
}

void WriteField(EngineField field, const EngineEvent& event, Packer& out) {
  switch (field) {
    case EngineField::kHashes:
      out.pack_array(static_cast<std::uint32_t>(event.blocks.size()));
      for (const BlockName& name : event.blocks) Hash(out, name);
      return;
    case EngineField::kParent:
      event.parent ? Hash(out, *event.parent) : static_cast<void>(out.pack_nil());
      return;
    case EngineField::kTokens:
      out.pack(event.tokens);
      return;
    case EngineField::kBlockSize:
      out.pack(event.block_size);
      return;
    case EngineField::kMedium:
      return TextOrNil(out, event.medium);
    case EngineField::kLoraName:
      return TextOrNil(out, event.lora_name);
    case EngineField::kExtraKeys:
      if (event.extra.empty()) {
        out.pack_nil();
        return;
      }
      out.pack_array(static_cast<std::uint32_t>(event.extra.size()));
      for (const std::string& text : event.extra) {
        if (!text.empty()) out.pack_array(1);
        TextOrNil(out, text);
      }
      return;
    case EngineField::kGroup:
      out.pack(event.group);
      return;
    case EngineField::kLoraId:
    case EngineField::kSkipped:
      out.pack_nil();
      return;
  }
}

void WriteEvent(const EngineEvent& event, EngineLayout layout, Packer& out) {
  const EngineEventKind& kind = *std::find_if(std::begin(kEngineEventKinds), std::end(kEngineEventKinds),
                                              [&](const EngineEventKind& each) { return each.kind == event.kind; });
  const auto count = static_cast<std::uint32_t>(kind.fields.size() + 1);
  if (layout == EngineLayout::kArrays) {
    out.pack_array(count);
    Text(out, kind.tag);
  } else {
    out.pack_map(count);
    Text(out, "type");
    Text(out, kind.tag);
  }
  for (const EngineFieldName& field : kind.fields) {
    if (layout == EngineLayout::kMaps) Text(out, field.name);
    WriteField(field.field, event, out);
  }
}

}  // namespace

std::string WriteEngineBatch(const EngineBatch& batch, EngineLayout layout) {
  msgpack::sbuffer buffer;
  Packer out(buffer);
  const auto events = [&] {
    out.pack_array(static_cast<std::uint32_t>(batch.events.size()));
    for (const EngineEvent& event : batch.events) WriteEvent(event, layout, out);
  };
  const auto rank = [&] { batch.rank ? static_cast<void>(out.pack(*batch.rank)) : static_cast<void>(out.pack_nil()); };
  if (layout == EngineLayout::kArrays) {
    out.pack_array(3);
    out.pack(batch.ts);
    events();
    rank();
  } else {
    out.pack_map(3);
    Text(out, "ts");
    out.pack(batch.ts);
    Text(out, "events");
    events();
    Text(out, "data_parallel_rank");
    rank();
  }
  return {buffer.data(), buffer.size()};
}

}  // namespace prefixmesh::kvevents
