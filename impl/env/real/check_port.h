// check_port.h — a request port within the port, for calls that ask how the router is: status and health.
//
// They have bounds of their own, so that however many a stranger makes they take nothing from requests: so many at a
// time, messages of a few bytes, and a second for either direction.
//
// Threads, ownership, errors: request_port.h. Bounds: `calls`, of RequestPort::kCallBytes each.
#pragma once

#include <cstdint>

#include "impl/env/byte_budget.h"
#include "impl/env/env.h"
#include "impl/env/real/request_port.h"

namespace prefixmesh {

class CheckPort {
 public:
  CheckPort(std::uint64_t calls, const GrpcListener& listener, Clock& clock, Executor& executor)
      : budget_(calls * RequestPort::kCallBytes),
        port_(AdmissionOf(calls), kTimeout, kMessageBytes, listener, budget_, clock, executor) {}

  RequestPort& port() { return port_; }
  std::uint64_t refused() const { return budget_.refused() + port_.bodies_refused(); }

 private:
  static constexpr Time kTimeout = std::chrono::seconds(1);
  static constexpr std::uint64_t kMessageBytes = 4096;
  static BodyAdmissionOptions AdmissionOf(std::uint64_t calls) {
    BodyAdmissionOptions options;
    options.bodies = options.waiting = calls;
    options.timeout = kTimeout;
    return options;
  }

  ByteBudget budget_;
  RequestPort port_;
};

}  // namespace prefixmesh
