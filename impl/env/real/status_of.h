// status_of.h — what a client is told of an error of the router.
//
// Threads: pure. Ownership: copies. Errors, time, bounds: none.
#pragma once

#include <grpcpp/support/status.h>

#include "impl/base/result.h"

namespace prefixmesh {

inline grpc::Status StatusOf(const Error& error) {
  switch (error.code) {
    case ErrorCode::kNotFound:
      return {grpc::StatusCode::NOT_FOUND, error.message};
    case ErrorCode::kUnavailable:
      return {grpc::StatusCode::UNAVAILABLE, error.message};
    case ErrorCode::kTooBig:
    case ErrorCode::kExhausted:
      return {grpc::StatusCode::RESOURCE_EXHAUSTED, error.message};
    default:
      return {grpc::StatusCode::INVALID_ARGUMENT, error.message};
  }
}

}  // namespace prefixmesh
