// prefixmesh-load: plans a load, drives it through the routers, writes load.json and requests.log.
//
// stdout carries one JSON object a line; stdin takes `start`, `probe` and `quit`, one a line (loadgen/app/README.md).
#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>

#include "impl/app/number_from.h"
#include "impl/app/plain_refusal.h"
#include "impl/base/printable.h"
#include "impl/base/prng.h"
#include "impl/base/whole_file.h"
#include "impl/env/real/grpc_library.h"
#include "impl/env/real/listen_socket.h"
#include "impl/env/real/metrics_page.h"
#include "impl/env/real/process.h"
#include "impl/figures/metrics_text.h"
#include "impl/figures/page_figures.h"
#include "loadgen/app/process_setup.h"
#include "loadgen/drive/session.h"

namespace prefixmesh::load {
namespace {

constexpr char kProgram[] = "prefixmesh-load";
constexpr std::size_t kNameBytesMax = 48;  // as a router's

struct Arguments {
  SessionOptions session;
  std::string settings_file;
  std::string scenario = "reference";
  std::optional<std::string> duration;
  std::vector<std::string> overrides;
  std::vector<std::string> routers;
  std::string metrics_listen;
  bool now = false;
};

Result<Settings> ReadSettings(const Arguments& arguments) {
  Result<Settings> settings = [&]() -> Result<Settings> {
    if (arguments.settings_file.empty()) return LoadScenario(arguments.scenario);
    const Result<std::string> text = ReadWholeFile(arguments.settings_file, kSettingsFileBytesMax);
    if (!text.ok()) return text.error();
    return SettingsFromJson(*text, arguments.settings_file);
  }();
  if (!settings.ok()) return settings;
  for (const std::string& assignment : arguments.overrides) {
    const Status applied = ApplyOverride(*settings, assignment);
    if (!applied.ok()) return applied.error();
  }
  if (arguments.duration) {
    const Result<double> seconds = ParseSeconds(*arguments.duration);
    if (!seconds.ok()) return seconds.error();
    settings->phases.load_s = *seconds;
  }
  return settings;
}

Status ReadRouters(Arguments& arguments) {
  for (const std::string& router : arguments.routers) {
    const std::size_t equals = router.find('=');
    const Result<HostPort> parsed = ParseHostPort(equals == std::string::npos ? "" : router.substr(equals + 1));
    if (equals == std::string::npos || !parsed.ok() || parsed->port == 0) {
      return Error{ErrorCode::kInvalid,
                   "--router " + Printable(router) + ": must be NAME=HOST:PORT with a port from 1 to 65535"};
    }
    const std::string name = router.substr(0, equals), address = router.substr(equals + 1);
    if (!IsName(name, kNameBytesMax))
      return Error{ErrorCode::kInvalid, "--router " + Printable(router) + ": " + NameRule(kNameBytesMax)};
    for (const RouterAddress& other : arguments.session.routers)
      if (other.name == name || other.address == address)
        return Error{ErrorCode::kInvalid,
                     "--router " + router + ": " + (other.name == name ? name : address) + " is there twice"};
    arguments.session.routers.push_back({name, address});
  }
  return {};
}

Status CheckMetricsListen(const std::string& address) {
  if (address.empty()) return {};
  const Result<HostPort> parsed = ParseHostPort(address);
  if (!parsed.ok()) return Error{ErrorCode::kInvalid, "--metrics-listen: " + parsed.error().message};
  if (IsLoopback(parsed->host)) return {};
  return Error{ErrorCode::kInvalid,
               "--metrics-listen " + address + ": others could reach it; it must be an address of loopback"};
}

void PrintLine(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

// The next command, or `quit` at the end of the input.
std::string NextCommand() {
  std::string line;
  if (!std::getline(std::cin, line)) return "quit";
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
  return line;
}

int Fail(const Error& error, int code) {
  PrintError(kProgram, error.message);
  return code;
}

int Drive(Session& session, bool now) {
  bool ran = false;
  while (true) {
    const std::string command = now ? (ran ? "probe" : "start") : NextCommand();
    if (command == "quit") return kExitOk;
    if (command == "start" && !ran) {
      ran = true;
      const Status run = session.Run();
      if (!run.ok()) return Fail(run.error(), kExitFailed);
    } else if (command == "probe" && ran) {
      const Status probed = session.Probe();
      if (!probed.ok()) return Fail(probed.error(), kExitFailed);
      PrintLine(R"({"event":"probed"})");
      if (now && !session.answered()) return Fail({ErrorCode::kUnavailable, "no request came back ok"}, kExitFailed);
      if (now) return session.trusted() ? kExitOk : kExitUntrusted;
    } else if (!command.empty()) {
      PrintLine(nlohmann::ordered_json{{"event", "refused"}, {"command", command}}.dump(
          -1, ' ', false, nlohmann::json::error_handler_t::replace));
    }
  }
}

int Main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("Open-loop load on prefixmesh routers.", kProgram);
  app.set_version_flag("--version", std::string(kProgram) + " " PREFIXMESH_VERSION);
  auto* settings = app.add_option("--settings", arguments.settings_file, "a resolved scenario (JSON)");
  app.add_option("--scenario", arguments.scenario, "a built-in scenario or a .toml file")
      ->capture_default_str()
      ->excludes(settings);
  app.add_option("--set", arguments.overrides, "key=value; may be repeated");
  app.add_option("--duration", arguments.duration, "length of the load phase, e.g. 30s");
  app.add_option("--seed", arguments.session.seed, "of the plan")->capture_default_str()->check(SeedProblem);
  app.add_option("--router", arguments.routers, "NAME=HOST:PORT; once per router, in the plan's order")->required();
  app.add_option("--out", arguments.session.out_dir, "folder for load.json and requests.log")->required();
  app.add_option("--strategy", arguments.session.strategy, "what the routers run; off is not sampled for visibility")
      ->capture_default_str();
  app.add_option("--metrics-listen", arguments.metrics_listen, "host:port for Prometheus /metrics (none by default)");
  app.add_flag("--now", arguments.now, "start at once, probe and quit at the end; exit 3 if untrusted");
  NameTypesForPeople(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    PrintError(kProgram, PlainRefusal(app, error));
    return kExitUsage;
  }
  SetUpGrpc();
  FileLimitIsAnError();
  signal(SIGPIPE, SIG_IGN);  // its parent may stop listening; the log and the summary are written all the same
  Result<Settings> resolved = ReadSettings(arguments);
  if (!resolved.ok()) return Fail(resolved.error(), kExitUsage);
  const Status routers = ReadRouters(arguments);
  if (!routers.ok()) return Fail(routers.error(), kExitUsage);
  if (const Status checked = CheckMetricsListen(arguments.metrics_listen); !checked.ok())
    return Fail(checked.error(), kExitUsage);
  if (mkdir(arguments.session.out_dir.c_str(), 0755) != 0 && errno != EEXIST) {
    return Fail({ErrorCode::kInvalid, "--out " + arguments.session.out_dir + ": " + std::strerror(errno)}, kExitUsage);
  }
  arguments.session.settings = *resolved;
  arguments.session.on_event = PrintLine;
  const Result<std::unique_ptr<Session>> session = Session::Prepare(std::move(arguments.session));
  if (!session.ok()) {
    const ErrorCode code = session.error().code;
    return Fail(session.error(),
                code == ErrorCode::kUnavailable || code == ErrorCode::kExhausted ? kExitFailed : kExitUsage);
  }
  const Plan& plan = (*session)->plan();
  nlohmann::ordered_json ready{{"event", "ready"},
                               {"planned", plan.statistics().load_requests},
                               {"warmup", plan.statistics().warmup_requests},
                               {"fingerprint", FingerprintText(plan.fingerprint())},
                               {"notes", plan.notes()}};
  std::unique_ptr<MetricsPage> metrics;
  if (!arguments.metrics_listen.empty()) {
    auto serving = MetricsPage::Start(arguments.metrics_listen, PortLimits(), [&session] {
      const MetricsSource load{{}, (*session)->Live()};
      return MetricsText(kLoadPageFigures, {}, {&load, 1});
    });
    if (!serving.ok()) return Fail(serving.error(), kExitUsage);
    metrics = std::move(*serving);
    ready["metrics_port"] = metrics->port();
  }
  PrintLine(ready.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  return Drive(**session, arguments.now);
}

}  // namespace
}  // namespace prefixmesh::load

int main(int argc, char** argv) { return prefixmesh::load::Main(argc, argv); }
