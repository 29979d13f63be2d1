// Any text is a scenario, an override or a result's settings, or is refused with one line. The first byte says which.
#include "loadgen/settings/settings.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace prefixmesh;
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  const auto check = [](const auto& result) {
    if (!result.ok() && result.error().message.find('\n') != std::string::npos) std::abort();
  };
  if (data[0] % 3 == 0) {
    const Result<load::Settings> settings = load::ParseScenario(text, "file");
    check(settings);
    if (settings.ok()) check(load::Validate(*settings));
  } else if (data[0] % 3 == 1) {
    check(load::SettingsFromJson(text, "file"));
  } else {
    load::Settings settings;
    check(load::ApplyOverride(settings, text));
  }
  return 0;
}
