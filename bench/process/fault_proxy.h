// fault_proxy.h — a TCP proxy on loopback whose links can be cut without a word: what a partition looks like.
//
// A link is a port here and a port behind it; what connects to the one talks to the other. Each direction of a link is
// cut and healed by itself. A cut direction is held, not closed: nothing of it is read or passed on, no FIN, no RST, so
// its sender fills the kernel's buffers and waits, and keepalives have to find out by themselves. Healed, what was held
// arrives whole and in order, as TCP's own repetition would bring it. What a side does, closing included, reaches the
// other only through its own direction. A connection attempted while either direction of its link is cut is not
// accepted: the kernel completes the handshake, the rest is silence until the heal. (A dropped network would not answer
// the SYN either; a process cannot keep its kernel from it. To a program that waits for bytes the two look the same.)
//
// Threads:   one of its own; the calls come from any thread. Cut and Heal return when the proxy's thread has taken
// them,
//            within one turn of its loop: nothing is passed on after Cut returned.
// Bounds:    kPipeBytes per direction of a connection, read again only when passed on; kConnectionsMax per link, more
//            wait unaccepted. The kernel's socket buffers come on top.
// Errors:    Start: kExhausted without ports or descriptors. Later, a port behind that does not answer closes the
//            connection that asked for it; a reset closes both ends.
// Ownership: the destructor closes everything, held bytes are lost.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "impl/base/result.h"

namespace prefixmesh::bench {

class FaultProxy {
 public:
  static constexpr std::size_t kPipeBytes = 64u << 10;
  static constexpr std::size_t kConnectionsMax = 64;

  // Seen from whoever connects to the link.
  enum class Direction : std::uint8_t { kToTarget = 0, kFromTarget = 1 };

  // One link per port of 127.0.0.1, in this order.
  static Result<std::unique_ptr<FaultProxy>> Start(const std::vector<std::uint16_t>& target_ports);
  virtual ~FaultProxy() = default;

  // Where the link listens, on 127.0.0.1.
  virtual std::uint16_t port(std::size_t link) const = 0;
  virtual void Cut(std::size_t link, Direction direction) = 0;
  virtual void Heal(std::size_t link, Direction direction) = 0;
};

}  // namespace prefixmesh::bench
