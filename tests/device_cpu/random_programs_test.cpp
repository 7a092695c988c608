// Random threads with branches, loops, simdgroup operations, barriers, private arrays and atomic operations: the path
// under test against coroutines, thread by thread. ANYMETAL_RANDOM_PROGRAMS=N runs N of each kind instead of a few.

#include <fmt/format.h>

#include <cstdlib>
#include <random>

#include "emulated/emulated_backend.hpp"
#include "ir_kernel.hpp"

namespace anymetal::test {
namespace {

/// Writes a kernel `out[i] = f(i, in[i])`. Values are i32 slots in a private array that LLVM turns into registers, so
/// that every branch and loop makes phis. With barriers, threads also exchange values through threadgroup memory where
/// all of them are together, and count in `counts`.
class Program {
 public:
  Program(unsigned seed, bool barriers) : random_(seed), barriers_(barriers) {}

  std::string text() {
    body_ += "  call void @__msl_simdgroup_barrier(i32 0)\n";
    statements(3, 5);
    return R"(
@shared = internal global [64 x i32] undef, section "msl.threadgroup", align 16
define void @kernel(ptr %in, ptr %out, ptr %counts) {
entry:
)" + slots_ +
           R"(  %i = call i32 @__msl_thread_index_in_threadgroup()
  %wide = zext i32 %i to i64
  %p = getelementptr i32, ptr %in, i64 %wide
  %v = load i32, ptr %p
  store i32 %v, ptr %s0
  store i32 %i, ptr %s1
  store i32 3, ptr %s2
  store <4 x i32> <i32 5, i32 6, i32 7, i32 8>, ptr %array
)" + body_ +
           R"(
  %r0 = load i32, ptr %s0
  %r1 = load i32, ptr %s1
  %r2 = load i32, ptr %s2
  %r01 = xor i32 %r0, %r1
  %r = add i32 %r01, %r2
  %o = getelementptr i32, ptr %out, i64 %wide
  store i32 %r, ptr %o
  ret void
})";
  }

 private:
  unsigned pick(unsigned count) { return static_cast<unsigned>(random_() % count); }
  std::string name() { return fmt::format("%t{}", next_++); }
  std::string load() {
    const auto value = name();
    body_ += fmt::format("  {} = load i32, ptr %s{}\n", value, pick(3));
    return value;
  }
  void store(const std::string& value) { body_ += fmt::format("  store i32 {}, ptr %s{}\n", value, pick(3)); }
  std::string condition() {
    static constexpr std::array kWays{"ult", "ugt", "eq", "slt"};
    const auto low = name();
    const auto result = name();
    const auto value = load();
    body_ += fmt::format("  {} = and i32 {}, {}\n", low, value, 1 + pick(63));
    body_ += fmt::format("  {} = icmp {} i32 {}, {}\n", result, kWays[pick(4)], low, pick(40));
    return result;
  }

  void statements(unsigned depth, unsigned count) {
    for (unsigned i = 0; i < count; ++i) {
      if (barriers_ && pick(4) == 0) extra();
      switch (pick(depth > 0 ? 7 : 4)) {
        case 0:
          arithmetic();
          break;
        case 1:
          memory();
          break;
        case 2:
          meeting();
          break;
        case 3:
          arithmetic();
          break;
        case 4:
        case 5:
          branch(depth - 1);
          break;
        default:
          loop(depth - 1);
          break;
      }
    }
  }
  /// What programs with barriers do beside.
  void extra() {
    switch (pick(4)) {
      case 0:
        count();
        break;
      case 1:
        array();
        break;
      default:
        if (together_) exchange();
    }
  }
  void count() {
    const auto value = load();
    const auto low = name(), wide = name(), address = name();
    body_ += fmt::format("  {} = and i32 {}, 15\n  {} = zext i32 {} to i64\n", low, value, wide, low);
    body_ += fmt::format("  {} = getelementptr i32, ptr %counts, i64 {}\n", address, wide);
    body_ += fmt::format("  atomicrmw add ptr {}, i32 {} monotonic\n", address, value);
  }
  std::string element() {
    const auto low = name(), wide = name(), address = name();
    const auto index = load();
    body_ += fmt::format("  {} = and i32 {}, 3\n  {} = zext i32 {} to i64\n", low, index, wide, low);
    body_ += fmt::format("  {} = getelementptr i32, ptr %array, i64 {}\n", address, wide);
    return address;
  }
  void array() {
    const auto to = element();
    body_ += fmt::format("  store i32 {}, ptr {}\n", load(), to);
    const auto from = element();
    const auto value = name();
    body_ += fmt::format("  {} = load i32, ptr {}\n", value, from);
    store(value);
  }
  /// A value of another thread, most often one of the other simdgroup.
  void exchange() {
    const auto mine = name(), other = name(), wide = name(), theirs = name();
    const auto value = load();
    const auto result = name();
    body_ += fmt::format("  {} = getelementptr i32, ptr @shared, i64 %wide\n", mine);
    body_ += fmt::format("  store i32 {}, ptr {}\n  call void @__msl_threadgroup_barrier(i32 2)\n", value, mine);
    body_ += fmt::format("  {} = xor i32 %i, {}\n  {} = zext i32 {} to i64\n", other, pick(64), wide, other);
    body_ += fmt::format("  {} = getelementptr i32, ptr @shared, i64 {}\n", theirs, wide);
    body_ += fmt::format("  {} = load i32, ptr {}\n  call void @__msl_threadgroup_barrier(i32 2)\n", result, theirs);
    store(result);
  }
  void arithmetic() {
    static constexpr std::array kOperations{"add", "mul", "xor", "sub", "and"};
    const auto a = load();
    const auto b = pick(2) ? load() : std::to_string(pick(100));
    const auto result = name();
    body_ += fmt::format("  {} = {} i32 {}, {}\n", result, kOperations[pick(5)], a, b);
    store(result);
  }
  void memory() {
    // Any of the first 64 elements, most often those of the neighbours.
    const auto moved = name();
    const auto low = name();
    const auto wide = name();
    const auto address = name();
    const auto value = name();
    const auto from = pick(2) ? std::string("%i") : load();
    body_ += fmt::format("  {} = add i32 {}, {}\n  {} = and i32 {}, 63\n  {} = zext i32 {} to i64\n", moved, from,
                         pick(8), low, moved, wide, low);
    body_ += fmt::format("  {} = getelementptr i32, ptr %in, i64 {}\n  {} = load i32, ptr {}\n", address, wide, value,
                         address);
    store(value);
  }
  void meeting() {
    const auto value = load();
    const auto result = name();
    switch (pick(3)) {
      case 0:
        body_ += fmt::format("  {} = call i32 @__msl_simd_sum_u32(i32 {})\n", result, value);
        break;
      case 1:
        body_ += fmt::format("  {} = call i32 @__msl_simd_prefix_inclusive_sum_u32(i32 {})\n", result, value);
        break;
      default:
        body_ += fmt::format("  {} = call i32 @__msl_simd_max_u32(i32 {})\n", result, value);
        break;
    }
    store(result);
  }
  void branch(unsigned depth) {
    const auto id = blocks_++;
    const bool otherwise = pick(2) != 0;
    const bool was_together = together_;
    const auto taken = barriers_ && pick(3) == 0 ? shared_condition() : apart(condition());
    body_ +=
        fmt::format("  br i1 {}, label %then{}, label %{}{}\nthen{}:\n", taken, id, otherwise ? "else" : "end", id, id);
    statements(depth, 2);
    body_ += fmt::format("  br label %end{}\n", id);
    if (otherwise) {
      body_ += fmt::format("else{}:\n", id);
      statements(depth, 2);
      body_ += fmt::format("  br label %end{}\n", id);
    }
    body_ += fmt::format("end{}:\n", id);
    together_ = was_together;
  }
  std::string apart(std::string condition) {
    together_ = false;
    return condition;
  }
  /// One that holds for all threads or none.
  std::string shared_condition() {
    const auto value = name(), low = name(), result = name();
    body_ += fmt::format("  {} = load i32, ptr %in\n  {} = and i32 {}, {}\n", value, low, value, 1 + pick(63));
    body_ += fmt::format("  {} = icmp ult i32 {}, {}\n", result, low, pick(40));
    return result;
  }
  void loop(unsigned depth) {
    // Up to 7 rounds: as many in all lanes, or as many as the lane's value says, with a way out in the middle.
    const auto id = blocks_++;
    slots_ += fmt::format("  %c{} = alloca i32\n", id);
    const bool uniform = pick(2) != 0;
    const bool leaves_early = pick(3) == 0;
    const bool was_together = together_;
    together_ = together_ && uniform && !leaves_early;
    const auto rounds = name();
    if (uniform) {
      body_ += fmt::format("  {} = add i32 0, {}\n", rounds, 1 + pick(5));
    } else {
      const auto value = load();
      body_ += fmt::format("  {} = and i32 {}, 7\n", rounds, value);
    }
    body_ += fmt::format("  store i32 0, ptr %c{}\n  br label %head{}\nhead{}:\n", id, id, id);
    const auto k = name();
    const auto more = name();
    body_ += fmt::format("  {} = load i32, ptr %c{}\n  {} = icmp ult i32 {}, {}\n", k, id, more, k, rounds);
    body_ += fmt::format("  br i1 {}, label %round{}, label %after{}\nround{}:\n", more, id, id, id);
    statements(depth, 2);
    if (leaves_early) {
      const auto leaves = condition();
      body_ += fmt::format("  br i1 {}, label %after{}, label %stay{}\nstay{}:\n", leaves, id, id, id);
      statements(depth, 1);
    }
    const auto next = name();
    body_ += fmt::format("  {} = add i32 {}, 1\n  store i32 {}, ptr %c{}\n  br label %head{}\nafter{}:\n", next, k,
                         next, id, id, id);
    together_ = was_together;
  }

  std::mt19937 random_;
  bool barriers_;
  bool together_ = true;  ///< all threads run what is written now
  std::string slots_ = "  %array = alloca [4 x i32], align 16\n  %s0 = alloca i32\n  %s1 = alloca i32\n  %s2 = alloca i32\n";
  std::string body_;
  unsigned next_ = 0;
  unsigned blocks_ = 0;
};

/// Runs programs of one kind on both paths.
void compare(bool barriers, unsigned few) {
  const char* wanted = std::getenv("ANYMETAL_RANDOM_PROGRAMS");
  const auto count = wanted ? static_cast<unsigned>(std::strtoul(wanted, nullptr, 10)) : few;
  const auto coroutines = *cpu_or_emulated({.threads = 1, .lanes = false});
  const auto lanes = *cpu_or_emulated({.threads = 1, .lanes = true, .verify = true, .merged_from = 0});
  std::vector<std::uint32_t> input(64);
  std::mt19937 random(1);
  for (auto& value : input) value = static_cast<std::uint32_t>(random());
  unsigned taken = 0;
  for (unsigned seed = 0; seed < count; ++seed) {
    const auto text = Program(seed, barriers).text();
    const auto run = [&](const std::shared_ptr<device::Backend>& backend) {
      const IrKernel kernel(text, backend);
      const auto& artifact = kernel.artifact();
      EXPECT_EQ(artifact.path_reason.find("internal error"), std::string::npos) << seed << ": " << artifact.path_reason;
      taken += backend == lanes && artifact.execution_path == "lanes" ? 1 : 0;
      const DeviceArray<std::uint32_t> in(input);
      const DeviceArray<std::uint32_t> out(std::vector<std::uint32_t>(64, 0));
      const DeviceArray<std::uint32_t> counts(std::vector<std::uint32_t>(16, 0));
      EXPECT_TRUE(kernel.run({in.bind(), out.bind(), counts.bind()}, {64}, {64}));
      return std::pair(out.values(), counts.values());
    };
    ASSERT_EQ(run(lanes), run(coroutines)) << "seed " << seed << ":\n" << text;
  }
  // Where LLVM chooses between elements of the private array, coroutines are right.
  EXPECT_GE(taken, count * 3 / 4) << "programs on the lanes path";
}

TEST(RandomPrograms, LanesAndCoroutinesAgree) { compare(false, 25); }
TEST(RandomPrograms, WithBarriersToo) { compare(true, 25); }

}  // namespace
}  // namespace anymetal::test
