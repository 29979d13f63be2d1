#include "impl/base/did_you_mean.h"

#include <algorithm>

namespace prefixmesh {
namespace {

constexpr std::size_t kLettersMax = 100;

// Letters that were left out, added, mistaken, or swapped with the next one (optimal string alignment distance).
std::size_t TypingErrors(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> errors(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) {
    for (std::size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        errors[i][j] = i + j;
        continue;
      }
      const std::size_t mistaken = a[i - 1] == b[j - 1] ? 0 : 1;
      errors[i][j] = std::min({errors[i - 1][j] + 1, errors[i][j - 1] + 1, errors[i - 1][j - 1] + mistaken});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        errors[i][j] = std::min(errors[i][j], errors[i - 2][j - 2] + 1);
    }
  }
  return errors[a.size()][b.size()];
}

}  // namespace

std::string MostLike(std::string_view wrong, const std::vector<std::string>& names) {
  wrong = wrong.substr(0, kLettersMax);
  std::string like;
  std::size_t least = std::max<std::size_t>(1, wrong.size() / 3) + 1;
  if (wrong.size() < 2) return like;
  for (const std::string& name : names) {
    const std::size_t errors = TypingErrors(wrong, name);
    if (errors >= least) continue;
    least = errors;
    like = name;
  }
  return like;
}

std::string DidYouMean(std::string_view wrong, const std::vector<std::string>& names) {
  const std::string like = MostLike(wrong, names);
  return like.empty() ? "" : " (did you mean '" + like + "'?)";
}

std::string UnknownName(std::string_view kind, std::string_view wrong, const std::vector<std::string>& names) {
  return "unknown " + std::string(kind) + " '" + std::string(wrong.substr(0, kLettersMax)) + "'" +
         DidYouMean(wrong, names) + "; there are: " + JoinNames(names);
}

std::string JoinNames(const std::vector<std::string>& names) {
  std::string joined;
  for (const std::string& name : names) joined += (joined.empty() ? "" : ", ") + name;
  return joined;
}

}  // namespace prefixmesh
