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

void AppendOperation(std::string& out, const TreeOperation& operation, JsonForm form) {
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
  } else {
    out += "\"Tokens\":[";
    ByteReader tokens(AsBytes(operation.prompt));
    for (bool first = true; tokens.remaining() >= kBytesPerToken; first = false) {
      if (!first) out += ',';
      out += std::to_string(tokens.Fixed32());
    }
    out += ']';
  }
  out += '}';
  if (form == JsonForm::kKeyAndText) {
    out += ",\"text\":";
    AppendString(out, operation.kind == Kind::kText ? operation.prompt : std::string_view());
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
  // Appends to `out` what the string says, or passes over it. How long it is.
  std::size_t String(std::string* out) {
    if (out != nullptr) {
      JsonReader ahead = *this;
      out->reserve(ahead.String(nullptr));
    }
    std::size_t bytes = 0;
    Expect("\"");
    while (ok_) {
      const std::size_t plain = rest_.find_first_of("\"\\");
      if (plain == std::string_view::npos) break;
      if (out != nullptr) *out += rest_.substr(0, plain);
      bytes += plain;
      const bool end = rest_[plain] == '"';
      rest_.remove_prefix(plain + 1);
      if (end) return bytes;
      const char escaped = Escape();
      if (out != nullptr) *out += escaped;
      ++bytes;
    }
    Fail();
    return 0;
  }
  // Calls f(number) for each of the numbers up to the closing bracket. How many there are.
  template <typename F>
  std::size_t Numbers(std::uint64_t max, F&& f) {
    std::size_t count = 0;
    for (; ok_ && !Skip("]"); ++count) {
      if (count > 0) Expect(",");
      f(Number(max));
    }
    return count;
  }
  std::size_t CountNumbers(std::uint64_t max) const {
    JsonReader ahead = *this;
    return ahead.Numbers(max, [](std::uint64_t) {});
  }

 private:
  char Escape() {
    if (Skip("\"")) return '"';
    if (Skip("\\")) return '\\';
    if (Skip("n")) return '\n';
    if (Skip("r")) return '\r';
    if (Skip("t")) return '\t';
    if (Skip("u00") && rest_.size() >= 2) {
      unsigned value = 0;
      const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + 2, value, 16);
      if (error == std::errc() && end == rest_.data() + 2 && value < 0x20) {
        rest_.remove_prefix(2);
        return static_cast<char>(value);
      }
    }
    Fail();
    return 0;
  }
  void Fail() {
    ok_ = false;
    rest_ = {};
  }

  std::string_view rest_;
  bool ok_ = true;
};

// An operation, or null to pass over it.
void ReadOperation(JsonReader& reader, TreeOperation* operation) {
  constexpr std::uint64_t kTokenMax = std::numeric_limits<std::uint32_t>::max();
  std::string* prompt = operation == nullptr ? nullptr : &operation->prompt;
  std::string* tenant = operation == nullptr ? nullptr : &operation->tenant;
  if (reader.Skip("{\"Remove\":{\"tenant\":")) {
    if (operation != nullptr) operation->type = TreeOperation::Type::kRemove;
  } else {
    reader.Expect("{\"Insert\":{");
    if (reader.Skip("\"text\":")) {
      reader.String(prompt);
    } else if (reader.Skip("\"key\":{\"Text\":")) {
      reader.String(prompt);
      reader.Expect("}");
      if (reader.Skip(",\"text\":")) reader.String(nullptr);  // whoever had the new field did not look at the old one
    } else {
      reader.Expect("\"key\":{\"Tokens\":[");
      if (operation != nullptr) {
        operation->kind = Kind::kTokens;
        prompt->reserve(reader.CountNumbers(kTokenMax) * kBytesPerToken);
      }
      reader.Numbers(kTokenMax, [&](std::uint64_t token) {
        for (unsigned i = 0; prompt != nullptr && i < kBytesPerToken; ++i)
          prompt->push_back(static_cast<char>(token >> (8 * i)));
      });
      reader.Expect("}");
      if (reader.Skip(",\"text\":")) reader.String(nullptr);
    }
    reader.Expect(",\"tenant\":");
  }
  reader.String(tenant);
  reader.Expect("}}");
}

// Reads a list; `read` is called at each operation and must pass it.
template <typename Read>
Result<JsonStateHeader> ReadState(Bytes bytes, Read&& read) {
  JsonReader reader(bytes);
  JsonStateHeader header;
  reader.Expect("{\"model_id\":");
  reader.String(&header.model_id);
  reader.Expect(",\"operations\":[");
  for (; reader.ok() && !reader.Skip("]"); ++header.operations) {
    if (header.operations > 0) reader.Expect(",");
    read(reader);
  }
  reader.Expect(",\"version\":");
  header.version = reader.Number();
  reader.Expect("}");
  if (!reader.Finished()) return Error{ErrorCode::kCorrupt, "tree state is not the JSON of one"};
  return header;
}

}  // namespace

std::string EncodeJson(const TreeState& state, JsonForm form) {
  std::string out = "{\"model_id\":";
  AppendString(out, state.model_id);
  out += ",\"operations\":[";
  for (std::size_t i = 0; i < state.operations.size(); ++i) {
    if (i > 0) out += ',';
    AppendOperation(out, state.operations[i], form);
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

Result<JsonStateHeader> CheckJsonTreeState(Bytes bytes) {
  return ReadState(bytes, [](JsonReader& reader) { ReadOperation(reader, nullptr); });
}

void ForEachJsonOperation(Bytes bytes, FunctionRef<void(const OperationView& operation)> sink) {
  const auto each = [&](JsonReader& reader) {
    TreeOperation operation;
    ReadOperation(reader, &operation);
    if (reader.ok()) sink(ViewOf(operation));
  };
  (void)ReadState(bytes, each);
}

Result<TreeState> DecodeJsonTreeState(Bytes bytes) {
  TreeState state;
  Result<JsonStateHeader> header =
      ReadState(bytes, [&](JsonReader& reader) { ReadOperation(reader, &state.operations.emplace_back()); });
  if (!header.ok()) return header.error();
  state.model_id = std::move(header->model_id);
  state.version = header->version;
  return state;
}

Result<PolicyState> DecodeJsonPolicyState(Bytes bytes) {
  constexpr std::uint64_t kByteMax = 0xff;
  JsonReader reader(bytes);
  PolicyState state;
  reader.Expect("{\"model_id\":");
  reader.String(&state.model_id);
  reader.Expect(",\"policy_type\":");
  reader.String(&state.policy_type);
  reader.Expect(",\"config\":[");
  state.config.reserve(reader.CountNumbers(kByteMax));
  reader.Numbers(kByteMax, [&](std::uint64_t byte) { state.config.push_back(static_cast<char>(byte)); });
  reader.Expect(",\"version\":");
  state.version = reader.Number();
  reader.Expect("}");
  if (!reader.Finished()) return Error{ErrorCode::kCorrupt, "policy state is not the JSON of one"};
  return state;
}

}  // namespace prefixmesh::generations
