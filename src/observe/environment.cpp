#include "observe/environment.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <mutex>
#include <string_view>

#include "observe/log.hpp"

namespace anymetal::environment {

namespace {

bool is_switch(std::string_view value) { return value == "0" || value == "1"; }

bool is_count(std::string_view value) {
  unsigned count = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), count);
  return error == std::errc{} && end == value.data() + value.size() && count != 0;
}

bool is_size(std::string_view value) {
  if (!value.empty() && std::string_view("KkMmGg").contains(value.back())) value.remove_suffix(1);
  return !value.empty() && value.find_first_not_of("0123456789") == std::string_view::npos;
}

bool is_perf_mode(std::string_view value) { return value == "map" || value == "jitdump"; }

struct Variable {
  const char* name;
  bool (*takes)(std::string_view);
  std::string_view form;
};

constexpr std::string_view kSwitch = "0 or 1";
constexpr std::string_view kThreads = "a number of threads, 1 or more";

constexpr std::array kVariables = std::to_array<Variable>({
    {"ANYMETAL_CACHE", is_switch, "0 (no disk cache) or 1"},
    {"ANYMETAL_CACHE_SIZE", is_size, "a number of bytes, such as 512M: K, M or G may follow"},
    {"ANYMETAL_COMPILE_THREADS", is_count, kThreads},
    {"ANYMETAL_CPU_LANES", is_switch, kSwitch},
    {"ANYMETAL_CPU_VARIANTS", is_switch, kSwitch},
    {"ANYMETAL_CPU_VERIFY", is_switch, kSwitch},
    {"ANYMETAL_CRASH_GUARD", is_switch, kSwitch},
    {"ANYMETAL_CUDA_MERGE", is_switch, kSwitch},
    {"ANYMETAL_CUDA_SYNC", is_switch, kSwitch},
    {"ANYMETAL_PERF", is_perf_mode, "map or jitdump"},
    {"ANYMETAL_THREADS", is_count, kThreads},
});

/// Any text is a value of these: who opens the device, the file or the directory says what is wrong with it.
constexpr std::array<std::string_view, 7> kOpened = {
    "ANYMETAL_CACHE_DIR",   "ANYMETAL_CACHE_KEY_FILE", "ANYMETAL_CPU_TARGET", "ANYMETAL_CUDA_DRIVER",
    "ANYMETAL_DEVICE",      "ANYMETAL_MANIFEST",       "ANYMETAL_TRACE"};

constexpr auto kNames = [] {
  std::array<std::string_view, kVariables.size() + kOpened.size()> all{};
  std::ranges::transform(kVariables, all.begin(), &Variable::name);
  std::ranges::copy(kOpened, all.begin() + kVariables.size());
  return all;
}();

/// As one line, not too long.
std::string shown(std::string_view value) {
  constexpr std::size_t kMost = 100;
  std::string text(value.substr(0, kMost));
  std::ranges::replace_if(
      text, [](unsigned char c) { return c < ' ' || c == 0x7f; }, '?');
  return text + (value.size() > kMost ? "..." : "");
}

}  // namespace

std::span<const std::string_view> names() { return kNames; }

std::vector<std::string> complaints() {
  std::vector<std::string> found;
  for (const Variable& variable : kVariables) {
    const char* value = std::getenv(variable.name);
    if (value == nullptr || *value == '\0' || variable.takes(value)) continue;
    found.push_back(fmt::format("{}={} is left out: it takes {}", variable.name, shown(value), variable.form));
  }
  return found;
}

bool is_on(const char* variable, bool otherwise) {
  const char* text = std::getenv(variable);
  const std::string_view value = text != nullptr ? text : "";
  return value == "0" ? false : value == "1" || otherwise;
}

void check() {
  static std::once_flag once;
  std::call_once(once, [] {
    for (const std::string& complaint : complaints()) log::warning(complaint);
  });
}

}  // namespace anymetal::environment
