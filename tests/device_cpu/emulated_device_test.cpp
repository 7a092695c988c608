// Programs that are no runner of kernels, or one of another state: an error that says so, not a wait.

#include <gmock/gmock.h>

#include <cstdlib>

#include "emulated/emulated_backend.hpp"
#include "ir_kernel.hpp"

namespace anymetal::test {
namespace {

TEST(EmulatedDevice, SaysThatItsProgramIsOfAnotherState) {
  if (std::system("mold --version > /dev/null 2>&1") != 0) GTEST_SKIP() << "mold links kernels for it";
  for (const char* program :
       {"true", "printf 'the greeting of another state'", "printf short", "no-such-program 2> /dev/null"}) {
    const auto backend = make_emulated_backend(program);
    ASSERT_TRUE(backend) << backend.error().message();
    const auto artifact = (*backend)->compile(parse_kernel("define void @kernel(ptr %x) {\n ret void\n}\n"), "k");
    ASSERT_TRUE(artifact) << artifact.error().message();
    const auto loaded = (*backend)->load(*artifact, "k");
    ASSERT_FALSE(loaded) << program;
    EXPECT_EQ(loaded.error().code(), ErrorCode::InternalError);
    EXPECT_THAT(loaded.error().message(), testing::HasSubstr("built in another state: build it again")) << program;
  }
}

}  // namespace
}  // namespace anymetal::test
