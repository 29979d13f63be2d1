// night_output.h — a night for people (Markdown, 80 columns on a terminal), for CI servers (JUnit) and for programs.
// Threads: pure. Ownership: values. Errors: none. Bounds: the findings'.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "bench/nightly/night.h"

namespace prefixmesh::bench {

std::string NightMarkdown(const NightRequest& request, const Night& night);
std::string NightJUnit(const NightRequest& request, const Night& night);
nlohmann::ordered_json NightJson(const NightRequest& request, const Night& night);
// What a terminal gets: the verdict, and what is not unchanged.
std::string NightText(const NightRequest& request, const Night& night);

}  // namespace prefixmesh::bench
