// request_failures.h — requests that failed, as the generator says, summed up per router and status for a run's notes.
// Threads: one. Ownership: values. Errors: none. Bounds: an entry per router and status; the first message stands for
// all.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

namespace prefixmesh::bench {

class RequestFailures {
 public:
  // An event of the load process.
  void Add(const nlohmann::json& event) {
    Failures& failures = failures_[{event.value("router", ""), event.value("status", "")}];
    failures.requests += event.value("requests", std::uint64_t{0});
    if (failures.message.empty()) failures.message = event.value("message", "");
  }

  std::vector<std::string> Notes() const {
    std::vector<std::string> notes;
    for (const auto& [where, failures] : failures_)
      notes.push_back(std::to_string(failures.requests) + " requests of warm-up and load failed at " + where.first +
                      ": " + where.second + (failures.message.empty() ? "" : ", " + failures.message));
    return notes;
  }

 private:
  struct Failures {
    std::uint64_t requests = 0;
    std::string message;
  };
  std::map<std::pair<std::string, std::string>, Failures> failures_;  // by router and status
};

}  // namespace prefixmesh::bench
