// zmq_socket.h — ZeroMQ sockets as KV events need them: messages of frames, numbers of 8 bytes, bounds set once.
//
// Threads: one at a time. Ownership: the socket owns itself; the context outlives it. Errors: a bind or connect that
// fails is kUnavailable with ZeroMQ's word; what cannot be sent at once is dropped, and what cannot be received is
// nothing. Bounds: `waiting` messages, of frames of `message_bytes_max` each way; ZeroMQ parts for good from who sends
// a larger one, and bounds no message of frames without end. Time: a connection that broke is made again after 250 ms
// to 4 s; a silent one is broken after 15 s.
#pragma once

#include <zmq.h>

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "impl/base/check.h"
#include "impl/base/result.h"

namespace prefixmesh {

class ZmqContext {
 public:
  explicit ZmqContext(std::size_t sockets_max) : context_(zmq_ctx_new()) {
    PREFIXMESH_CHECK(context_ != nullptr);
    zmq_ctx_set(context_, ZMQ_MAX_SOCKETS, static_cast<int>(sockets_max));
  }
  ~ZmqContext() { zmq_ctx_term(context_); }
  ZmqContext(const ZmqContext&) = delete;
  ZmqContext& operator=(const ZmqContext&) = delete;
  void* get() const { return context_; }

 private:
  void* const context_;
};

class ZmqSocket {
 public:
  struct Bounds {
    int waiting = 1;
    std::size_t message_bytes_max = 0;
  };
  ZmqSocket() = default;  // none
  // None, where there are too many or no descriptor is left; Connect and Bind say so.
  ZmqSocket(const ZmqContext& context, int type, const Bounds& bounds);
  ZmqSocket(ZmqSocket&& other) noexcept : socket_(std::exchange(other.socket_, nullptr)) {}
  ZmqSocket& operator=(ZmqSocket&& other) noexcept {
    std::swap(socket_, other.socket_);
    return *this;
  }
  ~ZmqSocket() {
    if (socket_ != nullptr) zmq_close(socket_);
  }

  Status Connect(const std::string& address);
  // Returns the address that it has; a port * takes a free one.
  Result<std::string> Bind(const std::string& address);
  // All frames or none.
  void Send(std::initializer_list<std::string_view> frames);
  // The frames of the next message, if there is one: the last four, of more nothing is known here.
  bool Receive(std::vector<std::string>& frames);

  void* get() const { return socket_; }
  explicit operator bool() const { return socket_ != nullptr; }

 private:
  void TakeFamilyOf(const std::string& address);
  void* socket_ = nullptr;
};

// 8 bytes, big endian.
std::string ZmqNumber(std::uint64_t number);
std::optional<std::uint64_t> FromZmqNumber(std::string_view frame);

}  // namespace prefixmesh
