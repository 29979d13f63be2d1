#include "impl/env/real/zmq_socket.h"

namespace prefixmesh {
namespace {

constexpr std::size_t kNumberBytes = 8;

Error Failed(const char* what, const std::string& address) {
  return {ErrorCode::kUnavailable, std::string(what) + address + ": " + zmq_strerror(zmq_errno())};
}

}  // namespace

ZmqSocket::ZmqSocket(const ZmqContext& context, int type, const Bounds& bounds)
    : socket_(zmq_socket(context.get(), type)) {
  if (socket_ == nullptr) return;
  const std::pair<int, int> options[] = {
      {ZMQ_LINGER, 0},           {ZMQ_RCVHWM, bounds.waiting},  {ZMQ_SNDHWM, bounds.waiting},
      {ZMQ_RECONNECT_IVL, 250},  {ZMQ_RECONNECT_IVL_MAX, 4000}, {ZMQ_CONNECT_TIMEOUT, 4000},
      {ZMQ_HEARTBEAT_IVL, 5000}, {ZMQ_HEARTBEAT_TIMEOUT, 15000}};
  for (const auto& [option, value] : options)
    PREFIXMESH_CHECK(zmq_setsockopt(socket_, option, &value, sizeof value) == 0);
  const auto most = static_cast<std::int64_t>(bounds.message_bytes_max);
  PREFIXMESH_CHECK(zmq_setsockopt(socket_, ZMQ_MAXMSGSIZE, &most, sizeof most) == 0);
}

// Else an IPv4 address is written as an IPv6 one.
void ZmqSocket::TakeFamilyOf(const std::string& address) {
  const int ipv6 = address.find('[') != std::string::npos;
  PREFIXMESH_CHECK(zmq_setsockopt(socket_, ZMQ_IPV6, &ipv6, sizeof ipv6) == 0);
}

Status ZmqSocket::Connect(const std::string& address) {
  if (socket_ == nullptr) return Failed("no socket for ", address);
  TakeFamilyOf(address);
  if (zmq_connect(socket_, address.c_str()) != 0) return Failed("no connection to ", address);
  return {};
}

Result<std::string> ZmqSocket::Bind(const std::string& address) {
  if (socket_ == nullptr) return Failed("no socket for ", address);
  TakeFamilyOf(address);
  char bound[256];
  std::size_t size = sizeof bound;
  if (zmq_bind(socket_, address.c_str()) != 0 || zmq_getsockopt(socket_, ZMQ_LAST_ENDPOINT, bound, &size) != 0)
    return Failed("cannot listen on ", address);
  return std::string(bound);
}

void ZmqSocket::Send(std::initializer_list<std::string_view> frames) {
  std::size_t left = frames.size();
  for (const std::string_view frame : frames)
    if (zmq_send(socket_, frame.data(), frame.size(), ZMQ_DONTWAIT | (--left > 0 ? ZMQ_SNDMORE : 0)) < 0) return;
}

bool ZmqSocket::Receive(std::vector<std::string>& frames) {
  constexpr std::size_t kFramesMax = 4;
  frames.clear();
  for (bool more = true; more;) {
    zmq_msg_t frame;
    zmq_msg_init(&frame);
    const bool received = zmq_msg_recv(&frame, socket_, ZMQ_DONTWAIT) >= 0;
    if (received) {
      if (frames.size() == kFramesMax) frames.erase(frames.begin());
      frames.emplace_back(static_cast<const char*>(zmq_msg_data(&frame)), zmq_msg_size(&frame));
      more = zmq_msg_more(&frame) != 0;
    }
    zmq_msg_close(&frame);
    if (!received) return false;
  }
  return true;
}

std::string ZmqNumber(std::uint64_t number) {
  std::string bytes;
  for (int shift = 56; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(number >> shift));
  return bytes;
}

std::optional<std::uint64_t> FromZmqNumber(std::string_view frame) {
  if (frame.size() != kNumberBytes) return std::nullopt;
  std::uint64_t number = 0;
  for (const char byte : frame) number = number << 8 | static_cast<std::uint8_t>(byte);
  return number;
}

}  // namespace prefixmesh
