#include "impl/kvevents/engine/engine_batch.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <span>
#include <utility>

#include "impl/kvevents/engine/engine_fields.h"
#include "impl/kvevents/engine/msgpack_values.h"

namespace prefixmesh::kvevents {
namespace {

Error Corrupt(const std::string& what) { return {ErrorCode::kCorrupt, "KV event batch: " + what}; }

using Value = MsgpackValue;
using Reader = MsgpackReader;

bool IsNil(const Value& value) { return value.type == Value::Type::kNil; }

Status ReadUnsigned(Reader& in, const char* what, std::uint64_t most, std::uint64_t& out) {
  const Value& value = in.Take();
  if (IsNil(value)) return {};
  if (value.type != Value::Type::kUnsigned || value.number > most) return Corrupt(std::string(what) + " is no number");
  out = value.number;
  return {};
}

Status ReadText(Reader& in, const char* what, std::string& out) {
  const Value& value = in.Take();
  if (IsNil(value)) return {};
  const bool text = value.type == Value::Type::kText || value.type == Value::Type::kBytes;
  if (!text || value.bytes.size() > kEngineTextBytesMax) return Corrupt(std::string(what) + " is no text");
  out = std::string(value.bytes);
  return {};
}

// A number of 64 bits, signed or not, or 8 or 32 bytes, of which the first 16 are kept.
Status ReadHash(Reader& in, BlockName& out) {
  const Value& value = in.Take();
  const auto big_endian = [&](std::size_t from) {
    std::uint64_t number = 0;
    for (std::size_t i = from; i < from + 8; ++i) number = number << 8 | static_cast<std::uint8_t>(value.bytes[i]);
    return number;
  };
  switch (value.type) {
    case Value::Type::kUnsigned:
    case Value::Type::kNegative:
      out = {0, value.number};
      return {};
    case Value::Type::kBytes:
      if (value.bytes.size() == 8) {
        out = {0, big_endian(0)};
        return {};
      }
      if (value.bytes.size() == 32) {
        out = {big_endian(0), big_endian(8)};
        return {};
      }
      return Corrupt("a hash of " + std::to_string(value.bytes.size()) + " bytes");
    default:
      return Corrupt("a hash is neither a number nor bytes");
  }
}

Status ReadHashes(Reader& in, std::vector<BlockName>& out) {
  const Value& list = in.Take();
  if (list.type != Value::Type::kArray) return Corrupt("block_hashes is no list");
  for (std::uint64_t i = 0; i < list.number; ++i) {
    BlockName name;
    if (Status read = ReadHash(in, name); !read.ok()) return read;
    out.push_back(name);
  }
  return {};
}

Status ReadParent(Reader& in, std::optional<BlockName>& out) {
  if (IsNil(in.Peek())) {
    in.Skip();
    return {};
  }
  return ReadHash(in, out.emplace());
}

Status ReadTokens(Reader& in, std::vector<std::uint32_t>& out) {
  const Value& list = in.Take();
  if (list.type != Value::Type::kArray) return Corrupt("token_ids is no list");
  for (std::uint64_t i = 0; i < list.number; ++i) {
    const Value& token = in.Take();
    if (token.type != Value::Type::kUnsigned || token.number > std::numeric_limits<std::uint32_t>::max())
      return Corrupt("a token is no number of 32 bits");
    out.push_back(static_cast<std::uint32_t>(token.number));
  }
  return {};
}

// Older engines tell the number of a LoRA alone.
Status ReadLoraId(Reader& in, std::string& name) {
  const Value& value = in.Take();
  if (IsNil(value)) return {};
  if (value.type != Value::Type::kUnsigned && value.type != Value::Type::kNegative)
    return Corrupt("lora_id is no number");
  if (name.empty()) name = "#" + std::to_string(value.number);
  return {};
}

// An entry per block, nil or a list, or a list of lists: what is in it, put together so that other contents make
// another text.
Status ReadExtraKeys(Reader& in, std::vector<std::vector<std::string>>& out) {
  const Value list = in.Take();
  if (IsNil(list)) return {};
  if (list.type != Value::Type::kArray) return Corrupt("extra_keys is no list");
  for (std::uint64_t i = 0; i < list.number; ++i) {
    std::vector<std::string>& entry = out.emplace_back();
    std::size_t bytes = 0;
    for (std::uint64_t left = 1; left > 0 && !in.done(); --left) {
      const Value& value = in.Take();
      if (value.type == Value::Type::kArray) left += value.number;
      if (value.type == Value::Type::kMap) left += 2 * value.number;
      const std::size_t texts = entry.size();
      if (value.type == Value::Type::kText || value.type == Value::Type::kBytes) entry.emplace_back(value.bytes);
      if (value.type == Value::Type::kUnsigned || value.type == Value::Type::kNegative)
        entry.push_back("#" + std::to_string(value.number));
      if (entry.size() > texts) bytes += entry.back().size();
      if (bytes > kEngineTextBytesMax) return Corrupt("extra_keys of a block is too long");
    }
  }
  return {};
}

// The LoRA's name stands among the extra keys, too; it has a field of its own.
Status JoinExtra(const std::vector<std::vector<std::string>>& extra_keys, EngineEvent& event) {
  if (extra_keys.size() > event.blocks.size()) return Corrupt("more extra_keys than blocks");
  std::vector<std::string> extra;
  bool any = false;
  for (const std::vector<std::string>& entry : extra_keys) {
    std::string& joined = extra.emplace_back();
    for (const std::string& text : entry)
      if (text != event.lora_name) joined += (joined.empty() ? "" : std::string(1, '\0')) + text;
    if (joined.size() > kEngineTextBytesMax) return Corrupt("extra_keys of a block is too long");
    any = any || !joined.empty();
  }
  if (!any) return {};
  extra.resize(event.blocks.size());
  event.extra = std::move(extra);
  return {};
}

// An event as its fields come.
struct Parts {
  EngineEvent event;
  std::string lora_id;
  std::vector<std::vector<std::string>> extra_keys;
};

Status ReadField(EngineField field, Reader& in, Parts& parts) {
  EngineEvent& event = parts.event;
  switch (field) {
    case EngineField::kHashes:
      return ReadHashes(in, event.blocks);
    case EngineField::kParent:
      return ReadParent(in, event.parent);
    case EngineField::kTokens:
      return ReadTokens(in, event.tokens);
    case EngineField::kBlockSize:
      return ReadUnsigned(in, "block_size", 1u << 20, event.block_size);
    case EngineField::kLoraId:
      return ReadLoraId(in, parts.lora_id);
    case EngineField::kMedium:
      return ReadText(in, "medium", event.medium);
    case EngineField::kLoraName:
      return ReadText(in, "lora_name", event.lora_name);
    case EngineField::kExtraKeys:
      return ReadExtraKeys(in, parts.extra_keys);
    case EngineField::kGroup:
      return ReadUnsigned(in, "group_idx", 1u << 20, event.group);
    case EngineField::kSkipped:
      break;
  }
  in.Skip();
  return {};
}

Status Check(const EngineEvent& event) {
  if (event.kind == EventKind::kCleared) return {};
  if (event.blocks.empty()) return Corrupt("an event without blocks");
  if (event.kind != EventKind::kStored) return {};
  if (event.block_size == 0) return Corrupt("a stored event without block_size");
  if (event.tokens.size() != event.blocks.size() * event.block_size)
    return Corrupt(std::to_string(event.tokens.size()) + " tokens in " + std::to_string(event.blocks.size()) +
                   " blocks of " + std::to_string(event.block_size));
  if (event.parent && std::find(event.blocks.begin(), event.blocks.end(), *event.parent) != event.blocks.end())
    return Corrupt("a block that is its own parent");
  return {};
}

Status Finish(Parts parts, EngineBatch& batch) {
  EngineEvent& event = parts.event;
  if (event.lora_name.empty()) event.lora_name = std::move(parts.lora_id);
  if (Status checked = Check(event); !checked.ok()) return checked;
  if (Status joined = JoinExtra(parts.extra_keys, event); !joined.ok()) return joined;
  batch.events.push_back(std::move(event));
  return {};
}

// Null: another one.
const EngineEventKind* KindOf(std::string_view tag) {
  const auto at = std::find_if(std::begin(kEngineEventKinds), std::end(kEngineEventKinds),
                               [&](const EngineEventKind& each) { return each.tag == tag; });
  return at != std::end(kEngineEventKinds) ? at : nullptr;
}

Result<std::string_view> ReadKey(Reader& in) {
  const Value& key = in.Take();
  if (key.type != Value::Type::kText) return Corrupt("a key is no text");
  return key.bytes;
}

// The tag of an event in maps is wherever its key is, so it is looked for first.
Result<const EngineEventKind*> FindKind(Reader in, std::uint64_t pairs) {
  for (std::uint64_t i = 0; i < pairs; ++i) {
    const Result<std::string_view> key = ReadKey(in);
    if (!key.ok()) return key.error();
    if (*key == "type") return KindOf(in.Take().bytes);
    in.Skip();
  }
  return Corrupt("an event without a type");
}

Status ReadMapEvent(Reader& in, EngineBatch& batch) {
  const std::uint64_t pairs = in.Peek().number;
  Reader inside = in;
  inside.Take();
  const Result<const EngineEventKind*> kind = FindKind(inside, pairs);
  if (!kind.ok()) return kind.error();
  if (*kind == nullptr) {
    ++batch.unknown;
    in.Skip();
    return {};
  }
  in.Take();
  Parts parts;
  parts.event.kind = (*kind)->kind;
  const std::span<const EngineFieldName> fields = (*kind)->fields;
  for (std::uint64_t i = 0; i < pairs; ++i) {
    const Result<std::string_view> key = ReadKey(in);
    if (!key.ok()) return key.error();
    const auto field =
        std::find_if(fields.begin(), fields.end(), [&](const EngineFieldName& each) { return each.name == *key; });
    if (Status read = ReadField(field == fields.end() ? EngineField::kSkipped : field->field, in, parts); !read.ok())
      return read;
  }
  return Finish(std::move(parts), batch);
}

Status ReadArrayEvent(Reader& in, EngineBatch& batch) {
  const std::uint64_t count = in.Peek().number;
  Reader inside = in;
  inside.Take();
  if (count == 0 || inside.Peek().type != Value::Type::kText) return Corrupt("an event without a tag");
  const EngineEventKind* const kind = KindOf(inside.Take().bytes);
  if (kind == nullptr) {
    ++batch.unknown;
    in.Skip();
    return {};
  }
  in = inside;
  Parts parts;
  parts.event.kind = kind->kind;
  const std::span<const EngineFieldName> fields = kind->fields;
  for (std::uint64_t i = 0; i + 1 < count; ++i)
    if (Status read = ReadField(i < fields.size() ? fields[i].field : EngineField::kSkipped, in, parts); !read.ok())
      return read;
  return Finish(std::move(parts), batch);
}

Status ReadEvents(Reader& in, EngineBatch& batch) {
  const Value& list = in.Take();
  if (list.type != Value::Type::kArray) return Corrupt("events is no list");
  for (std::uint64_t i = 0; i < list.number; ++i) {
    const Value::Type type = in.Peek().type;
    if (type != Value::Type::kArray && type != Value::Type::kMap) return Corrupt("an event is neither list nor map");
    if (Status read = type == Value::Type::kArray ? ReadArrayEvent(in, batch) : ReadMapEvent(in, batch); !read.ok())
      return read;
  }
  return {};
}

Status ReadTime(Reader& in, double& out) {
  const Value& value = in.Take();
  if (value.type == Value::Type::kFloat) out = value.real;
  if (value.type == Value::Type::kUnsigned) out = static_cast<double>(value.number);
  return value.type == Value::Type::kFloat || value.type == Value::Type::kUnsigned ? Status()
                                                                                   : Status(Corrupt("ts is no number"));
}

Status ReadRank(Reader& in, std::optional<std::uint32_t>& out) {
  if (IsNil(in.Peek())) {
    in.Skip();
    return {};
  }
  std::uint64_t rank = 0;
  if (Status read = ReadUnsigned(in, "data_parallel_rank", 1u << 20, rank); !read.ok()) return read;
  out = static_cast<std::uint32_t>(rank);
  return {};
}

Status ReadBatch(Reader& in, EngineBatch& batch) {
  const Value outer = in.Take();
  if (outer.type == Value::Type::kArray) {
    if (outer.number < 2) return Corrupt("a list of " + std::to_string(outer.number));
    if (Status read = ReadTime(in, batch.ts); !read.ok()) return read;
    if (Status read = ReadEvents(in, batch); !read.ok()) return read;
    return outer.number > 2 ? ReadRank(in, batch.rank) : Status();
  }
  if (outer.type != Value::Type::kMap) return Corrupt("is neither list nor map");
  bool has_events = false;
  for (std::uint64_t i = 0; i < outer.number; ++i) {
    const Result<std::string_view> key = ReadKey(in);
    if (!key.ok()) return key.error();
    Status read;
    if (*key == "ts") {
      read = ReadTime(in, batch.ts);
    } else if (*key == "events") {
      read = ReadEvents(in, batch);
      has_events = true;
    } else if (*key == "data_parallel_rank") {
      read = ReadRank(in, batch.rank);
    } else {
      in.Skip();
    }
    if (!read.ok()) return read;
  }
  return has_events ? Status() : Status(Corrupt("holds no events"));
}

}  // namespace

Result<EngineBatch> ReadEngineBatch(std::string_view payload) {
  if (payload.size() > kEngineBatchBytesMax)
    return Error{ErrorCode::kTooBig, "KV event batch: " + std::to_string(payload.size()) + " bytes"};
  const Result<std::vector<Value>> values = ReadMsgpack(payload, {kEngineValuesMax, kEngineDepthMax});
  if (!values.ok()) return Error{values.error().code, "KV event batch: " + values.error().message};
  Reader in(*values);
  EngineBatch batch;
  if (Status read = ReadBatch(in, batch); !read.ok()) return read.error();
  return batch;
}

}  // namespace prefixmesh::kvevents
