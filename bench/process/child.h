// child.h — start here for processes: one child, started with its own stdin and stdout, its lines heard, ended with a
// deadline. Beside it what the system says of processes, ports, limits and the machine.
//
// stdout lines go to a callback on a reader thread; stderr goes to a file whose last lines are the reason when a child
// dies. A child gets SIGTERM when the thread that started it dies, whatever that dies of; what the child started itself
// is its own to end.
//
// Threads: Start, WriteLine, Terminate from one thread; on_line on the reader's. Errors: Start says what failed, a
// thread included. Bounds: a line of more than 1 MiB is cut. Ownership: the destructor terminates and reaps.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "impl/base/result.h"
#include "impl/env/env.h"

namespace prefixmesh::bench {

class Child {
 public:
  struct Options {
    std::string name;  // in messages
    std::vector<std::string> argv;
    std::string stderr_path;
    std::function<void(const std::string& line)> on_line;
    std::vector<std::string> environment = {};  // "NAME=VALUE", beside this process's own
  };

  static Result<std::unique_ptr<Child>> Start(Options options);
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  const std::string& name() const { return options_.name; }
  pid_t pid() const { return pid_; }

  // False when the child no longer reads.
  bool WriteLine(const std::string& line);
  // The exit, once it happened: "exit code 3", "signal 9 (Killed)". Does not block.
  std::optional<std::string> Exited();
  bool exited_cleanly() const { return status_.has_value() && *status_ == 0; }
  // SIGTERM, without waiting: so that several may end at the same time.
  void AskToEnd();
  // AskToEnd, and SIGKILL after `timeout`. Returns false if it had to be killed.
  bool Terminate(Time timeout);
  void Kill();
  // Until it has ended. `wait` lets that much time pass and is true when this process was asked to end: then the child
  // is terminated and that is kInterrupted; so it is after `timeout`, which is kTimeout.
  Status AwaitEnd(Time timeout, Time end_timeout, const std::function<bool(Time)>& wait);
  // The last non-empty line of its stderr, or nothing.
  std::string LastErrorLine() const;

 private:
  explicit Child(Options options);
  void ReadLines();
  bool Reap(bool block);

  const Options options_;
  pid_t pid_ = -1;
  int stdin_fd_ = -1;
  int stdout_fd_ = -1;
  std::optional<int> status_;
  std::atomic<bool> ended_{false};
  std::thread reader_;
};

}  // namespace prefixmesh::bench
