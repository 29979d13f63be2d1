#include "bench/app/scenario_arguments.h"

#include <algorithm>
#include <ctime>
#include <filesystem>

#include "bench/result/slo.h"
#include "bench/result/utc.h"
#include "impl/base/prng.h"

namespace prefixmesh::bench {

namespace fs = std::filesystem;

void ScenarioArguments::AddTo(CLI::App& command) {
  command.add_option("--scenario", scenario, "a built-in scenario (see `prefixmesh list scenarios`) or a .toml file")
      ->capture_default_str();
  command.add_option("--duration", duration, "length of the load phase, such as 30s or 2m");
  command.add_option("--seed", seed, "of plan, prompts and ties")->capture_default_str()->check(SeedProblem);
  command.add_option("--set", overrides, "key=value of any setting (see `prefixmesh list settings`); repeat");
}

std::vector<std::string> ScenarioArguments::AsArguments() const {
  std::vector<std::string> arguments = {"--scenario", scenario};
  if (duration) arguments.insert(arguments.end(), {"--duration", *duration});
  for (const std::string& each : overrides) arguments.insert(arguments.end(), {"--set", each});
  return arguments;
}

Result<load::Settings> ScenarioArguments::Resolve() const {
  Result<load::Settings> settings = load::LoadScenario(scenario);
  if (!settings.ok()) return settings;
  for (const std::string& assignment : overrides)
    if (Status applied = load::ApplyOverride(*settings, assignment); !applied.ok()) return applied.error();
  if (duration) {
    const Result<double> seconds = load::ParseSeconds(*duration);
    if (!seconds.ok()) return seconds.error();
    settings->phases.load_s = *seconds;
  }
  if (Status valid = load::Validate(*settings); !valid.ok()) return valid.error();
  return settings;
}

Status CheckSlos(const load::Settings& settings) {
  for (const load::Slo& slo : settings.slo)
    if (const auto parsed = ParseSlo(slo.expression); !parsed.ok())
      return Error{ErrorCode::kInvalid, "slo '" + slo.name + "': " + parsed.error().message};
  return {};
}

std::string OwnFolder() {
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  return error ? "." : self.parent_path().string();
}

Result<std::string> NewRunFolder(std::string name) {
  std::replace(name.begin(), name.end(), '/', '.');
  const std::string folder = "runs/" + name + "-" + UtcCompactText(std::time(nullptr));
  std::string out = folder;
  std::error_code error;
  fs::create_directories("runs", error);
  // Made here and by nobody else: another run may start in the same second.
  for (int i = 2; !error && !fs::create_directory(out, error); ++i) out = folder + "-" + std::to_string(i);
  if (error) return Error{ErrorCode::kInvalid, out + ": " + error.message()};
  return out;
}

void RemoveIfEmpty(const std::string& folder) {
  std::error_code not_empty;
  fs::remove(folder, not_empty);
}

}  // namespace prefixmesh::bench
