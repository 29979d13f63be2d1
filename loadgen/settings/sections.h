// sections.h — the sections of a scenario: what each setting is called, its range, and what it means.
//
// Files, overrides, JSON, `list settings` and the range checks all walk them (impl/settings/setting.h), so a row that
// is added here exists everywhere. Threads: constant data. Errors, units: setting.h. Ownership: none. Bounds: the
// rows'.
#pragma once

#include <span>

#include "impl/settings/setting.h"
#include "loadgen/settings/settings.h"

namespace prefixmesh::load {

// Of load::Settings: the scenario's own and those of its routers.
std::span<const SettingSection> Sections();

// What the program of the workers takes of a scenario.
struct WorkerSettings {
  Settings::Workers workers;
  IndexSettings index;  // its block_tokens and source
};
std::span<const SettingSection> WorkerSections();

}  // namespace prefixmesh::load
