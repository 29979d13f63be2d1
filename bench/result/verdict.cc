#include "bench/result/verdict.h"

#include <iterator>
#include <nlohmann/json.hpp>

#include "bench/result/json_at.h"

namespace prefixmesh::bench {
namespace {

struct VerdictRow {
  const char* name;
  int exit_code;
  VerdictWords words;
};
// In the order of Verdict. A killed run is a measurement of its cap.
constexpr VerdictRow kVerdicts[] = {
    {"ok", 0, {"✓", "ok", "ok", "every planned request was sent and measured"}},
    {"failed", 1, {"✕", "failed", "failed", "the run did not finish, or nothing came back ok"}},
    {"killed", 0, {"■", "killed", "killed", "hit its stated memory cap"}},
    {"untrusted", 3, {"?", "untrusted", "untrusted", "the load generator was not good enough: no verdict"}},
    {"slo_missed", 99, {"▼", "SLO missed", "slo_missed", "an objective of the scenario was missed"}},
};
static_assert(std::size(kVerdicts) == static_cast<std::size_t>(Verdict::kSloMissed) + 1);

const VerdictRow& RowOf(Verdict verdict) { return kVerdicts[static_cast<std::size_t>(verdict)]; }

}  // namespace

const char* VerdictName(Verdict verdict) { return RowOf(verdict).name; }
int VerdictExitCode(Verdict verdict) { return RowOf(verdict).exit_code; }

std::optional<Verdict> VerdictNamed(std::string_view name) {
  for (std::size_t i = 0; i < std::size(kVerdicts); ++i)
    if (kVerdicts[i].name == name) return static_cast<Verdict>(i);
  return std::nullopt;
}

VerdictWords VerdictOf(const nlohmann::json& result) {
  const std::optional<Verdict> verdict = VerdictNamed(TextAt(result, "verdict", ""));
  if (verdict) return RowOf(*verdict).words;
  return {"?", "no verdict", "untrusted", "the file has no verdict that this report knows"};
}

}  // namespace prefixmesh::bench
