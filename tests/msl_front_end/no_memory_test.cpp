// A process that has no memory left: what the compiler holds can still be let go.
#include "support/no_memory.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <optional>

#include "msl/compile_guard.hpp"
#include "msl/parsed_source.hpp"

namespace anymetal::msl {
namespace {

using test::kCanLimitMemory;
using test::use_up_memory;

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
