#include "cache/settings.hpp"

#include "observe/environment.hpp"

#include <charconv>
#include <cstdlib>

namespace anymetal::cache {

namespace {

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

}  // namespace

std::optional<std::uint64_t> parse_size(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (error != std::errc{} || unit.size() > 1) return std::nullopt;
  unsigned shift = 0;
  if (unit == "K" || unit == "k") shift = 10;
  if (unit == "M" || unit == "m") shift = 20;
  if (unit == "G" || unit == "g") shift = 30;
  if ((!unit.empty() && shift == 0) || value > (UINT64_MAX >> shift)) return std::nullopt;
  return value << shift;
}

bool turned_off_by_environment() { return !environment::is_on("ANYMETAL_CACHE", true); }

std::optional<StoreSettings> settings_from_environment() {
  if (turned_off_by_environment()) return std::nullopt;
  StoreSettings settings;
  if (const auto directory = variable("ANYMETAL_CACHE_DIR"); !directory.empty()) {
    settings.directory = directory;
  } else if (const auto shared = variable("XDG_CACHE_HOME"); shared.starts_with('/')) {
    settings.directory = std::string(shared) + "/anymetal/kernels";
  } else if (const auto home = variable("HOME"); home.starts_with('/')) {
    settings.directory = std::string(home) + "/.cache/anymetal/kernels";
  } else {
    return std::nullopt;
  }
  settings.key_file = variable("ANYMETAL_CACHE_KEY_FILE");
  if (const auto limit = parse_size(variable("ANYMETAL_CACHE_SIZE"))) settings.size_limit = *limit;
  return settings;
}

}  // namespace anymetal::cache
