// result.h — start here for what everything is written with: the outcome of something that the world can make fail, a
// value or a typed error with one clear line. Mistakes of the program itself are checks (check.h).
//
//   Result<ListenSocket> socket = ListenOn(address);
//   if (!socket.ok()) return socket.error();
//   Use(*plan);
//
// Shaped like std::expected, which gcc 12 has only in C++23. A code is added when a caller branches on it.
// Threads: a value type. Ownership: by value. Errors: dereferencing a failed Result is a programmer error (CHECK).
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "impl/base/check.h"

namespace prefixmesh {

enum class ErrorCode {
  kInvalid,      // the caller's input is wrong: a flag, a key, a value
  kCorrupt,      // bytes do not decode
  kTooBig,       // a stated bound was exceeded
  kUnavailable,  // a process, port or file is not there
  kTimeout,
  kExhausted,  // memory, disk or slots ran out
  kNotFound,
  kInterrupted,  // this process was asked to end
};

const char* ErrorCodeName(ErrorCode code);

struct Error {
  ErrorCode code = ErrorCode::kInvalid;
  std::string message;  // one line, names the file, key or peer
};
// kInvalid; one line, whatever of a file or a flag the message quotes.
Error Invalid(std::string message);

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return state_.index() == 0; }
  const Error& error() const {
    PREFIXMESH_CHECK(!ok());
    return std::get<1>(state_);
  }
  T& operator*() {
    PREFIXMESH_CHECK(ok());
    return std::get<0>(state_);
  }
  const T& operator*() const {
    PREFIXMESH_CHECK(ok());
    return std::get<0>(state_);
  }
  T* operator->() { return &**this; }
  const T* operator->() const { return &**this; }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}

  bool ok() const { return !error_.has_value(); }
  const Error& error() const {
    PREFIXMESH_CHECK(!ok());
    return *error_;
  }

 private:
  std::optional<Error> error_;
};

using Status = Result<void>;

}  // namespace prefixmesh
