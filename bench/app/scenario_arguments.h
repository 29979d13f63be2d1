// scenario_arguments.h — what run, plan and ab share on the command line: a scenario with its overrides.
//
// Threads: one. Ownership: values. Errors: kInvalid, one line that names the flag, file or key. Bounds: settings.h.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "impl/base/result.h"
#include "loadgen/settings/settings.h"

namespace prefixmesh::bench {

struct ScenarioArguments {
  std::string scenario = "reference";
  std::optional<std::string> duration;
  std::vector<std::string> overrides;
  std::uint64_t seed = 1;

  void AddTo(CLI::App& command);
  Result<load::Settings> Resolve() const;
  // As they were given, without the seed.
  std::vector<std::string> AsArguments() const;
};

// SLO lines are read before anything starts.
Status CheckSlos(const load::Settings& settings);

// Where the other programs are.
std::string OwnFolder();

// Makes "runs/NAME-<utc>", with a number behind it when there is such a folder already. kInvalid: it cannot be made.
Result<std::string> NewRunFolder(std::string name);

// For a new folder whose run was refused before it began.
void RemoveIfEmpty(const std::string& folder);

}  // namespace prefixmesh::bench
