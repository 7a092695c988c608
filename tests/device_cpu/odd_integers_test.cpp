// Integers of three, five and six bytes in memory, each thread's at a place of its own, near the others' or not.

#include <fmt/format.h>

#include "ir_kernel.hpp"

namespace anymetal::test {
namespace {

/// Threads copy an integer of some bytes from the place `8 ((5 i + 3) % 64)` to `step (factor i % 64)`,
/// those of even numbers plus one.
std::string kernel_text(unsigned bytes, unsigned factor, unsigned step) {
  return fmt::format(R"(
define void @kernel(ptr %in, ptr %out) {{
  %i = call i32 @__msl_thread_index_in_threadgroup()
  call void @__msl_threadgroup_barrier(i32 2)
  %f = mul i32 %i, 5
  %f3 = add i32 %f, 3
  %from = and i32 %f3, 63
  %from_at = mul i32 %from, 8
  %source = getelementptr i8, ptr %in, i32 %from_at
  %value = load i{0}, ptr %source, align 1
  %t = mul i32 %i, {1}
  %to = and i32 %t, 63
  %to_at = mul i32 %to, {2}
  %target = getelementptr i8, ptr %out, i32 %to_at
  %bit = and i32 %i, 1
  %odd = icmp eq i32 %bit, 1
  br i1 %odd, label %plain, label %more
plain:
  store i{0} %value, ptr %target, align 1
  br label %end
more:
  %next = add i{0} %value, 1
  store i{0} %next, ptr %target, align 1
  br label %end
end:
  call void @__msl_threadgroup_barrier(i32 2)
  ret void
}})",
                     8 * bytes, factor, step);
}

struct Layout {
  unsigned factor = 0, step = 0;
};

TEST(OddIntegers, AreCopiedWholeAndAlone) {
  for (const unsigned bytes : {3U, 5U, 6U, 7U}) {
    for (const Layout at : {Layout{11, 8}, Layout{1, bytes}}) {
      SCOPED_TRACE(fmt::format("{} bytes, {} apart", bytes, at.step));
      std::vector<std::uint64_t> values;
      for (std::uint64_t i = 0; i < 64; ++i) values.push_back(0x0123'4567'89ab'cdffULL * (2 * i + 1));
      const DeviceArray<std::uint64_t> in(values);
      const DeviceArray<std::uint8_t> out(std::vector<std::uint8_t>(64 * 8, 0xEE));
      const IrKernel kernel(kernel_text(bytes, at.factor, at.step));
      ASSERT_TRUE(kernel.run({in.bind(), out.bind()}, {64}, {64}));
      std::vector<std::uint8_t> expected(64 * 8, 0xEE);
      for (unsigned i = 0; i < 64; ++i) {
        const std::uint64_t value = values[(5 * i + 3) % 64] + (i % 2 == 0 ? 1 : 0);
        std::memcpy(&expected[at.step * (at.factor * i % 64)], &value, bytes);
      }
      EXPECT_EQ(out.values(), expected);
    }
  }
}

}  // namespace
}  // namespace anymetal::test
