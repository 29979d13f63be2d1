#include "impl/env/real/metrics_page.h"

#include <microhttpd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "impl/env/real/listen_socket.h"
#include "impl/env/real/process.h"

namespace prefixmesh {
namespace {

constexpr char kContentType[] = "text/plain; version=0.0.4; charset=utf-8";

MHD_Result Respond(MHD_Connection* connection, unsigned status, const std::string& text) {
  MHD_Response* response = MHD_create_response_from_buffer(text.size(), const_cast<char*>(text.data()),
                                                           MHD_RESPMEM_MUST_COPY);  // NOLINT: it only reads
  if (response == nullptr) return MHD_NO;
  MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, kContentType);
  const MHD_Result queued = MHD_queue_response(connection, status, response);
  MHD_destroy_response(response);
  return queued;
}

class MetricsServer final : public MetricsPage {
 public:
  explicit MetricsServer(Page page) : page_(std::move(page)) {}
  ~MetricsServer() override {
    if (daemon_ != nullptr) MHD_stop_daemon(daemon_);  // closes the socket, too
  }

  Status Serve(const std::string& listen, const PortLimits& limits) {
    const Result<ListenSocket> socket = ListenOn(listen);
    if (!socket.ok()) return socket.error();
    port_ = socket->port;
    connections_max_ = limits.connections;
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(limits.body_timeout).count();
    daemon_ = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, nullptr, nullptr, &MetricsServer::OnRequest, this,
                               MHD_OPTION_LISTEN_SOCKET, socket->fd, MHD_OPTION_CONNECTION_LIMIT,
                               static_cast<unsigned>(limits.connections + 1), MHD_OPTION_CONNECTION_TIMEOUT,
                               static_cast<unsigned>(std::max<std::int64_t>(seconds, 1)), MHD_OPTION_NOTIFY_CONNECTION,
                               &MetricsServer::OnConnection, this, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                               static_cast<std::size_t>(limits.header_bytes), MHD_OPTION_END);
    if (daemon_ != nullptr) return {};
    close(socket->fd);
    return Error{ErrorCode::kUnavailable, "cannot serve " + listen + ": the HTTP server did not start"};
  }

  std::uint16_t port() const override { return port_; }

 private:
  // On the server's one thread. One connection more than there are places is accepted, and the oldest gives way to it:
  // a request is answered within a turn of the loop, long before as many others came.
  static void OnConnection(void* self, MHD_Connection* connection, void** state, MHD_ConnectionNotificationCode code) {
    auto& page = *static_cast<MetricsServer*>(self);
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
      page.open_.erase(reinterpret_cast<std::uintptr_t>(*state));
      if (!page.crowded_ || page.open_.size() > page.connections_max_ / 2) return;
      page.crowded_ = false;
      ReturnFreedMemory();
      return;
    }
    const MHD_ConnectionInfo* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    *state = reinterpret_cast<void*>(++page.last_);  // NOLINT: a number that the library keeps
    page.open_[page.last_] = info->connect_fd;
    if (page.open_.size() <= page.connections_max_) return;
    page.crowded_ = true;
    shutdown(page.open_.begin()->second, SHUT_RDWR);
  }

  static MHD_Result OnRequest(void* self, MHD_Connection* connection, const char* url, const char* method, const char*,
                              const char*, std::size_t* body_bytes, void** state) {
    if (*state == nullptr) {  // the headers are in; a body, if there is one, is dropped
      *state = self;
      return MHD_YES;
    }
    if (*body_bytes > 0) {
      *body_bytes = 0;
      return MHD_YES;
    }
    if (std::strcmp(method, MHD_HTTP_METHOD_GET) != 0 && std::strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
      return Respond(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET\n");
    if (std::strcmp(url, "/metrics") != 0) return Respond(connection, MHD_HTTP_NOT_FOUND, "only /metrics\n");
    return Respond(connection, MHD_HTTP_OK, static_cast<MetricsServer*>(self)->page_());
  }

  const Page page_;
  MHD_Daemon* daemon_ = nullptr;
  std::uint16_t port_ = 0;
  std::size_t connections_max_ = 0;
  bool crowded_ = false;  // some had to give way, and not half of them are gone yet
  std::uintptr_t last_ = 0;
  std::map<std::uintptr_t, int> open_;  // sockets, oldest first
};

}  // namespace

Result<std::unique_ptr<MetricsPage>> MetricsPage::Start(const std::string& listen, const PortLimits& limits,
                                                        Page page) {
  auto server = std::make_unique<MetricsServer>(std::move(page));
  if (const Status served = server->Serve(listen, limits); !served.ok()) return served.error();
  return std::unique_ptr<MetricsPage>(std::move(server));
}

}  // namespace prefixmesh
