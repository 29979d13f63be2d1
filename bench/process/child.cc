#include "bench/process/child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <system_error>

#include "impl/base/printable.h"

namespace prefixmesh::bench {
namespace {

constexpr std::size_t kLineBytesMax = 1 << 20;

Error Failed(const std::string& what) { return {ErrorCode::kUnavailable, what + ": " + strerror(errno)}; }

// Between fork and exec, where only system calls may be made. Children have a clean signal mask and a process group of
// their own: Ctrl-C reaches the orchestrator alone, and the orchestrator ends them in order.
[[noreturn]] void BecomeProgram(const int (&streams)[3], int failed, pid_t parent, char* const* argv,
                                char* const* environment) {
  setpgid(0, 0);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(127);  // it died in between
  bool ready = true;
  for (int i = 0; i < 3; ++i) ready = ready && (streams[i] == i ? fcntl(i, F_SETFD, 0) == 0 : dup2(streams[i], i) == i);
  if (ready) execve(argv[0], argv, environment);
  const int error = errno;
  (void)!write(failed, &error, sizeof error);
  _exit(127);
}

// Returns once the program runs, its process in its group; 0, or the errno of what went wrong.
int StartProgram(const int (&streams)[3], char* const* argv, char* const* environment, pid_t& pid) {
  int failed[2];
  if (pipe2(failed, O_CLOEXEC) != 0) return errno;
  const pid_t parent = getpid();
  pid = fork();
  if (pid == 0) BecomeProgram(streams, failed[1], parent, argv, environment);
  int error = pid < 0 ? errno : 0;
  close(failed[1]);
  if (pid > 0) {
    int told = 0;
    ssize_t count;
    do {
      count = read(failed[0], &told, sizeof told);
    } while (count < 0 && errno == EINTR);
    if (count == sizeof told) {
      error = told;
      while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
      }
    }
  }
  close(failed[0]);
  return error;
}

}  // namespace

Child::Child(Options options) : options_(std::move(options)) {}

Result<std::unique_ptr<Child>> Child::Start(Options options) {
  std::unique_ptr<Child> child(new Child(std::move(options)));
  const Options& o = child->options_;
  int in[2], out[2];
  if (pipe2(in, O_CLOEXEC) != 0) return Failed("pipe");
  if (pipe2(out, O_CLOEXEC) != 0) {
    close(in[0]);
    close(in[1]);
    return Failed("pipe");
  }
  const int err = open(o.stderr_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (err < 0) {
    for (const int fd : {in[0], in[1], out[0], out[1]}) close(fd);
    return Failed("cannot write " + o.stderr_path);
  }
  std::vector<char*> argv;
  for (const std::string& argument : o.argv) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  std::vector<char*> environment;
  for (const std::string& each : o.environment) environment.push_back(const_cast<char*>(each.c_str()));
  for (char** each = environ; *each != nullptr; ++each) environment.push_back(*each);
  environment.push_back(nullptr);

  const int error = StartProgram({in[0], out[1], err}, argv.data(), environment.data(), child->pid_);
  close(in[0]);
  close(out[1]);
  close(err);
  child->stdin_fd_ = in[1];
  child->stdout_fd_ = out[0];
  if (error != 0) {
    child->pid_ = -1;
    errno = error;
    return Failed("cannot start " + o.argv[0]);
  }
  try {
    child->reader_ = std::thread([raw = child.get()] { raw->ReadLines(); });
  } catch (const std::system_error& refused) {  // ulimit -u, or no memory
    errno = refused.code().value();
    return Failed("cannot start a thread to hear " + o.name);
  }
  return child;
}

Child::~Child() {
  if (pid_ > 0 && !Reap(false)) {
    kill(-pid_, SIGKILL);
    Reap(true);
  }
  ended_ = true;
  if (stdin_fd_ >= 0) close(stdin_fd_);
  if (reader_.joinable()) reader_.join();
  if (stdout_fd_ >= 0) close(stdout_fd_);
}

void Child::ReadLines() {
  // What the child left behind may keep its stdout open: once it has ended, what is there is read, and no more.
  constexpr int kQuietMs = 100;
  std::string line;
  char buffer[4096];
  while (true) {
    pollfd readable{stdout_fd_, POLLIN, 0};
    const int ready = poll(&readable, 1, kQuietMs);
    if (ready == 0 && ended_) return;
    if (ready <= 0) continue;
    const ssize_t count = read(stdout_fd_, buffer, sizeof(buffer));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return;
    for (ssize_t i = 0; i < count; ++i) {
      if (buffer[i] == '\n') {
        options_.on_line(line);
        line.clear();
      } else if (line.size() < kLineBytesMax) {
        line.push_back(buffer[i]);
      }
    }
  }
}

Status Child::AwaitEnd(Time timeout, Time end_timeout, const std::function<bool(Time)>& wait) {
  constexpr Time kStep = std::chrono::milliseconds(20);
  for (Time waited{}; !Exited(); waited += kStep) {
    const bool asked = wait(kStep);
    if (!asked && waited < timeout) continue;
    Terminate(end_timeout);
    if (asked) return Error{ErrorCode::kInterrupted, name() + " was interrupted"};
    return Error{ErrorCode::kTimeout,
                 name() + " did not end in " +
                     std::to_string(std::chrono::duration_cast<std::chrono::seconds>(timeout).count()) + " s"};
  }
  return {};
}

bool Child::WriteLine(const std::string& line) {
  const std::string bytes = line + "\n";
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t count = write(stdin_fd_, bytes.data() + done, bytes.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    done += static_cast<std::size_t>(count);
  }
  return true;
}

bool Child::Reap(bool block) {
  if (status_.has_value()) return true;
  int status = 0;
  pid_t reaped;
  do {
    reaped = waitpid(pid_, &status, block ? 0 : WNOHANG);
  } while (reaped < 0 && errno == EINTR);
  if (reaped != pid_) return false;
  status_ = status;
  return true;
}

std::optional<std::string> Child::Exited() {
  if (!Reap(false)) return std::nullopt;
  if (WIFSIGNALED(*status_))
    return "signal " + std::to_string(WTERMSIG(*status_)) + " (" + strsignal(WTERMSIG(*status_)) + ")";
  return "exit code " + std::to_string(WEXITSTATUS(*status_));
}

void Child::AskToEnd() {
  if (Reap(false)) return;
  kill(-pid_, SIGTERM);  // its group: what a shell started, too
  kill(-pid_, SIGCONT);  // a stopped child can be ended too
}

bool Child::Terminate(Time timeout) {
  if (Reap(false)) return true;
  AskToEnd();
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (std::chrono::steady_clock::now() < deadline) {
    if (Reap(false)) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  Kill();
  return false;
}

void Child::Kill() {
  if (Reap(false)) return;
  kill(-pid_, SIGKILL);
  Reap(true);
}

std::string Child::LastErrorLine() const {
  std::ifstream file(options_.stderr_path);
  std::string line, last;
  while (std::getline(file, line))
    if (!line.empty()) last = line;
  return Printable(last, 400);  // a build of another release may say anything
}

}  // namespace prefixmesh::bench
