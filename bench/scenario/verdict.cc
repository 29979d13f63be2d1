// verdict.cc — the word and the exit code of each verdict (runner.h).
#include "bench/scenario/runner.h"

namespace prefixmesh::bench {

const char* VerdictName(Verdict verdict) {
  switch (verdict) {
    case Verdict::kOk:
      return "ok";
    case Verdict::kFailed:
      return "failed";
    case Verdict::kKilled:
      return "killed";
    case Verdict::kUntrusted:
      return "untrusted";
    case Verdict::kSloMissed:
      return "slo_missed";
  }
  return "unknown";
}

int VerdictExitCode(Verdict verdict) {
  switch (verdict) {
    case Verdict::kOk:
    case Verdict::kKilled:
      return 0;
    case Verdict::kFailed:
      return 1;
    case Verdict::kUntrusted:
      return 3;
    case Verdict::kSloMissed:
      return 99;
  }
  return 1;
}

}  // namespace prefixmesh::bench
