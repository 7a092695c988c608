// Steps of a compilation that crash, hang or eat memory end in a value, and the process goes on.
#include "msl/compile_guard.hpp"

#include "msl_front_end/support.hpp"

#include <anymetal/compile_limits.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/PassManager.h>
#include <llvm/Support/ErrorHandling.h>
#include <llvm/Support/raw_ostream.h>

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <new>
#include <string>
#include <thread>
#include <vector>

namespace {

using anymetal::CompileLimits;
using anymetal::msl::checkpoint;
using anymetal::msl::leave_step;
using anymetal::msl::run_step;
using anymetal::msl::StepOutcome;
using testing::HasSubstr;

/// Uses a stack frame per level that no optimiser can drop.
int nest(volatile int* depth) {
  volatile char frame[512];
  frame[0] = static_cast<char>(*depth);
  *depth = *depth + 1;
  return *depth < 0 ? frame[0] : nest(depth) + frame[0];
}

TEST(CompileGuard, AStepThatIsDone) {
  int x = 0;
  EXPECT_TRUE(run_step({}, [&] { x = 1; }).is_done());
  EXPECT_EQ(x, 1);
}

TEST(CompileGuard, Faults) {
  for (int round = 0; round < 3; ++round) {
    const auto fault = run_step({}, [] { std::raise(SIGSEGV); });
    EXPECT_EQ(fault.end, StepOutcome::End::Abandoned);
    EXPECT_THAT(fault.reason, HasSubstr("segmentation fault"));
    EXPECT_THAT(run_step({}, [] { std::abort(); }).reason, HasSubstr("abort"));
    EXPECT_THAT(run_step({}, [] { std::raise(SIGFPE); }).reason, HasSubstr("arithmetic"));
  }
  EXPECT_TRUE(run_step({}, [] {}).is_done());
}

TEST(CompileGuard, EndlessRecursion) {
  volatile int depth = 0;
  const auto outcome = run_step({}, [&] { (void)nest(&depth); });
  EXPECT_EQ(outcome.end, StepOutcome::End::Abandoned);
  EXPECT_THAT(outcome.reason, HasSubstr("nests too deeply"));
}

TEST(CompileGuard, FatalErrorsOfLlvm) {
  const auto outcome = run_step({}, [] { llvm::report_fatal_error("cannot select", false); });
  EXPECT_EQ(outcome.end, StepOutcome::End::Left);
  EXPECT_THAT(outcome.reason, HasSubstr("cannot select"));
}

TEST(CompileGuard, AnAllocationThatFails) {
  EXPECT_THAT(run_step({}, [] { throw std::bad_alloc(); }).reason, HasSubstr("memory"));
}

TEST(CompileGuard, AnAllocationOfLlvmsThatFails) {
  const auto outcome = run_step({}, [] { llvm::report_bad_alloc_error("no memory"); });
  EXPECT_EQ(outcome.end, StepOutcome::End::Abandoned);  // it may be anywhere, with any lock
  EXPECT_EQ(anymetal::msl::step_error(outcome, "it").code(), anymetal::ErrorCode::OutOfMemory);
  EXPECT_THROW(llvm::report_bad_alloc_error("no memory"), std::bad_alloc);
}

TEST(CompileGuard, InThisThread) {
  int x = 0;
  EXPECT_TRUE(anymetal::msl::run_step_here([&] { x = 1; }).is_done());
  EXPECT_EQ(x, 1);
  EXPECT_THAT(anymetal::msl::run_step_here([] { std::raise(SIGSEGV); }).reason, HasSubstr("segmentation fault"));
  EXPECT_TRUE(anymetal::msl::run_step_here([] { throw std::bad_alloc(); }).has_no_memory);
  EXPECT_TRUE(anymetal::msl::run_step_here([] {}).is_done());
}

TEST(CompileGuard, WhatAnAbandonedStepHoldsStopsNoOther) {
  static auto* const lock = new std::mutex;  // as the compiler's own: it outlives what stopped with it
  EXPECT_FALSE(run_step({}, [&] {
                 lock->lock();
                 std::raise(SIGSEGV);
               }).is_done());
  const auto outcome = run_step({}, [&] { lock->lock(); });
  EXPECT_EQ(outcome.end, StepOutcome::End::Abandoned);
  EXPECT_THAT(outcome.reason, HasSubstr("still holds"));
}

// Steps in their callers' threads: one that begins to wait before the other is abandoned, and one that begins afterwards.
TEST(CompileGuard, WhatAnAbandonedStepHoldsStopsNoStepOfAnotherThread) {
  static auto* const lock = new std::mutex;
  std::atomic<bool> is_held = false;
  std::atomic<pid_t> waiting = 0;
  anymetal::msl::StepOutcome outcome;
  std::thread other([&] {
    while (!is_held) std::this_thread::yield();
    outcome = anymetal::msl::run_step_here([&] {
      waiting = ::gettid();
      lock->lock();
    });
  });
  const auto sleeps = [&] {
    std::ifstream in("/proc/self/task/" + std::to_string(waiting) + "/stat");
    std::string line;
    std::getline(in, line);
    return line.find(") S ") != std::string::npos;
  };
  EXPECT_FALSE(anymetal::msl::run_step_here([&] {
                 lock->lock();
                 is_held = true;
                 while (waiting == 0 || !sleeps()) std::this_thread::yield();
                 std::raise(SIGSEGV);
               }).is_done());
  other.join();
  EXPECT_EQ(outcome.end, StepOutcome::End::Abandoned);
  EXPECT_THAT(outcome.reason, HasSubstr("still holds"));
  const auto later = anymetal::msl::run_step_here([&] { lock->lock(); });
  EXPECT_EQ(later.end, StepOutcome::End::Abandoned);
  EXPECT_THAT(later.reason, HasSubstr("still holds"));
}

TEST(CompileGuard, WhatAThreadOfTheParentHoldsStopsNoStepOfAForkedProcess) {
#if defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "ThreadSanitizer lets no child of several threads start threads";
#endif
  static auto* const lock = new std::mutex;
  std::thread([&] { lock->lock(); }).join();  // of a thread that the child has not
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(60);
    const auto outcome = anymetal::msl::run_step_here([&] { lock->lock(); });
    const bool is_taken_out = outcome.end == StepOutcome::End::Abandoned && outcome.reason.find("was forked from") != std::string::npos;
    ::_exit(is_taken_out ? 0 : 1);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST(CompileGuard, LeavesFromDepth) {
  const auto outcome = run_step({}, [] { std::thread([] { checkpoint(); }).join(), leave_step("had enough"); });
  EXPECT_EQ(outcome.end, StepOutcome::End::Left);
  EXPECT_EQ(outcome.reason, "had enough");
}

TEST(CompileGuard, TimeAtACheckpoint) {
  CompileLimits limits;
  limits.seconds = 1;
  const auto outcome = run_step(limits, [] {
    while (true) checkpoint();
  });
  EXPECT_EQ(outcome.end, StepOutcome::End::Left);
  EXPECT_THAT(outcome.reason, HasSubstr("CompileLimits::seconds"));
}

TEST(CompileGuard, TimeWithinTheCompiler) {
  CompileLimits limits;
  limits.seconds = 1;
  const auto outcome = run_step(limits, [] {
    while (true) {
      llvm::LLVMContext context;  // only code of LLVM's and of the allocator's
      for (int i = 0; i < 1000; ++i) (void)context.getMDKindID("kind" + std::to_string(i));
    }
  });
  EXPECT_EQ(outcome.end, StepOutcome::End::Abandoned);
  EXPECT_THAT(outcome.reason, HasSubstr("CompileLimits::seconds"));
  std::vector<char> allocator_is_sound(1 << 20, 'x');
  EXPECT_EQ(allocator_is_sound[5], 'x');
}

TEST(CompileGuard, Memory) {
  CompileLimits limits;
  limits.megabytes = 64;
  std::vector<std::vector<char>> kept;  // freed here: the step does not come back to its own stack
  const auto outcome = run_step(limits, [&] {
    while (kept.size() < 4096) {
      kept.emplace_back(1 << 20, 'x');
      checkpoint();
    }
  });
  EXPECT_THAT(outcome.reason, HasSubstr("CompileLimits::megabytes"));
  EXPECT_LT(kept.size(), 4096U);
}

TEST(CompileGuard, MemoryOfOtherThreadsIsNotTheSteps) {
  CompileLimits limits;
  limits.megabytes = 64;
  std::vector<char> other;
  std::jthread grows([&] { other.assign(256U << 20U, 'x'); });
  EXPECT_TRUE(run_step(limits, [&] { grows.join(); }).is_done());
}

/// Sets limits for one test.
class ScopedLimits {
 public:
  explicit ScopedLimits(const CompileLimits& limits) { anymetal::set_compile_limits(limits); }
  ~ScopedLimits() { anymetal::set_compile_limits({}); }
  ScopedLimits(const ScopedLimits&) = delete;
  ScopedLimits& operator=(const ScopedLimits&) = delete;
};

std::string message_of(const std::string& text) {
  const auto source = front_end::parse(text);
  if (!source) return source.error().message();
  for (const std::string& name : (*source)->entry_names()) {
    const auto entry = (*source)->entry(name);
    if (!entry) return entry.error().message();
    if (const auto kernel = specialise(**entry, {}); !kernel) return kernel.error().message();
  }
  return {};
}

TEST(CompileLimits, Tokens) {
  const ScopedLimits scoped({.tokens = 2000});
  std::string text = "void f() {\n";
  for (int i = 0; i < 1000; ++i) text += "  (void)1;\n";
  EXPECT_THAT(message_of(text + "}"), HasSubstr("CompileLimits::tokens"));
  EXPECT_EQ(message_of("void f() { (void)1; }"), "");
}

TEST(CompileLimits, MacrosThatDouble) {
  std::string objects = "#define a0 1 +\n";
  std::string calls = "#define E(x) x x\nconstant int v = ";
  for (int i = 1; i < 60; ++i) objects += "#define a" + std::to_string(i) + " a" + std::to_string(i - 1) + " a" + std::to_string(i - 1) + "\n";
  for (int i = 0; i < 60; ++i) calls += "E(";
  calls += "1 +";
  for (int i = 0; i < 60; ++i) calls += ")";
  const ScopedLimits scoped({.tokens = 100'000});
  EXPECT_THAT(message_of(objects + "constant int v = a59 1;"), HasSubstr("CompileLimits::tokens"));
  EXPECT_THAT(message_of(objects + "#if a59 1\n#endif"), HasSubstr("CompileLimits::tokens"));
  EXPECT_THAT(message_of(objects + "#define E(x) x\nconstant int v = E(a59 1);"), HasSubstr("CompileLimits::tokens"));
  EXPECT_THAT(message_of(calls + " 1;"), HasSubstr("CompileLimits::tokens"));
}

TEST(CompileLimits, TemplateDepth) {
  const std::string text = "template <int N> struct R { static int v() { return R<N + 1>::v(); } };\nkernel void f(device int* o) { o[0] = R<0>::v(); }";
  const ScopedLimits scoped({.template_depth = 40});
  EXPECT_THAT(message_of(text), testing::AllOf(HasSubstr("maximum depth of 40"), HasSubstr("--limit template_depth=N")));
}

TEST(CompileLimits, ConstexprSteps) {
  const ScopedLimits scoped({.constexpr_steps = 1000});
  EXPECT_THAT(message_of("constexpr int f(int n) { int s = 0; for (int i = 0; i < n; ++i) s += i; return s; }\nconstant int v = f(100000);\nstatic_assert(f(100000) != 1, \"\");"),
              testing::AllOf(HasSubstr("maximum step limit"), HasSubstr("--limit constexpr_steps=N")));
}

TEST(CompileLimits, TimeOfTemplatesThatMultiply) {
  const ScopedLimits scoped({.seconds = 1});
  EXPECT_THAT(message_of("template <int N, int M> struct F { static constant int v = F<N - 1, 2 * M>::v + F<N - 1, 2 * M + 1>::v; };\n"
                         "template <int M> struct F<0, M> { static constant int v = 1; };\nconstant int x = F<30, 1>::v;"),
              HasSubstr("CompileLimits::seconds"));
}

TEST(CompileLimits, MemoryOfAnInitialiser) {
  const ScopedLimits scoped({.megabytes = 256});
  EXPECT_THAT(message_of("constant float t[1 << 30] = {[0 ... (1 << 30) - 1] = 1.0f};"), HasSubstr("CompileLimits::megabytes"));
}

}  // namespace
