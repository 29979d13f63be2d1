#include "impl/wire/json_ops.h"

#include <charconv>
#include <limits>

namespace prefixmesh::generations {
namespace {

constexpr char kHex[] = "0123456789abcdef";

void AppendString(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (byte >= 0x20) {
          out += c;
        } else {
          out += "\\u00";
          out += kHex[byte >> 4];
          out += kHex[byte & 15];
        }
    }
  }
  out += '"';
}

void AppendOperation(std::string& out, const TreeOperation& operation) {
  if (operation.type == TreeOperation::Type::kRemove) {
    out += "{\"Remove\":{\"tenant\":";
    AppendString(out, operation.tenant);
    out += "}}";
    return;
  }
  out += "{\"Insert\":{\"key\":{";
  if (operation.kind == Kind::kText) {
    out += "\"Text\":";
    AppendString(out, operation.prompt);
    out += "},\"text\":";
    AppendString(out, operation.prompt);
  } else {
    out += "\"Tokens\":[";
    ByteReader tokens(AsBytes(operation.prompt));
    for (bool first = true; tokens.remaining() >= kBytesPerToken; first = false) {
      if (!first) out += ',';
      out += std::to_string(tokens.Fixed32());
    }
    out += "]},\"text\":\"\"";
  }
  out += ",\"tenant\":";
  AppendString(out, operation.tenant);
  out += "}}";
}

// Reads exactly what the writers above write. The first thing that is something else turns it bad for good.
class JsonReader {
 public:
  explicit JsonReader(Bytes bytes) : rest_(AsText(bytes)) {}

  bool Finished() const { return ok_ && rest_.empty(); }
  bool ok() const { return ok_; }

  void Expect(std::string_view literal) {
    if (!Skip(literal)) Fail();
  }
  // Takes the literal if it is next.
  bool Skip(std::string_view literal) {
    if (!rest_.starts_with(literal)) return false;
    rest_.remove_prefix(literal.size());
    return true;
  }
  std::uint64_t Number(std::uint64_t max = std::numeric_limits<std::uint64_t>::max()) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (error != std::errc() || value > max) return Fail(), 0;
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    return value;
  }
  std::string String() {
    std::string out;
    Expect("\"");
    while (ok_) {
      const std::size_t plain = rest_.find_first_of("\"\\");
      if (plain == std::string_view::npos) break;
      out += rest_.substr(0, plain);
      const bool end = rest_[plain] == '"';
      rest_.remove_prefix(plain + 1);
      if (end) return out;
      Escape(out);
    }
    Fail();
    return out;
  }

 private:
  void Escape(std::string& out) {
    if (Skip("\"")) {
      out += '"';
    } else if (Skip("\\")) {
      out += '\\';
    } else if (Skip("n")) {
      out += '\n';
    } else if (Skip("r")) {
      out += '\r';
    } else if (Skip("t")) {
      out += '\t';
    } else if (Skip("u00") && rest_.size() >= 2) {
      unsigned value = 0;
      const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + 2, value, 16);
      if (error != std::errc() || end != rest_.data() + 2 || value >= 0x20) return Fail();
      out += static_cast<char>(value);
      rest_.remove_prefix(2);
    } else {
      Fail();
    }
  }
  void Fail() {
    ok_ = false;
    rest_ = {};
  }

  std::string_view rest_;
  bool ok_ = true;
};

TreeOperation ReadOperation(JsonReader& reader) {
  TreeOperation operation;
  if (reader.Skip("{\"Remove\":{\"tenant\":")) {
    operation.type = TreeOperation::Type::kRemove;
  } else {
    reader.Expect("{\"Insert\":{\"key\":{");
    if (reader.Skip("\"Text\":")) {
      operation.prompt = reader.String();
      reader.Expect("},\"text\":");
    } else {
      operation.kind = Kind::kTokens;
      reader.Expect("\"Tokens\":[");
      ByteWriter tokens;
      for (bool first = true; reader.ok() && !reader.Skip("]"); first = false) {
        if (!first) reader.Expect(",");
        tokens.Fixed32(static_cast<std::uint32_t>(reader.Number(std::numeric_limits<std::uint32_t>::max())));
      }
      operation.prompt = tokens.Take();
      reader.Expect("},\"text\":");
    }
    reader.String();  // the old field; whoever had the new one did not look at it
    reader.Expect(",\"tenant\":");
  }
  operation.tenant = reader.String();
  reader.Expect("}}");
  return operation;
}

}  // namespace

std::string EncodeJson(const TreeState& state) {
  std::string out = "{\"model_id\":";
  AppendString(out, state.model_id);
  out += ",\"operations\":[";
  for (std::size_t i = 0; i < state.operations.size(); ++i) {
    if (i > 0) out += ',';
    AppendOperation(out, state.operations[i]);
  }
  out += "],\"version\":" + std::to_string(state.version) + "}";
  return out;
}

std::string EncodeJson(const PolicyState& state) {
  std::string out = "{\"model_id\":";
  AppendString(out, state.model_id);
  out += ",\"policy_type\":";
  AppendString(out, state.policy_type);
  out += ",\"config\":[";
  out.reserve(out.size() + 4 * state.config.size() + 40);
  for (std::size_t i = 0; i < state.config.size(); ++i) {
    if (i > 0) out += ',';
    char digits[4];
    const auto end = std::to_chars(digits, digits + sizeof(digits), static_cast<unsigned char>(state.config[i])).ptr;
    out.append(digits, end);
  }
  out += "],\"version\":" + std::to_string(state.version) + "}";
  return out;
}

Result<TreeState> DecodeJsonTreeState(Bytes bytes) {
  JsonReader reader(bytes);
  TreeState state;
  reader.Expect("{\"model_id\":");
  state.model_id = reader.String();
  reader.Expect(",\"operations\":[");
  for (bool first = true; reader.ok() && !reader.Skip("]"); first = false) {
    if (!first) reader.Expect(",");
    state.operations.push_back(ReadOperation(reader));
  }
  reader.Expect(",\"version\":");
  state.version = reader.Number();
  reader.Expect("}");
  if (!reader.Finished()) return Error{ErrorCode::kCorrupt, "tree state is not the JSON of one"};
  return state;
}

Result<PolicyState> DecodeJsonPolicyState(Bytes bytes) {
  JsonReader reader(bytes);
  PolicyState state;
  reader.Expect("{\"model_id\":");
  state.model_id = reader.String();
  reader.Expect(",\"policy_type\":");
  state.policy_type = reader.String();
  reader.Expect(",\"config\":[");
  for (bool first = true; reader.ok() && !reader.Skip("]"); first = false) {
    if (!first) reader.Expect(",");
    state.config.push_back(static_cast<char>(reader.Number(0xff)));
  }
  reader.Expect(",\"version\":");
  state.version = reader.Number();
  reader.Expect("}");
  if (!reader.Finished()) return Error{ErrorCode::kCorrupt, "policy state is not the JSON of one"};
  return state;
}

}  // namespace prefixmesh::generations
