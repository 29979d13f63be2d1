// verdict.h — what a run says in one word (docs/results.md): its name in the result, its exit code, its words for
// people. Threads: any, pure. Ownership: static text. Errors: a name that is none of them has words of its own.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string_view>

namespace prefixmesh::bench {

enum class Verdict : std::uint8_t { kOk, kFailed, kKilled, kUntrusted, kSloMissed };

const char* VerdictName(Verdict verdict);
std::optional<Verdict> VerdictNamed(std::string_view name);
int VerdictExitCode(Verdict verdict);

// "✓ ok", "! untrusted", … as text; the class is safe in HTML whatever the file says.
struct VerdictWords {
  std::string_view mark, text, css_class, meaning;
};
VerdictWords VerdictOf(const nlohmann::json& result);

}  // namespace prefixmesh::bench
