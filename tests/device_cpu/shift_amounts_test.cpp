// Shifts by too much in elements that nobody looks at: what becomes of them, and that code full of them is right.

#include "device/cpu/shift_amounts.hpp"

#include <fmt/format.h>
#include <llvm/IR/Constants.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/Instructions.h>
#include <llvm/Support/raw_ostream.h>

#include <random>

#include "emulated/emulated_backend.hpp"
#include "ir_kernel.hpp"

namespace anymetal::test {
namespace {

/// The amounts that a shift of `<4 x i32>` by these has afterwards.
std::string bounded(std::string_view amounts) {
  const auto kernel = parse_kernel(fmt::format(R"(
define void @kernel(ptr %data) {{
  %x = load <4 x i32>, ptr %data
  %y = ashr <4 x i32> %x, {}
  store <4 x i32> %y, ptr %data
  ret void
}}
)",
                                               amounts));
  device::cpu::bound_shifts(*kernel.module);
  std::string text;
  llvm::raw_string_ostream out(text);
  for (const auto& instruction : llvm::instructions(kernel.module->getFunction(kernel.symbol)))
    if (instruction.isShift()) instruction.getOperand(1)->printAsOperand(out, /*PrintType=*/false);
  return text;
}

TEST(ShiftAmounts, AreThoseOfOtherElements) {
  EXPECT_EQ(bounded("<i32 255, i32 24, i32 32, i32 23>"), "<i32 24, i32 24, i32 24, i32 23>");
  EXPECT_EQ(bounded("<i32 31, i32 -1, i32 0, i32 poison>"), "<i32 31, i32 31, i32 0, i32 poison>");
  EXPECT_EQ(bounded("<i32 32, i32 33, i32 32, i32 32>"), "zeroinitializer");
}

TEST(ShiftAmounts, InRangeStay) {
  EXPECT_EQ(bounded("<i32 31, i32 0, i32 1, i32 2>"), "<i32 31, i32 0, i32 1, i32 2>");
  EXPECT_EQ(bounded("<i32 poison, i32 0, i32 1, i32 2>"), "<i32 poison, i32 0, i32 1, i32 2>");
  EXPECT_EQ(bounded("%x"), "%x");
}

/// Four sums of products of the unsigned bytes of one of two words and the signed bytes of one of two others, in the
/// order in which LLVM 19 shifts and masks them by the same vectors.
class Products {
 public:
  std::string text() {
    for (const unsigned word : {0u, 1u}) {
      for (const unsigned byte : {0u, 1u, 2u, 3u}) {
        const auto own = fmt::format("{}{}", word, byte);
        if (byte == 0) line("%u{} = and i32 %w{}, 255", own, word);
        if (byte == 1 || byte == 2) line("%t{} = lshr i32 %w{}, {}", own, word, 8 * byte);
        if (byte == 1 || byte == 2) line("%u{} = and i32 %t{}, 255", own, own);
        if (byte == 3) line("%u{} = lshr i32 %w{}, 24", own, word);
        if (byte < 3) line("%l{} = shl i32 %w{}, {}", own, word + 2, 24 - 8 * byte);
        line("%s{} = ashr i32 %{}{}, 24", own, byte < 3 ? "l" : "w", byte < 3 ? own : std::to_string(word + 2));
      }
    }
    constexpr std::array kWords = {std::pair(1u, 1u), std::pair(1u, 0u), std::pair(0u, 1u), std::pair(0u, 0u)};
    for (unsigned i = 0; i < 4; ++i) {
      for (unsigned byte = 0; byte < 4; ++byte)
        line("%m{}{} = mul nsw i32 %u{}{}, %s{}{}", i, byte, kWords[i].first, byte, kWords[i].second, byte);
      const auto first = fmt::format("%w{}", 4 + i);
      const auto product = [&](unsigned byte) { return fmt::format("%m{}{}", i, byte); };
      const std::array terms = i < 2 ? std::array{product(0), product(3), product(1), product(2), first}
                                     : std::array{product(3), first, product(0), product(1), product(2)};
      auto sum = terms[0];
      for (unsigned term = 1; term < terms.size(); ++term) {
        line("%a{}{} = add i32 {}, {}", i, term, sum, terms[term]);
        sum = fmt::format("%a{}{}", i, term);
      }
      line("%q{} = getelementptr i32, ptr %to, i64 {}\n  store i32 {}, ptr %q{}", i, i, sum, i);
    }
    return "define void @kernel(ptr %in, ptr noalias %out) {\n"
           "  %i = call i32 @__msl_thread_index_in_threadgroup()\n"
           "  %wide = zext i32 %i to i64\n"
           "  %from = getelementptr [8 x i32], ptr %in, i64 %wide\n"
           "  %to = getelementptr [4 x i32], ptr %out, i64 %wide\n" +
           loads() + "  call void @__msl_simdgroup_barrier(i32 0)\n" + body_ + "  ret void\n}\n";
  }

 private:
  template <class... Arguments>
  void line(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    body_ += "  " + fmt::format(format, std::forward<Arguments>(arguments)...) + "\n";
  }
  static std::string loads() {
    std::string text;
    for (unsigned w = 0; w < 8; ++w)
      text += fmt::format("  %p{} = getelementptr i32, ptr %from, i64 {}\n  %w{} = load i32, ptr %p{}\n", w, w, w, w);
    return text;
  }
  std::string body_;
};

std::vector<std::uint32_t> sums_of_products(const std::vector<std::uint32_t>& w) {
  std::vector<std::uint32_t> sums;
  for (std::size_t i = 0; i < w.size(); i += 8)
    for (unsigned sum = 0; sum < 4; ++sum) {
      std::uint32_t total = w[i + 4 + sum];
      for (unsigned shift = 0; shift < 32; shift += 8) {
        const auto value = static_cast<std::int8_t>(w[i + 2 + (sum % 2 == 0)] >> shift);
        total += (w[i + (sum < 2)] >> shift & 255U) * static_cast<std::uint32_t>(value);
      }
      sums.push_back(total);
    }
  return sums;
}

TEST(ShiftAmounts, DoNotSpoilWhatTheyAreBlendedWith) {
  std::mt19937 random(1);
  std::vector<std::uint32_t> words(8 * 64);
  for (auto& word : words) word = static_cast<std::uint32_t>(random());
  for (const bool lanes : {false, true}) {
    const IrKernel kernel(Products().text(), *cpu_or_emulated({.threads = 1, .lanes = lanes}));
    EXPECT_EQ(kernel.artifact().execution_path, lanes ? "lanes" : "coroutines");
    const DeviceArray<std::uint32_t> in(words);
    const DeviceArray<std::uint32_t> out(std::vector<std::uint32_t>(4 * 64, 0));
    ASSERT_TRUE(kernel.run({in.bind(), out.bind()}, {64}, {64}));
    EXPECT_EQ(out.values(), sums_of_products(words)) << kernel.artifact().execution_path;
  }
}

}  // namespace
}  // namespace anymetal::test
