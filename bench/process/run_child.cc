#include "bench/process/run_child.h"

#include "impl/env/real/process.h"

namespace prefixmesh::bench {
namespace {

constexpr Time kEndTimeout = std::chrono::seconds(30);  // a prefixmesh ends its own processes in order

}  // namespace

Result<ChildEnd> RunChild(Child::Options options, Time timeout, const std::function<void()>& each_second) {
  ShutdownSignal signal;
  Time waited{}, told{};
  const auto wait = [&](Time step) {
    waited += step;
    if (each_second && waited - told >= std::chrono::seconds(1)) {
      told = waited;
      each_second();
    }
    return signal.Wait(step);
  };
  Result<std::unique_ptr<Child>> child = Child::Start(std::move(options));
  if (!child.ok()) return child.error();
  if (Status ended = (*child)->AwaitEnd(timeout, kEndTimeout, wait); !ended.ok()) return ended.error();
  ChildEnd end{(*child)->Exited().value_or(""), (*child)->LastErrorLine()};
  child->reset();  // joins the reader: every line has been heard
  return end;
}

}  // namespace prefixmesh::bench
