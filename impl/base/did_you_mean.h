// did_you_mean.h — how a name that there is none of is refused: with the one that it is most like, and with all.
// Threads: pure. Errors: none. Bounds: of what was given the first 100 bytes are looked at and said.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace prefixmesh {

// The name that `wrong` becomes by the fewest typing errors, one per three letters at most; else nothing.
std::string MostLike(std::string_view wrong, const std::vector<std::string>& names);

// " (did you mean 'templates'?)", or nothing.
std::string DidYouMean(std::string_view wrong, const std::vector<std::string>& names);

// "unknown strategy 'two-layr' (did you mean 'two-layer'?); there are: off, two-layer"
std::string UnknownName(std::string_view kind, std::string_view wrong, const std::vector<std::string>& names);

// "off, two-layer"
std::string JoinNames(const std::vector<std::string>& names);

}  // namespace prefixmesh
