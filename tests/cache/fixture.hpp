#pragma once

#include "cache/disk_store.hpp"
#include "cache/temporary_directory.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace anymetal::testing {

namespace fs = std::filesystem;

class StoreTest : public ::testing::Test {
 protected:
  cache::StoreSettings settings() {
    cache::StoreSettings settings;
    settings.directory = (root.path() / "cache").string();
    settings.warn = [this](std::string_view text) { warnings.emplace_back(text); };
    return settings;
  }
  // Plain files below the cache directory.
  std::vector<fs::path> files() const {
    std::vector<fs::path> found;
    for (const auto& entry : fs::recursive_directory_iterator(root.path() / "cache")) {
      if (entry.is_regular_file()) found.push_back(entry.path());
    }
    return found;
  }
  static std::string content(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static void replace(const fs::path& file, const std::string& bytes) {
    std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
  }

  TemporaryDirectory root;
  std::vector<std::string> warnings;
};

}  // namespace anymetal::testing
