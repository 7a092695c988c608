// How much of a mapped file is in large pages, from what Linux says of a process.
#include "parts/large_pages.hpp"

#include <gtest/gtest.h>

#include <sstream>

namespace anymetal::cli {
namespace {

constexpr const char* kSmaps = R"(55d0c0000000-55d0c0100000 r-xp 00000000 fe:00 12     /usr/bin/anymetal
Size:               1024 kB
Rss:                1000 kB
FilePmdMapped:         0 kB
VmFlags: rd ex mr mw me sd
7f0260600000-7f026f000000 r--p 00000000 fe:00 77     /models/a model.gguf
Rss:              240000 kB
AnonHugePages:         0 kB
FilePmdMapped:    180000 kB
7f0270000000-7f0270100000 rw-p 00000000 00:00 0
Rss:                 512 kB
7f0280000000-7f0280100000 r--p 0ea00000 fe:00 77     /models/a model.gguf
Rss:               10000 kB
FilePmdMapped:     20000 kB
7f0290000000-7f0290100000 r--p 00000000 fe:00 78     /models/empty.gguf
Rss:                   0 kB
FilePmdMapped:         0 kB
)";

TEST(LargePages, ShareOfWhatIsInMemoryOfAllMappingsOfTheFile) {
  std::istringstream text(kSmaps);
  EXPECT_DOUBLE_EQ(large_page_share(text, "/models/a model.gguf").value(), 0.8);
}

TEST(LargePages, NothingIsSaidOfWhatIsNotInMemory) {
  for (const char* path : {"/models/empty.gguf", "/models/other.gguf", "/a model.gguf"}) {
    std::istringstream text(kSmaps);
    EXPECT_FALSE(large_page_share(text, path)) << path;
  }
}

}  // namespace
}  // namespace anymetal::cli
