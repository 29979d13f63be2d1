#include "impl/env/real/metrics_page.h"

#include <microhttpd.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>

#include "impl/env/real/listen_socket.h"
#include "impl/env/real/process.h"
#include "impl/env/real/real_env.h"

namespace prefixmesh {
namespace {

constexpr char kContentType[] = "text/plain; version=0.0.4; charset=utf-8";

// Beside a request's headers, what the library keeps in the same memory: the state of a request and its answer's head.
constexpr std::size_t kConnectionBytesBeside = 2048;
// The allocator gives freed pages back no more often.
constexpr Time kReturnMemoryEvery = std::chrono::seconds(5);

// Shared by all connections that it is queued for: the library counts them.
using Response = std::unique_ptr<MHD_Response, void (*)(MHD_Response*)>;

Response MakeResponse(const std::string& text) {
  Response response(MHD_create_response_from_buffer(text.size(), const_cast<char*>(text.data()),  // NOLINT: it reads
                                                    MHD_RESPMEM_MUST_COPY),
                    &MHD_destroy_response);
  if (response != nullptr) MHD_add_response_header(response.get(), MHD_HTTP_HEADER_CONTENT_TYPE, kContentType);
  return response;
}

MHD_Result Respond(MHD_Connection* connection, unsigned status, MHD_Response* response) {
  return response == nullptr ? MHD_NO : MHD_queue_response(connection, status, response);
}

MHD_Result Respond(MHD_Connection* connection, unsigned status, const std::string& text) {
  return Respond(connection, status, MakeResponse(text).get());
}

bool HasBody(MHD_Connection* connection) {
  bool has = false;
  MHD_get_connection_values(
      connection, MHD_HEADER_KIND,
      [](void* found, MHD_ValueKind, const char* name, const char* value) {
        const bool length = strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0;
        *static_cast<bool*>(found) |= (length && (value == nullptr || std::strcmp(value, "0") != 0)) ||
                                      strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0;
        return MHD_YES;
      },
      &has);
  return has;
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
                               limits.header_bytes + kConnectionBytesBeside, MHD_OPTION_END);
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
      const Time now = RealClock().Now();
      if (now < page.return_memory_at_) return;  // the next that closes
      page.crowded_ = false;
      page.return_memory_at_ = now + kReturnMemoryEvery;
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
                              const char*, std::size_t*, void** state) {
    // At the headers: what is answered now, the library closes without reading its body.
    if (HasBody(connection)) return Respond(connection, MHD_HTTP_CONTENT_TOO_LARGE, "no body\n");
    if (*state == nullptr) {
      *state = self;
      return MHD_YES;
    }
    if (std::strcmp(method, MHD_HTTP_METHOD_GET) != 0 && std::strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
      return Respond(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET\n");
    if (std::strcmp(url, "/metrics") != 0) return Respond(connection, MHD_HTTP_NOT_FOUND, "only /metrics\n");
    return Respond(connection, MHD_HTTP_OK, static_cast<MetricsServer*>(self)->PageNow());
  }

  MHD_Response* PageNow() {
    const Time now = RealClock().Now();
    if (shown_ == nullptr || now >= shown_until_) {
      shown_ = MakeResponse(page_());
      shown_until_ = now + kPageAge;
    }
    return shown_.get();
  }

  const Page page_;
  MHD_Daemon* daemon_ = nullptr;
  std::uint16_t port_ = 0;
  std::size_t connections_max_ = 0;
  Response shown_{nullptr, &MHD_destroy_response};  // the page
  Time shown_until_{0};
  Time return_memory_at_{0};  // not before
  bool crowded_ = false;      // some had to give way, and not half of them are gone yet
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
