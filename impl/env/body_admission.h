// body_admission.h — which requests may have their bodies read now: bounds what half-sent bodies can hold.
//
//   Arrived ─► kRead ─────────────────────► Ended (the body is in, or the call is over)
//          ├─► kWait ─► (a place got free) ─┘
//          └─► kRefuse
//
// A body that is being read holds up to a whole message; a call that waits holds what HTTP/2 delivers unasked (one
// stream window). At most `bodies_per_connection` bodies of a connection are read at a time and `bodies` of all; the
// next ones wait their turn: in order within a connection, and of all the connections that which is read the least
// comes first. A few connections cannot keep the others out: where all places are taken, the connection that holds the
// most gives its oldest body up to one that holds less, and a body that takes longer than a second gives way to any
// that waits; where nobody more may wait, the connection with the most that wait gives up its newest. More connections
// than `bodies` can, each with a body that does not end and enough that wait. Whatever has not ended after the timeout
// is to be refused (Expired).
//
// Threads: none of its own. Time: comes in. Ownership: values. Errors: none, see Verdict.
// Bounds: options.bodies read, options.waiting_per_connection and options.waiting waiting; beyond: kRefuse.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "impl/env/env.h"

namespace prefixmesh {

struct BodyAdmissionOptions {
  std::size_t bodies_per_connection = 16;
  std::size_t bodies = 128;
  std::size_t waiting_per_connection = 512;  // all the streams that one connection may have
  std::size_t waiting = 1024;
  Time timeout = std::chrono::seconds(10);
  Time slow_after = std::chrono::seconds(1);
};

class BodyAdmission {
 public:
  // A call; later calls have higher ids.
  using Id = std::uint64_t;
  enum class Verdict { kRead, kWait, kRefuse };
  struct Admitted {
    Verdict verdict = Verdict::kRefuse;
    std::optional<Id> evicted;  // this call gave its place up: refuse it
  };

  explicit BodyAdmission(const BodyAdmissionOptions& options) : options_(options) {}

  Admitted Arrived(Id id, std::string_view connection, Time now);
  // The call needs no place any more. Returns those that may be read now. Nothing happens for an unknown id.
  std::vector<Id> Ended(Id id);
  // Calls whose body did not arrive in time; they have lost their places. Those that may be read now are in `read`.
  std::vector<Id> Expired(Time now, std::vector<Id>& read);

  // Connections whose bodies are being read, and how many of each.
  std::map<std::string, std::size_t> Reading() const;
  // Takes all places of a connection away. Returns its calls; those that may be read now are in `read`.
  std::vector<Id> Evict(std::string_view connection, std::vector<Id>& read);

  const BodyAdmissionOptions& options() const { return options_; }
  std::size_t reading() const { return reading_.size(); }
  std::size_t waiting() const { return waiting_.size(); }
  bool idle() const { return calls_.empty(); }

 private:
  struct Connection {
    std::set<Id> reading, waiting;
  };
  struct Call {
    std::map<std::string, Connection, std::less<>>::iterator connection;
    Time arrived_at{0};
  };
  void Remove(Id id);
  bool MayRead(const Connection& connection) const {
    return reading_.size() < options_.bodies && connection.reading.size() < options_.bodies_per_connection;
  }
  // Whose body makes room for one more of `connection`, if anyone's does; and who of those that wait.
  std::optional<Id> Evictable(const Connection& connection, Time now) const;
  std::optional<Id> EvictableWaiting(const Connection& connection) const;
  std::vector<Id> Promote();

  const BodyAdmissionOptions options_;
  std::map<std::string, Connection, std::less<>> connections_;  // those with calls here
  std::map<Id, Call> calls_;
  std::set<Id> reading_, waiting_;
};

}  // namespace prefixmesh
