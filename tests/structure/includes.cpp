// The rooms of the house know each other in one direction only; this reads every #include and holds it against the table.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

const fs::path kRoot = ANYMETAL_SOURCE_DIR;

// Rooms of src/ that each room may include, beside itself and the public headers.
const std::map<std::string, std::set<std::string>> kMayKnow = {
    {"observe", {}},
    {"msl", {"observe"}},
    {"device", {"msl", "observe"}},
    {"cache", {"observe"}},
    {"runtime", {"device", "msl", "observe"}},
    {"registry", {"cache", "msl", "device", "runtime", "observe"}},
    {"ops", {"runtime", "registry"}},
    {"model", {"ops"}},
    {"cases", {"ops", "runtime"}},
};

// Rooms that may include LLVM's and Clang's headers.
const std::set<std::string> kMayKnowLlvm = {"msl", "device", "cache"};  // the cache has its SHA-256 from there

struct Include {
  fs::path file;
  std::string target;
  bool quoted = false;
};

std::vector<Include> includes_below(const fs::path& folder) {
  static const std::regex kInclude(R"(^\s*#\s*include\s*([<"])([^>"]+)[>"])");
  std::vector<Include> found;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const auto& path = entry.path();
    if (path.extension() != ".cpp" && path.extension() != ".hpp") continue;
    std::ifstream in(path);
    for (std::string line; std::getline(in, line);) {
      std::smatch match;
      if (std::regex_search(line, match, kInclude)) found.push_back({fs::relative(path, kRoot), match[2], match[1] == "\""});
    }
  }
  return found;
}

std::string first_folder(const std::string& path) {
  const auto slash = path.find('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

TEST(Includes, EveryRoomIsInTheTable) {
  for (const auto& entry : fs::directory_iterator(kRoot / "src")) {
    if (entry.is_directory()) {
      EXPECT_TRUE(kMayKnow.contains(entry.path().filename())) << entry.path();
    }
  }
}

TEST(Includes, ArrowsGoOneWay) {
  std::size_t arrows = 0;
  for (const auto& [room, known] : kMayKnow) {
    for (const auto& include : includes_below(kRoot / "src" / room)) {
      const std::string other = first_folder(include.target);
      if (!include.quoted || other == room || !kMayKnow.contains(other)) continue;
      ++arrows;
      EXPECT_TRUE(known.contains(other)) << include.file << " includes " << include.target;
    }
  }
  EXPECT_GT(arrows, 10u) << "the reader of includes finds none: it is broken";
}

TEST(Includes, OneBackEndDoesNotKnowAnother) {
  for (const auto& entry : fs::directory_iterator(kRoot / "src/device")) {
    if (!entry.is_directory()) continue;
    const std::string own = "device/" + entry.path().filename().string() + "/";
    for (const auto& include : includes_below(entry.path())) {
      const bool deep = include.target.starts_with("device/") && include.target.find('/', 7) != std::string::npos;
      if (deep) {
        EXPECT_TRUE(include.target.starts_with(own)) << include.file << " includes " << include.target;
      }
    }
  }
}

TEST(Includes, LlvmStaysInItsRooms) {
  for (const auto& [room, known] : kMayKnow) {
    if (kMayKnowLlvm.contains(room)) continue;
    for (const auto& include : includes_below(kRoot / "src" / room)) {
      const std::string other = first_folder(include.target);
      EXPECT_FALSE(other == "llvm" || other == "clang") << include.file << " includes " << include.target;
    }
  }
}

TEST(Includes, PublicHeadersKnowTheStandardLibraryAndEachOtherOnly) {
  for (const auto& include : includes_below(kRoot / "include")) {
    const std::string other = first_folder(include.target);
    EXPECT_TRUE(other.empty() || other == "anymetal") << include.file << " includes " << include.target;
    EXPECT_FALSE(include.quoted) << include.file << " includes " << include.target;
  }
}

}  // namespace
