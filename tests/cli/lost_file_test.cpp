// A mapped file that is cut while it is in use ends the program with a message.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "cache/temporary_directory.hpp"
#include "model/mapped_file.hpp"
#include "run/wild_access.hpp"

namespace anymetal::cli {
namespace {

TEST(LostFile, IsSaidInsteadOfASignal) {
  const testing::TemporaryDirectory folder;
  const auto path = (folder.path() / "model.gguf").string();
  std::ofstream(path) << std::string(100000, 'x');
  EXPECT_EXIT(
      {
        report_lost_file(path, /*json=*/false);
        const auto file = model::MappedFile::open(path);
        if (!file) std::_Exit(3);
        std::filesystem::resize_file(path, 10);
        const volatile std::byte& last = (*file)->bytes().back();
        std::_Exit(last == std::byte{'x'} ? 4 : 5);
      },
      ::testing::ExitedWithCode(1), "anymetal: '.*model.gguf' cannot be read any more");
}

}  // namespace
}  // namespace anymetal::cli
