// Private vectors that are stored as elements of one type and loaded as those of another.

#include "device/cpu/stored_elements.hpp"

#include <fmt/format.h>
#include <llvm/ADT/STLExtras.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/Module.h>

#include "prepared_thread.hpp"

namespace anymetal::test {
namespace {

/// out[i] = i + 2 * (i + 7), of numbers that are stored as three words and loaded as `loaded`: their first two are the
/// words of its first element.
std::string kernel_text(std::string_view stored, std::string_view loaded) {
  return fmt::format(R"(
define void @kernel(ptr %out) {{
entry:
  %variable = alloca <2 x double>, align 16
  %i = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %other = add i32 %i, 7
  %v0 = insertelement <3 x i32> poison, i32 %i, i64 0
  %v1 = insertelement <3 x i32> %v0, i32 %other, i64 1
  %v2 = insertelement <3 x i32> %v1, i32 9, i64 2
  {}
  %all = load <2 x {}>, ptr %variable, align 16
  %first = extractelement <2 x {}> %all, i64 0
  %two = bitcast {} %first to <2 x i32>
  %x = extractelement <2 x i32> %two, i64 0
  %y = extractelement <2 x i32> %two, i64 1
  %twice = shl i32 %y, 1
  %sum = add i32 %x, %twice
  %wide = zext i32 %i to i64
  %to = getelementptr i32, ptr %out, i64 %wide
  store i32 %sum, ptr %to
  ret void
}}
)",
                     stored, loaded, loaded, loaded);
}

constexpr const char* kWhole = "store <3 x i32> %v2, ptr %variable, align 16";

bool keeps_variable(std::string_view ir) {
  const auto prepared = prepare_thread(ir);
  return llvm::any_of(llvm::instructions(*prepared.thread.function),
                      [](const auto& instruction) { return llvm::isa<llvm::AllocaInst>(instruction); });
}

TEST(StoredElements, AreLoadedAsWhatTheyAre) {
  for (const auto* loaded : {"double", "i64"}) {
    const auto text = kernel_text(kWhole, loaded);
    EXPECT_FALSE(keeps_variable(text)) << loaded;
    const IrKernel kernel(text);
    const DeviceArray<std::uint32_t> out(std::vector<std::uint32_t>(50));
    ASSERT_TRUE(kernel.run({out.bind()}, {50}, {50}));
    for (std::uint32_t i = 0; i < 50; ++i) ASSERT_EQ(out.values()[i], i + 2 * (i + 7)) << loaded;
  }
}

/// A vector and a word: what is stored last decides.
TEST(StoredElements, OfSeveralKindsStay) {
  const std::string text = kernel_text(std::string(kWhole) + "\n  store i32 5, ptr %variable, align 16", "double");
  const IrKernel kernel(text);
  const DeviceArray<std::uint32_t> out(std::vector<std::uint32_t>(8));
  ASSERT_TRUE(kernel.run({out.bind()}, {8}, {8}));
  for (std::uint32_t i = 0; i < 8; ++i) ASSERT_EQ(out.values()[i], 5 + 2 * (i + 7));
}

}  // namespace
}  // namespace anymetal::test
