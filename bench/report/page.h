// page.h — the frame of every HTML file of this tool: one document, its own style and script allowed by hash, no other.
// Threads: any, pure. Ownership: values. Errors: none. `body` and `data` must be escaped; title, style and script are
// ours.
#pragma once

#include <string>
#include <string_view>

namespace prefixmesh::bench {

struct Page {
  std::string title;  // escaped
  std::string style;
  std::string body;
  std::string data = "null";  // JSON for the script, without '<'
  std::string script;         // may be empty: then nothing may run
};
std::string RenderPage(const Page& page);

}  // namespace prefixmesh::bench
