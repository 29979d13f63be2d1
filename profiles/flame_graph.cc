#include "profiles/flame_graph.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <vector>

#include "bench/text/safe_text.h"
#include "profiles/call_name.h"
#include "profiles/subsystems.h"

namespace prefixmesh::profiles {
namespace {

constexpr double kWidth = 1160, kRowHeight = 17, kLetterWidth = 6.7, kLeast = 1e-3;
// One of the page's own colours per part, so that it reads in light and dark: text is dark on all of them.
constexpr const char* kColours[] = {"#e8c468", "#7fc8a9", "#f2a07b", "#8fb8e8", "#c7a8e0",
                                    "#e59bb5", "#b6cf7a", "#d8b59a", "#c9ccd3", "#dfe1e6"};

struct Frame {
  std::map<std::string, std::unique_ptr<Frame>, std::less<>> callees;
  std::uint64_t cost = 0;
  std::string_view part;  // of the first stack through it
};

struct Box {
  std::string name;
  std::string_view part;
  std::uint64_t cost = 0;
  double left = 0, width = 0;  // shares of the whole
  std::size_t depth = 0;
};

void AddLine(std::string_view line, Frame& root) {
  const std::size_t blank = line.rfind(' ');
  std::uint64_t cost = 0;
  if (blank == std::string_view::npos) return;
  const std::string_view digits = line.substr(blank + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), cost);
  if (error != std::errc() || end != digits.data() + digits.size()) return;
  Frame* frame = &root;
  frame->cost += cost;
  std::size_t depth = 0;
  const std::string_view part = SubsystemOf(line.substr(0, blank));
  for (std::string_view rest = line.substr(0, blank); !rest.empty() && depth < kDepthMax; ++depth) {
    const std::size_t cut = rest.find(';');
    const std::string_view call = rest.substr(0, cut);
    rest.remove_prefix(cut == std::string_view::npos ? rest.size() : cut + 1);
    if (call.empty()) continue;
    std::unique_ptr<Frame>& next = frame->callees[CallName(call)];
    if (next == nullptr) next = std::make_unique<Frame>();
    frame = next.get();
    frame->cost += cost;
    if (frame->part.empty()) frame->part = part;
  }
}

void Lay(const std::string& name, const Frame& frame, double left, double all, std::size_t depth,
         std::vector<Box>& boxes) {
  const double width = static_cast<double>(frame.cost) / all;
  if (width < kLeast) return;
  boxes.push_back({name, frame.part, frame.cost, left, width, depth});
  for (const auto& [callee, each] : frame.callees) {
    Lay(callee, *each, left, all, depth + 1, boxes);
    left += static_cast<double>(each->cost) / all;
  }
}

std::string ColourOf(std::string_view part) {
  std::size_t place = 0;
  for (const Subsystem& each : kSubsystems) {
    if (each.name == part) break;
    ++place;
  }
  return kColours[std::min(place, std::size(kColours) - 1)];
}

std::string Formatted(const char* format, double a, double b = 0, double c = 0, double d = 0) {
  char text[160];
  std::snprintf(text, sizeof text, format, a, b, c, d);
  return text;
}

}  // namespace

std::string FlameGraphSvg(std::string_view stacks, bench::Quantity quantity, std::string_view title) {
  Frame root;
  while (!stacks.empty()) {
    const std::size_t end = stacks.find('\n');
    AddLine(stacks.substr(0, end), root);
    stacks.remove_prefix(end == std::string_view::npos ? stacks.size() : end + 1);
  }
  std::vector<Box> boxes;
  if (root.cost > 0) Lay("all", root, 0, static_cast<double>(root.cost), 0, boxes);
  if (boxes.size() > kFramesMax) {  // a caller is never narrower than its callees, so no box loses its own
    std::stable_sort(boxes.begin(), boxes.end(), [](const Box& a, const Box& b) { return a.width > b.width; });
    boxes.resize(kFramesMax);
  }
  std::size_t deepest = 0;
  for (const Box& box : boxes) deepest = std::max(deepest, box.depth);
  const double height = kRowHeight * static_cast<double>(deepest + 1);
  std::string svg = "<svg class=\"flame\" role=\"img\" aria-label=\"" + bench::EscapeHtml(title) + "\"" +
                    Formatted(" viewBox=\"0 0 %.0f %.0f\"", kWidth, height) +
                    " font-family=\"monospace\" font-size=\"11\">\n";
  for (const Box& box : boxes) {
    const double x = box.left * kWidth, width = box.width * kWidth, y = kRowHeight * static_cast<double>(box.depth);
    char share[24];
    std::snprintf(share, sizeof share, " (%.1f %%)", 100 * box.width);
    svg += "<g><title>" + bench::EscapeHtml(box.name) + ": " +
           bench::QuantityText(quantity, static_cast<double>(box.cost)) + share +
           (box.part.empty() ? "" : ", " + std::string(box.part)) + "</title><rect" +
           Formatted(" x=\"%.1f\" y=\"%.0f\" width=\"%.1f\" height=\"%.0f\"", x, y, std::max(width - 0.5, 0.3),
                     kRowHeight - 1) +
           " fill=\"" + (box.part.empty() ? kColours[std::size(kColours) - 1] : ColourOf(box.part)) + "\"/>";
    const auto letters = static_cast<std::size_t>(width / kLetterWidth);
    if (letters >= 4)
      svg += "<text" + Formatted(" x=\"%.1f\" y=\"%.0f\"", x + 3, y + 12) + " fill=\"#1b1d21\">" +
             bench::EscapeHtml(bench::Shortened(box.name, letters - 1)) + "</text>";
    svg += "</g>\n";
  }
  return svg + "</svg>\n";
}

}  // namespace prefixmesh::profiles
