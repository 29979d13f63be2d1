#include "impl/env/real/socket_meter.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <linux/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cstdlib>
#include <utility>

namespace prefixmesh {
namespace {

std::uint16_t PortOf(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
  if (address.ss_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
  return 0;
}

struct OpenSocket {
  int fd;
  std::uint64_t inode;
  sockaddr_storage local, remote;
};

// Every connected socket of this process.
template <typename F>
void ForEachSocket(F&& visit) {
  DIR* directory = opendir("/proc/self/fd");
  if (directory == nullptr) return;
  while (const dirent* entry = readdir(directory)) {
    OpenSocket socket{std::atoi(entry->d_name), 0, {}, {}};
    struct stat status {};
    if (entry->d_name[0] == '.' || fstat(socket.fd, &status) != 0 || !S_ISSOCK(status.st_mode)) continue;
    socket.inode = status.st_ino;
    socklen_t local_size = sizeof(socket.local), remote_size = sizeof(socket.remote);
    if (getsockname(socket.fd, reinterpret_cast<sockaddr*>(&socket.local), &local_size) != 0) continue;
    if (getpeername(socket.fd, reinterpret_cast<sockaddr*>(&socket.remote), &remote_size) != 0) continue;
    visit(socket);
  }
  closedir(directory);
}

std::optional<tcp_info> InfoOf(int fd) {
  tcp_info info{};
  socklen_t size = sizeof(info);
  if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return std::nullopt;
  return info;
}

// As gRPC writes it; empty for what is no TCP address.
std::string PeerName(const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN] = {};
  if (address.ss_family == AF_INET) {
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(address).sin_addr, text, sizeof text);
  } else if (address.ss_family == AF_INET6) {
    const in6_addr& v6 = reinterpret_cast<const sockaddr_in6&>(address).sin6_addr;
    if (!IN6_IS_ADDR_V4MAPPED(&v6)) {
      inet_ntop(AF_INET6, &v6, text, sizeof text);
      return "ipv6:%5B" + std::string(text) + "%5D:" + std::to_string(PortOf(address));
    }
    inet_ntop(AF_INET, v6.s6_addr + 12, text, sizeof text);
  } else {
    return {};
  }
  return "ipv4:" + std::string(text) + ":" + std::to_string(PortOf(address));
}

}  // namespace

SocketMeter::Totals SocketMeter::Sample(const std::set<std::uint16_t>& ports) {
  std::map<std::uint64_t, Totals> open;
  ForEachSocket([&](const OpenSocket& socket) {
    if (ports.count(PortOf(socket.local)) + ports.count(PortOf(socket.remote)) == 0) return;
    if (const auto info = InfoOf(socket.fd)) open[socket.inode] = {info->tcpi_bytes_sent, info->tcpi_bytes_received};
  });
  for (const auto& [inode, counts] : open_) {
    if (open.count(inode) > 0) continue;
    closed_.sent += counts.sent;
    closed_.received += counts.received;
  }
  open_ = std::move(open);
  Totals totals = closed_;
  for (const auto& [inode, counts] : open_) {
    totals.sent += counts.sent;
    totals.received += counts.received;
  }
  return totals;
}

void ConnectionMeter::Find() {
  ForEachSocket([&](const OpenSocket& socket) { sockets_[PeerName(socket.remote)] = {socket.fd, socket.inode}; });
}

std::optional<std::uint64_t> ConnectionMeter::Received(const std::string& peer) {
  for (const bool again : {false, true}) {
    if (again) Find();
    const auto at = sockets_.find(peer);
    struct stat status {};
    if (at == sockets_.end() || fstat(at->second.fd, &status) != 0 || status.st_ino != at->second.inode) continue;
    if (const auto info = InfoOf(at->second.fd)) return info->tcpi_bytes_received;
  }
  return std::nullopt;
}

void ConnectionMeter::Keep(const std::set<std::string>& peers) {
  std::erase_if(sockets_, [&](const auto& entry) { return peers.count(entry.first) == 0; });
}

}  // namespace prefixmesh
