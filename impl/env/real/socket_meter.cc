#include "impl/env/real/socket_meter.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <linux/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cstdlib>

namespace prefixmesh {
namespace {

std::uint16_t PortOf(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
  if (address.ss_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
  return 0;
}

}  // namespace

SocketMeter::Totals SocketMeter::Sample(const std::set<std::uint16_t>& ports) {
  if (DIR* directory = opendir("/proc/self/fd")) {
    while (const dirent* entry = readdir(directory)) {
      const int fd = std::atoi(entry->d_name);
      struct stat status {};
      if (entry->d_name[0] == '.' || fstat(fd, &status) != 0 || !S_ISSOCK(status.st_mode)) continue;
      sockaddr_storage local{}, remote{};
      socklen_t local_size = sizeof(local), remote_size = sizeof(remote);
      if (getsockname(fd, reinterpret_cast<sockaddr*>(&local), &local_size) != 0) continue;
      if (getpeername(fd, reinterpret_cast<sockaddr*>(&remote), &remote_size) != 0) continue;
      if (ports.count(PortOf(local)) + ports.count(PortOf(remote)) == 0) continue;
      tcp_info info{};
      socklen_t size = sizeof(info);
      if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) continue;
      by_inode_[status.st_ino] = {info.tcpi_bytes_sent, info.tcpi_bytes_received};
    }
    closedir(directory);
  }
  Totals totals;
  for (const auto& [inode, counts] : by_inode_) {
    totals.sent += counts.sent;
    totals.received += counts.received;
  }
  return totals;
}

}  // namespace prefixmesh
