#include "registry/suggestions.hpp"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <utility>

namespace anymetal::registry {

namespace {

constexpr std::size_t kMaxSuggestions = 3;
constexpr std::size_t kLongestName = 128;  // edit distance is quadratic; nobody mistypes names longer than this

// Insertions, deletions, replacements and swaps of neighbours (Damerau 1964, optimal string alignment).
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before_last(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(last.begin(), last.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replace = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({replace, last[j] + 1, row[j - 1] + 1});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
    std::swap(before_last, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

}  // namespace

std::vector<std::string> closest_names(std::string_view name, std::span<const std::string> names) {
  if (name.empty() || name.size() > kLongestName) return {};
  const std::size_t most = std::max<std::size_t>(2, name.size() / 3);
  std::vector<std::pair<std::size_t, std::string_view>> found;
  for (const std::string& candidate : names) {
    if (candidate.size() > kLongestName) continue;
    const bool longer = name.size() >= 3 && candidate.size() > name.size() && candidate.starts_with(name);
    const std::size_t distance = longer ? 1 : edit_distance(name, candidate);
    if (distance <= most) found.emplace_back(distance, candidate);
  }
  std::ranges::sort(found);
  if (found.size() > kMaxSuggestions) found.resize(kMaxSuggestions);
  std::vector<std::string> result;
  for (const auto& [distance, candidate] : found) result.emplace_back(candidate);
  return result;
}

std::string did_you_mean(std::span<const std::string> suggestions) {
  if (suggestions.empty()) return {};
  std::string text = " Did you mean ";
  for (std::size_t i = 0; i < suggestions.size(); ++i) {
    if (i > 0) text += i + 1 == suggestions.size() ? " or " : ", ";
    text += '\'' + suggestions[i] + '\'';
  }
  return text + '?';
}

}  // namespace anymetal::registry
