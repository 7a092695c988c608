// What the lanes path makes of a thread function, seen in the IR it emits, and that this means the same.

#include <llvm/IR/InstIterator.h>
#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>
#include <llvm/Support/raw_ostream.h>
#include <sys/mman.h>

#include <numeric>

#include "device/cpu/kernel_compiler.hpp"
#include "device/cpu/lanes_path.hpp"
#include "prepared_thread.hpp"

namespace anymetal::test {
namespace {

using Words = std::vector<std::uint32_t>;

/// The function that runs a simdgroup, as text.
std::string simdgroup_ir(std::string_view ir) {
  const auto prepared = prepare_thread(ir);
  prepared.generator.regularise(*prepared.thread.function);
  const auto code = device::cpu::emit_lanes_path(prepared.thread, "k", prepared.generator, {.verify = true});
  EXPECT_EQ(code->obstacle, "");
  std::string text;
  llvm::raw_string_ostream stream(text);
  if (const auto* function = prepared.kernel.module->getFunction("k.lanes")) function->print(stream);
  return text;
}

std::size_t count(std::string_view text, std::string_view part) {
  std::size_t found = 0;
  for (auto at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

/// Its some thirty arguments would pass through memory for every simdgroup.
TEST(LanesPath, IsNoCallOfItsOwnWhereASimdgroupStarts) {
  const auto prepared = prepare_thread(R"(
define void @kernel(ptr %in, ptr %out) {
  %i = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %wide = zext i32 %i to i64
  %p = getelementptr i32, ptr %in, i64 %wide
  %v = load i32, ptr %p
  %sum = call i32 @__msl_simd_sum_u32(i32 %v)
  %q = getelementptr i32, ptr %out, i64 %wide
  store i32 %sum, ptr %q
  ret void
})");
  prepared.generator.regularise(*prepared.thread.function);
  const auto code = device::cpu::emit_lanes_path(prepared.thread, "k", prepared.generator, {});
  ASSERT_EQ(code->obstacle, "");
  auto& module = *prepared.kernel.module;
  ASSERT_NE(module.getFunction("k.lanes"), nullptr);
  code->start->setLinkage(llvm::GlobalValue::ExternalLinkage);  // as if the kernel's table referred to it
  prepared.generator.optimise(module, device::cpu::CodeGenerator::Code::Vectors);
  EXPECT_EQ(module.getFunction("k.lanes"), nullptr);
  for (const auto& instruction : llvm::instructions(*code->start))
    EXPECT_NE(instruction.getOpcode(), llvm::Instruction::UDiv) << "what is asked for no place in the row needs none";
}

/// Sum of a row per simdgroup, 32 elements at a time; the trip count is the same in all lanes.
constexpr const char* kUniformLoop = R"(
define void @kernel(ptr %in, ptr %out, ptr %rounds) {
entry:
  %i = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %lane = call i32 @__msl_thread_index_in_simdgroup()
  %sg = call i32 @__msl_simdgroup_index_in_threadgroup()
  %n = load i32, ptr %rounds
  %row = mul i32 %sg, %n
  br label %loop
loop:
  %k = phi i32 [ 0, %entry ], [ %k1, %loop ]
  %t = phi i32 [ 0, %entry ], [ %t1, %loop ]
  %r = add i32 %row, %k
  %first = mul i32 %r, 32
  %index = add i32 %first, %lane
  %wide = zext i32 %index to i64
  %p = getelementptr i32, ptr %in, i64 %wide
  %v = load i32, ptr %p
  %t1 = add i32 %t, %v
  %k1 = add i32 %k, 1
  %more = icmp ult i32 %k1, %n
  br i1 %more, label %loop, label %done
done:
  %sum = call i32 @__msl_simd_sum_u32(i32 %t1)
  %zero = icmp eq i32 %lane, 0
  br i1 %zero, label %write, label %end
write:
  %wsg = zext i32 %sg to i64
  %q = getelementptr i32, ptr %out, i64 %wsg
  store i32 %sum, ptr %q
  br label %end
end:
  ret void
})";

TEST(Lanes, UniformLoopsLoadWholeVectorsAndKeepTheirBranches) {
  const auto ir = simdgroup_ir(kUniformLoop);
  EXPECT_EQ(count(ir, "load <32 x i32>"), 1u) << ir;
  EXPECT_EQ(count(ir, "masked.gather"), 0u) << ir;
  EXPECT_EQ(count(ir, "masked.load"), 0u) << ir;
  EXPECT_EQ(count(ir, "vector.reduce.add.v32i32"), 1u) << ir;
  // Which lane writes is known without looking at lanes: nothing asks for a mask.
  EXPECT_EQ(count(ir, "<32 x i1>"), 0u) << ir;

  const IrKernel kernel(kUniformLoop);
  EXPECT_EQ(kernel.artifact().execution_path, ANYMETAL_TEST_LANES ? "lanes" : "coroutines");
  Words input(3 * 4 * 32);
  std::iota(input.begin(), input.end(), 7u);
  const DeviceArray<std::uint32_t> in(input);
  const DeviceArray<std::uint32_t> out(Words(4, 0u));
  const DeviceArray<std::uint32_t> rounds({3u});
  ASSERT_TRUE(kernel.run({in.bind(), out.bind(), rounds.bind()}, {128}, {128}));
  const auto sums = out.values();
  for (std::size_t s = 0; s < 4; ++s)
    EXPECT_EQ(sums[s], std::accumulate(input.begin() + static_cast<std::ptrdiff_t>(s) * 96,
                                       input.begin() + static_cast<std::ptrdiff_t>(s + 1) * 96, 0u));
}

/// out[i] = in[i] + (i >= 8 ? in[i - 8] : 0) after a meeting: lane 0's index wraps around, but lane 0 is not there.
constexpr const char* kHalo = R"(
define void @kernel(ptr %in, ptr %out) {
entry:
  %i = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  call void @__msl_simdgroup_barrier(i32 0)
  %own = zext i32 %i to i64
  %p = getelementptr i32, ptr %in, i64 %own
  %v = load i32, ptr %p
  %before = add i32 %i, -8
  %there = icmp ugt i32 %i, 7
  br i1 %there, label %add, label %end
add:
  %wide = zext i32 %before to i64
  %q = getelementptr i32, ptr %in, i64 %wide
  %w = load i32, ptr %q
  br label %end
end:
  %other = phi i32 [ 0, %entry ], [ %w, %add ]
  %sum = add i32 %v, %other
  %o = getelementptr i32, ptr %out, i64 %own
  store i32 %sum, ptr %o
  ret void
})";

TEST(Lanes, AddressesAreTakenFromALaneThatIsThere) {
  const auto ir = simdgroup_ir(kHalo);
  EXPECT_EQ(count(ir, "masked.gather"), 0u) << ir;
  const IrKernel kernel(kHalo);
  for (const std::uint32_t threads : {32u, 64u, 96u, 40u}) {
    Words input(threads);
    std::iota(input.begin(), input.end(), 1000u);
    const DeviceArray<std::uint32_t> in(input);
    const DeviceArray<std::uint32_t> out(Words(threads, 0u));
    ASSERT_TRUE(kernel.run({in.bind(), out.bind()}, {threads}, {threads}));
    const auto result = out.values();
    for (std::uint32_t i = 0; i < threads; ++i) ASSERT_EQ(result[i], input[i] + (i >= 8 ? input[i - 8] : 0)) << i;
  }
}

/// out[i] = in[(i - 16) mod 2^32], bytes.
constexpr const char* kWrap = R"(
define void @kernel(ptr %in, ptr %out) {
  %i = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  call void @__msl_simdgroup_barrier(i32 0)
  %at = add i32 %i, -16
  %wide = zext i32 %at to i64
  %p = getelementptr i8, ptr %in, i64 %wide
  %v = load i8, ptr %p
  %own = zext i32 %i to i64
  %o = getelementptr i8, ptr %out, i64 %own
  store i8 %v, ptr %o
  ret void
})";

TEST(Lanes, AnIndexMayWrapAroundWithinASimdgroupWhereTheBufferIsLargeEnough) {
  constexpr std::size_t kBytes = std::size_t{1} << 32;
  void* memory = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  const std::shared_ptr<void> owner(memory, [](void* mapped) { ::munmap(mapped, kBytes); });
  auto* bytes = static_cast<std::uint8_t*>(memory);
  for (std::size_t i = 0; i < 16; ++i) {
    bytes[i] = static_cast<std::uint8_t>(100 + i);
    bytes[kBytes - 16 + i] = static_cast<std::uint8_t>(1 + i);
  }
  const auto large = cpu_device()->wrap({static_cast<std::byte*>(memory), kBytes}, owner);
  ASSERT_TRUE(large);
  const DeviceArray<std::uint8_t> out(std::vector<std::uint8_t>(32, 0));
  const IrKernel kernel(kWrap);
  const device::BoundArgument in{device::BoundArgument::Kind::Buffer, large->get(), 0, kBytes};
  ASSERT_TRUE(kernel.run({in, out.bind()}, {32}, {32}));
  const auto result = out.values();
  for (std::size_t i = 0; i < 32; ++i) EXPECT_EQ(result[i], i < 16 ? 1 + i : 100 + i - 16) << i;
}

/// out[i] = in[picks[i]] + in[picks[i] + 1], words at 64-bit indices.
constexpr const char* kPicks = R"(
define void @kernel(ptr %in, ptr %picks, ptr %out) {
  %i = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  call void @__msl_simdgroup_barrier(i32 0)
  %own = zext i32 %i to i64
  %p = getelementptr i64, ptr %picks, i64 %own
  %pick = load i64, ptr %p
  %q = getelementptr i32, ptr %in, i64 %pick
  %v = load i32, ptr %q
  %next = getelementptr i32, ptr %q, i64 1
  %w = load i32, ptr %next
  %sum = add i32 %v, %w
  %o = getelementptr i32, ptr %out, i64 %own
  store i32 %sum, ptr %o
  ret void
})";

/// Runs it on a buffer of `bytes`, whose words beyond `first` are read, `first` words after its begin.
void picks_words(std::size_t bytes, std::size_t first) {
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  const std::shared_ptr<void> owner(memory, [bytes](void* mapped) { ::munmap(mapped, bytes); });
  auto* words = static_cast<std::uint32_t*>(memory);
  const std::size_t count = bytes / sizeof(std::uint32_t);
  std::vector<std::int64_t> picks;
  Words expected;
  for (std::uint32_t i = 0; i < 32; ++i) {
    const auto at = i == 0 ? 0 : i == 31 ? count - 2 : count / 32 * i - (i & 1);
    words[at] = 1000 * i;
    words[at + 1] = i;
    picks.push_back(static_cast<std::int64_t>(at) - static_cast<std::int64_t>(first));
    expected.push_back(1001 * i);
  }
  const auto buffer = cpu_device()->wrap({static_cast<std::byte*>(memory), bytes}, owner);
  ASSERT_TRUE(buffer);
  const DeviceArray<std::int64_t> indices(picks);
  const DeviceArray<std::uint32_t> out(Words(32, 0u));
  const IrKernel kernel(kPicks);
  const auto offset = first * sizeof(std::uint32_t);
  const device::BoundArgument in{device::BoundArgument::Kind::Buffer, buffer->get(), offset, bytes - offset};
  ASSERT_TRUE(kernel.run({in, indices.bind(), out.bind()}, {32}, {32}));
  EXPECT_EQ(out.values(), expected);
}

TEST(Lanes, EveryElementOfTheLargestBufferIsNear) {
  picks_words(device::cpu::kLargestLaneBuffer, 0);
  picks_words(device::cpu::kLargestLaneBuffer, 16384);  // some elements lie before the binding's offset
}

TEST(Lanes, AddressesInLargerBuffersAreWhole) {
  picks_words(device::cpu::kLargestLaneBuffer + 4, 0);
  picks_words(std::size_t{9} << 30, 0);
}

TEST(Lanes, PartsOfARowAreMaskedAndScatteredNarrowElementsCalled) {
  // Each lane below n copies one 16-bit element from 3 i to i.
  constexpr const char* kStrided = R"(
define void @kernel(ptr %in, ptr %out, ptr %limit) {
  %i = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  call void @__msl_simdgroup_barrier(i32 0)
  %n = load i32, ptr %limit
  %inside = icmp ult i32 %i, %n
  br i1 %inside, label %copy, label %end
copy:
  %own = zext i32 %i to i64
  %at = mul i64 %own, 3
  %p = getelementptr i16, ptr %in, i64 %at
  %v = load i16, ptr %p, align 2
  %o = getelementptr i16, ptr %out, i64 %own
  store i16 %v, ptr %o, align 2
  br label %end
end:
  ret void
})";
  const auto ir = simdgroup_ir(kStrided);
  EXPECT_EQ(count(ir, "extractelement"), 0u) << ir;
  EXPECT_LE(count(ir, "call "), 6u) << ir;
  const IrKernel kernel(kStrided);
  std::vector<std::uint16_t> input(3 * 64);
  std::iota(input.begin(), input.end(), std::uint16_t{5});
  const DeviceArray<std::uint16_t> in(input);
  for (const std::uint32_t n : {0u, 1u, 31u, 33u, 64u}) {
    const DeviceArray<std::uint16_t> out(std::vector<std::uint16_t>(64, 9));
    const DeviceArray<std::uint32_t> limit({n});
    ASSERT_TRUE(kernel.run({in.bind(), out.bind(), limit.bind()}, {64}, {64}));
    const auto result = out.values();
    for (std::uint32_t i = 0; i < 64; ++i) ASSERT_EQ(result[i], i < n ? 5 + 3 * i : 9u) << i << " of " << n;
  }
}

/// Threads below the limit copy a row of 33 elements, or move it by one element, after a meeting.
TEST(Lanes, RowsAreCopiedAndMoved) {
  constexpr const char* kCopy = R"(
define void @kernel(ptr %in, ptr %out, ptr %limit) {
entry:
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  call void @__msl_simdgroup_barrier(i32 0)
  %wide = zext i32 %x to i64
  %n = load i32, ptr %limit
  %low = icmp ult i32 %x, %n
  br i1 %low, label %then, label %end
then:
  %p = getelementptr [34 x i32], ptr %in, i64 %wide
  %q = getelementptr [34 x i32], ptr %out, i64 %wide
  %few = and i64 %wide, 3
  %bytes = add i64 %few, 132
  call void @llvm.memcpy.p0.p0.i64(ptr %q, ptr %p, i64 %bytes, i1 false)
  %next = getelementptr i32, ptr %q, i64 1
  call void @llvm.memmove.p0.p0.i64(ptr %next, ptr %q, i64 128, i1 false)
  call void @llvm.memset.p0.i64(ptr %q, i8 7, i64 4, i1 false)
  br label %end
end:
  ret void
}
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
declare void @llvm.memmove.p0.p0.i64(ptr, ptr, i64, i1)
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)
)";
  const IrKernel kernel(kCopy);
  EXPECT_EQ(kernel.artifact().execution_path, "lanes") << kernel.artifact().path_reason;
  constexpr std::uint32_t kThreads = 64;
  Words input(kThreads * 34);
  std::iota(input.begin(), input.end(), 1u);
  const DeviceArray<std::uint32_t> in(input);
  for (const std::uint32_t n : {0u, 1u, 45u, 64u}) {
    const DeviceArray<std::uint32_t> out(Words(input.size(), 0));
    const DeviceArray<std::uint32_t> limit({n});
    ASSERT_TRUE(kernel.run({in.bind(), out.bind(), limit.bind()}, {kThreads}, {kThreads}));
    const auto result = out.values();
    for (std::uint32_t i = 0; i < kThreads * 34; ++i) {
      const auto column = i % 34;
      if (column == 33) continue;  // as many bytes of it as the thread's number says
      const auto wanted = i / 34 >= n ? 0 : column == 0 ? 0x07070707u : input[i - 1];
      ASSERT_EQ(result[i], wanted) << i << " of " << n;
    }
  }
}

TEST(Lanes, TakeSeveralRowsOfAThreadgroup) {
  const IrKernel kernel(R"(
define void @kernel(ptr %out) {
  %x = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %y = call i32 @__msl_thread_position_in_threadgroup(i32 1)
  %z = call i32 @__msl_thread_position_in_threadgroup(i32 2)
  %i = call i32 @__msl_thread_index_in_threadgroup()
  %y100 = mul i32 %y, 1000
  %z100 = mul i32 %z, 1000000
  %xy = add i32 %x, %y100
  %xyz = add i32 %xy, %z100
  %s = call i32 @__msl_simd_sum_u32(i32 %xyz)
  %at = zext i32 %i to i64
  %p = getelementptr [2 x i32], ptr %out, i64 %at
  store i32 %xyz, ptr %p
  %q = getelementptr i32, ptr %p, i64 1
  store i32 %s, ptr %q
  ret void
})",
                        cpu_device(1));
  for (const auto form : {device::cpu::Form::Folded, device::cpu::Form::FoldedEnds}) {
    const auto made = device::cpu::compile_form(kernel.artifact(), "k", form, {.verify = true});
    ASSERT_TRUE(made) << made.error().message();
    EXPECT_EQ(made->execution_path, "lanes") << made->path_reason;
  }
  for (const Size size :
       {Size{16, 4}, Size{8, 4, 2}, Size{6, 5, 2}, Size{10, 3}, Size{1, 7, 9}, Size{3, 1, 300}, Size{511, 2}}) {
    const auto threads = size.x * size.y * size.z;
    const DeviceArray<std::uint32_t> out(Words(2 * threads, 7));
    ASSERT_TRUE(kernel.run({out.bind()}, size, size));
    const auto result = out.values();
    const auto place = [&](std::size_t i) {
      return static_cast<std::uint32_t>(i % size.x + i / size.x % size.y * 1000 + i / size.x / size.y * 1000000);
    };
    for (std::size_t i = 0; i < threads; ++i) {
      std::uint32_t sum = 0;
      for (auto k = i / 32 * 32; k < std::min(threads, i / 32 * 32 + 32); ++k) sum += place(k);
      ASSERT_EQ(result[2 * i], place(i)) << size.x << ' ' << size.y << ' ' << i;
      ASSERT_EQ(result[2 * i + 1], sum) << size.x << ' ' << size.y << ' ' << i;
    }
  }
}

}  // namespace
}  // namespace anymetal::test
