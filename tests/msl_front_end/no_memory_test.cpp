// A process that has no memory left: what the compiler holds can still be let go.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstdlib>
#include <memory>
#include <optional>

#include "msl/compile_guard.hpp"
#include "msl/parsed_source.hpp"

namespace anymetal::msl {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kCanLimitMemory = false;  // a sanitizer's own memory counts too, and it ends the process
#else
constexpr bool kCanLimitMemory = true;
#endif

/// Leaves no block of memory of 16 bytes or more to this process.
void use_up_memory() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_AS, &limit) != 0) std::_Exit(2);
  limit.rlim_cur = 0;
  if (::setrlimit(RLIMIT_AS, &limit) != 0) std::_Exit(2);
  // Every size: malloc keeps what was freed by exact sizes and gives none of it for another.
  for (std::size_t size = std::size_t{1} << 20U; size >= 16; size -= size > 2048 ? size / 2 : 16) {
    while (void* volatile block = std::malloc(size)) (void)block;
  }
}

TEST(NoMemory, ASourceCanBeLetGo) {
  if (!kCanLimitMemory) GTEST_SKIP() << "memory cannot be limited under a sanitizer";
  EXPECT_EXIT(
      {
        auto source =
            ParsedSource::parse({"a.metal", "kernel void a(device int* x [[buffer(0)]]) { x[0] = 1; }", {}, {}});
        if (!source) std::_Exit(3);
        use_up_memory();
        source->reset();
        std::_Exit(0);
      },
      ::testing::ExitedWithCode(0), "");
}

TEST(NoMemory, AStepDoesNotBegin) {
  if (!kCanLimitMemory) GTEST_SKIP() << "memory cannot be limited under a sanitizer";
  EXPECT_EXIT(
      {
        use_up_memory();
        bool began = false;
        try {
          (void)run_step({}, [&] { began = true; });
        } catch (const std::bad_alloc&) {
          std::_Exit(began ? 4 : 0);
        }
        std::_Exit(5);
      },
      ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace anymetal::msl
