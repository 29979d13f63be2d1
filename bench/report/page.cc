#include "bench/report/page.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "bench/report/assets/assets.h"
#include "loadgen/record/base64.h"
#include "loadgen/settings/sha256.h"

namespace prefixmesh::bench {
namespace {

// A source expression for a content security policy: 'sha256-…'.
std::string PolicyHash(const std::string& text) {
  const std::string hex = load::Sha256Hex({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  std::string digest;
  for (std::size_t i = 0; i < hex.size(); i += 2) digest += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return "'sha256-" + load::Base64Encode(digest) + "'";
}

// One pass, so that nothing inserted is looked at again.
std::string Fill(std::string_view text, const std::vector<std::pair<std::string_view, std::string_view>>& values) {
  std::string out;
  while (!text.empty()) {
    const std::size_t at = std::min(text.find('@'), text.size());
    out += text.substr(0, at);
    text.remove_prefix(at);
    if (text.empty()) break;
    bool found = false;
    for (const auto& [name, value] : values) {
      if (!text.starts_with(name)) continue;
      out += value;
      text.remove_prefix(name.size());
      found = true;
      break;
    }
    if (!found) {
      out += '@';
      text.remove_prefix(1);
    }
  }
  return out;
}

}  // namespace

std::string RenderPage(const Page& page) {
  const std::string scripts = page.script.empty() ? "'none'" : PolicyHash(page.script);
  const std::string policy = "default-src 'none'; script-src " + scripts + "; style-src " + PolicyHash(page.style) +
                             "; img-src data:; base-uri 'none'; form-action 'none'";
  return Fill(ReportTemplate(), {{"@CSP@", policy},
                                 {"@TITLE@", page.title},
                                 {"@STYLE@", page.style},
                                 {"@BODY@", page.body},
                                 {"@DATA@", page.data},
                                 {"@SCRIPT@", page.script}});
}

}  // namespace prefixmesh::bench
