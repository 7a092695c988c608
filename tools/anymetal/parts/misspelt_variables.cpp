#include "parts/misspelt_variables.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

#include "msl/suggestions.hpp"

namespace anymetal::cli {

std::vector<std::string> misspelt_variables(const char* const* environment, std::span<const std::string_view> known) {
  constexpr std::string_view kPrefix = "ANYMETAL_";
  std::vector<std::string> found;
  for (; *environment != nullptr; ++environment) {
    const std::string_view entry = *environment;
    const std::string_view name = entry.substr(0, entry.find('='));
    if (!name.starts_with(kPrefix) || name.size() == entry.size() || std::ranges::find(known, name) != known.end()) continue;
    const std::string_view written = name.substr(kPrefix.size());
    std::string_view meant;
    std::size_t least = written.size() / 4 + 1;
    for (const std::string_view candidate : known) {
      const std::size_t distance = msl::edit_distance(written, candidate.substr(kPrefix.size()));
      if (distance >= least) continue;
      least = distance;
      meant = candidate;
    }
    if (!meant.empty()) found.push_back(fmt::format("{} is left out: no variable has that name, did you mean {}?", name, meant));
  }
  std::ranges::sort(found);
  return found;
}

}  // namespace anymetal::cli
