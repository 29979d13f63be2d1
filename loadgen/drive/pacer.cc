#include "loadgen/drive/pacer.h"

namespace prefixmesh::load {

std::size_t RunPacing(std::span<const PlannedRequest> requests, Time epoch, Time end, Pace& pace,
                      FunctionRef<void(std::size_t)> prepare, FunctionRef<void(const PacedSend&)> send) {
  for (std::size_t i = 0; i < requests.size(); ++i) {
    PacedSend paced{.index = i};
    const Time intended = epoch + Time(requests[i].intended_ns);
    Time now = pace.Now();
    if (now - epoch >= end) return i;
    prepare(i);
    now = pace.Now();
    if (now < intended) {
      pace.SleepUntil(intended);
      now = pace.Now();
      paced.woke = now - epoch;
    }
    paced.now = now - epoch;
    if (paced.now >= end) return i;
    send(paced);
  }
  return requests.size();
}

}  // namespace prefixmesh::load
