// What `compile` says of a kernel's registers and stack, from bytes as ptxas writes them.
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <string_view>

#include "code/code_resources.hpp"

namespace anymetal::cli {
namespace {

/// A sized attribute for function symbol 5.
std::string attribute(char number, char value, char value_high = 0) {
  return {0x04, number, 8, 0, 5, 0, 0, 0, value, value_high, 0, 0};
}

constexpr char kFrameSize = 0x11, kMinimumStack = 0x12, kRegisters = 0x2f;

TEST(CodeResources, OfACubin) {
  const std::string valueless{0x03, 0x1b, 0, 0};  // an attribute of two bytes
  const auto found = nv_info_resources(attribute(kRegisters, 18) + valueless + attribute(kFrameSize, 0x40, 0x01) +
                                       attribute(kMinimumStack, 9));
  EXPECT_EQ(found.registers, 18U);
  EXPECT_EQ(found.stack_bytes, 0x140U);
}

TEST(CodeResources, TheLargestFunctionCounts) {
  const auto found = nv_info_resources(attribute(kRegisters, 40) + attribute(kRegisters, 18) +
                                       attribute(kFrameSize, 8) + attribute(kFrameSize, 0));
  EXPECT_EQ(found.registers, 40U);
  EXPECT_EQ(found.stack_bytes, 8U);
}

TEST(CodeResources, DamagedBytesSayNothing) {
  EXPECT_FALSE(nv_info_resources("").registers);
  const std::string whole = attribute(kRegisters, 18);
  for (std::size_t n = 0; n < whole.size(); ++n)
    EXPECT_FALSE(nv_info_resources(std::string_view(whole).substr(0, n)).registers);
  EXPECT_FALSE(code_resources("no object, and no PTX").registers);
}

TEST(CodeResources, PtxHasALocalDepot) {
  const auto found = code_resources(".visible .entry k() {\n.local .align 8 .b8 \t__local_depot0[272];\n}");
  EXPECT_EQ(found.stack_bytes, 272U);
  EXPECT_FALSE(found.registers);
}

}  // namespace
}  // namespace anymetal::cli
