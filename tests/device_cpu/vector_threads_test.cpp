// Which threads that never meet run as vectors, and which one after the other.

#include "device/cpu/vector_threads.hpp"

#include <llvm/IR/Module.h>

#include "device/cpu/code_generator.hpp"
#include "device/cpu/lane_emitter.hpp"
#include "prepared_thread.hpp"

namespace anymetal::test {
namespace {

constexpr const char* kPosition =
    "%x = call i32 @__msl_thread_position_in_threadgroup(i32 0)\n%w = zext i32 %x to i64\n";

bool become_vectors(const std::string& body, const char* target = "x86_64-linux-gnu:x86-64-v4") {
  const auto ir = std::string("define void @kernel(ptr %in, ptr %out, i32 %n) {\n") + kPosition + body + "}\n";
  const auto prepared = prepare_as_written(ir, device::cpu::named_target(target));
  const auto lanes = device::cpu::emit_vector_threads(prepared.thread, 32, "k", prepared.generator, {.verify = true});
  return lanes.function != nullptr;
}

/// Rounds that each load `address` of `in`, until `stop`.
std::string loop(const std::string& address, const std::string& stop) {
  return "br label %round\nround:\n"
         "%k = phi i64 [ 0, %0 ], [ %next, %round ]\n%at = phi i64 [ %w, %0 ], [ %moved, %round ]\n"
         "%next = add i64 %k, 1\n%moved = add i64 %at, 1\n" +
         address + "%p = getelementptr i32, ptr %in, i64 %a\n%v = load i32, ptr %p\n" + stop +
         "br i1 %stop, label %end, label %round\nend:\n"
         "%o = getelementptr i32, ptr %out, i64 %w\nstore i32 %v, ptr %o\nret void\n";
}

constexpr const char* kAllTogether = "%stop = icmp eq i64 %k, 9\n";
constexpr const char* kOneByOne = "%stop = icmp eq i32 %v, 0\n";
constexpr const char* kColumn = "%r = mul i64 %k, 64\n%a = add i64 %r, %w\n";
constexpr const char* kRow = "%r = mul i64 %w, 64\n%a = add i64 %r, %k\n";
constexpr const char* kHashed =
    "%h = mul i64 %w, %w\n%g = mul i64 %k, %k\n%x2 = xor i64 %h, %g\n%a = and i64 %x2, 1023\n";

TEST(VectorThreads, OfLoopsOverWhatLiesBesideEachOther) { EXPECT_TRUE(become_vectors(loop(kColumn, kAllTogether))); }

TEST(VectorThreads, OfSearches) {
  EXPECT_TRUE(become_vectors(loop(kHashed, kOneByOne)));
  EXPECT_FALSE(become_vectors(loop(kHashed, kOneByOne), "x86_64-linux-gnu:x86-64-v2")) << "no gathers";
}

TEST(VectorThreads, NotWhereEachGoesThroughARunOfItsOwn) {
  EXPECT_FALSE(become_vectors(loop(kRow, kAllTogether)));
  EXPECT_FALSE(become_vectors(loop(kRow, kOneByOne)));
}

TEST(VectorThreads, OfVectors) {
  EXPECT_TRUE(
      become_vectors("%p = getelementptr <4 x float>, ptr %in, i64 %w\n%v = load <4 x float>, ptr %p\n"
                     "%r = fmul <4 x float> %v, %v\n%o = getelementptr <4 x float>, ptr %out, i64 %w\n"
                     "store <4 x float> %r, ptr %o\nret void\n"));
}

TEST(VectorThreads, NotOfWhatLlvmVectorises) {
  EXPECT_FALSE(
      become_vectors("%p = getelementptr float, ptr %in, i64 %w\n%v = load float, ptr %p\n"
                     "%o = getelementptr float, ptr %out, i64 %w\nstore float %v, ptr %o\nret void\n"));
}

TEST(VectorThreads, NotWherePrivateArraysOfAllWouldFillTheStack) {
  const auto obstacle_of_an_array_of = [](unsigned words) {
    const auto ir = "define void @kernel(ptr %at, ptr %out) {\n%m = alloca [" + std::to_string(words) +
                    " x i32]\n%k = load i64, ptr %at\n%q = getelementptr i32, ptr %m, i64 %k\n"
                    "store i32 1, ptr %q\n%v = load i32, ptr %m\nstore i32 %v, ptr %out\nret void\n}\n";
    const auto prepared = prepare_as_written(ir, device::cpu::named_target("x86_64-linux-gnu:x86-64-v4"));
    return device::cpu::lanes_obstacle(*prepared.thread.function);
  };
  EXPECT_EQ(obstacle_of_an_array_of(8192), "");
  EXPECT_EQ(obstacle_of_an_array_of(8193),
            "its private arrays are too large for all lanes to have theirs on the stack at once");
}

TEST(VectorThreads, NotOfAtomicOperations) {
  EXPECT_FALSE(
      become_vectors(loop(kColumn, "%old = atomicrmw add ptr %out, i32 1 monotonic\n%stop = icmp eq i64 %k, 9\n")));
}

}  // namespace
}  // namespace anymetal::test
