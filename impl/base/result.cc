#include "impl/base/result.h"

namespace prefixmesh {

const char* ErrorCodeName(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalid:
      return "invalid";
    case ErrorCode::kCorrupt:
      return "corrupt";
    case ErrorCode::kTooBig:
      return "too_big";
    case ErrorCode::kUnavailable:
      return "unavailable";
    case ErrorCode::kTimeout:
      return "timeout";
    case ErrorCode::kExhausted:
      return "exhausted";
    case ErrorCode::kNotFound:
      return "not_found";
    case ErrorCode::kInterrupted:
      return "interrupted";
  }
  return "unknown";
}

Error Invalid(std::string message) {
  for (char& c : message)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return {ErrorCode::kInvalid, std::move(message)};
}

}  // namespace prefixmesh
