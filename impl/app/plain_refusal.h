// plain_refusal.h — why a command line was not taken, in words for who typed it: CLI11 speaks of types, counts and
// sets. Threads: one. Ownership: values. Errors: none; what is not known here is said as CLI11 says it.
#pragma once

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "impl/base/did_you_mean.h"

namespace prefixmesh {

// A name of a few.
inline CLI::Validator OneOf(std::vector<std::string> names) {
  return {[names](std::string& given) -> std::string {
            if (std::find(names.begin(), names.end(), given) != names.end()) return "";
            return "'" + given.substr(0, 100) + "' is not one of " + JoinNames(names) + DidYouMean(given, names);
          },
          ""};
}

template <typename Kind>
bool Is(const CLI::ParseError& error) {
  return dynamic_cast<const Kind*>(&error) != nullptr;
}

// `app` after its parse() threw `error`.
inline std::string PlainRefusal(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App* command = &app;
  while (!command->get_subcommands().empty()) command = command->get_subcommands().front();
  const std::string said = error.what();
  const auto before = [&](std::string_view words) { return said.substr(0, said.find(words)); };
  const auto about = [&](const std::string& name) {
    const CLI::Option* option = command->get_option_no_throw(name);
    return option == nullptr ? "" : ": " + option->get_description();
  };
  const std::vector<std::string> left = app.remaining(true);
  const std::string unknown = left.empty() ? "" : left.front().substr(0, left.front().find('='));
  if (Is<CLI::RequiredError>(error) && said == "A subcommand is required") {
    std::vector<std::string> commands;
    for (const CLI::App* each : command->get_subcommands({})) commands.push_back(each->get_name());
    if (unknown.empty() || unknown[0] == '-') return "no command is given; there are: " + JoinNames(commands);
    return UnknownName("command", unknown, commands);
  }
  if (Is<CLI::RequiredError>(error)) {
    const std::string name = before(" is required");
    std::string upper = name;  // of what has its place instead of a flag
    std::transform(upper.begin(), upper.end(), upper.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
    return (name[0] == '-' ? "no " + name + " is given" : "give " + upper) + about(name);
  }
  if (Is<CLI::ArgumentMismatch>(error) && said.find(": ") != std::string::npos)
    return before(": ") + " needs a value" + about(before(": "));
  if (Is<CLI::ExcludesError>(error)) return "give " + before(" excludes ") + " or " + said.substr(said.rfind(' ') + 1);
  if (Is<CLI::ExtrasError>(error) && !unknown.empty()) {
    if (unknown[0] != '-') return "'" + left.front() + "' is one word too many";
    std::vector<std::string> options;
    for (const CLI::Option* each : command->get_options())
      for (const std::string& name : each->get_lnames()) options.push_back("--" + name);
    return "unknown option " + unknown + DidYouMean(unknown, options);
  }
  return said;
}

}  // namespace prefixmesh
