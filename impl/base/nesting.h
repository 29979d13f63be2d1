// nesting.h — how deep JSON or TOML text nests, found before a library parses it: parsers, copies and destructors
// recurse once per level, so that 50,000 brackets, or a TOML key of 30,000 parts, overflow the stack.
//
//   if (Status nesting = CheckNesting(text); !nesting.ok()) return Error{…, file + ": " + nesting.error().message};
//
// One scanner reads both. Levels are open brackets and the dots of the key in front of them (`a.b = { c.d = 1 }` is
// four). What stands in strings and comments does not count; the dot of a number does. Where the languages differ
// (comments, single and triple quotes), a parser of JSON refuses the text at that byte, and what it built so far was
// counted.
//
// Threads: pure. Ownership: none kept. Time: one pass. Bounds: kNestingMax levels of memory. A [table.header] and the
// keys below it have the bound each. Errors: kTooBig, no file in the line.
#pragma once

#include <cstddef>
#include <string_view>

#include "impl/base/result.h"

namespace prefixmesh {

inline constexpr std::size_t kNestingMax = 64;  // our own files have about ten

Status CheckNesting(std::string_view text);

}  // namespace prefixmesh
