// Functions that differ by address space alone, and what the math mode leaves on instructions.
#include "msl_front_end/support.hpp"

#include <gtest/gtest.h>
#include <llvm/IR/Constants.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/Module.h>
#include <llvm/IR/Operator.h>

namespace {

using anymetal::MathMode;
using anymetal::msl::ParsedSource;
using anymetal::msl::SpecialisedKernel;

SpecialisedKernel specialised(const std::string& text, MathMode mode = MathMode::Fast) {
  auto request = front_end::request(front_end::kHead + text);
  request.options.math_mode = mode;
  const auto source = ParsedSource::parse(request);
  EXPECT_TRUE(source) << source.error().message();
  const auto entry = source ? (*source)->entry("f") : std::unexpected(source.error());
  auto kernel = entry ? specialise(**entry, {}) : std::unexpected(entry.error());
  EXPECT_TRUE(kernel) << kernel.error().message();
  return kernel ? std::move(*kernel) : SpecialisedKernel();
}

/// The last constant that is stored.
std::int64_t stored(const SpecialisedKernel& kernel) {
  std::int64_t last = -1;
  if (!kernel.module) return last;
  for (const llvm::Instruction& i : llvm::instructions(*kernel.module->getFunction(kernel.symbol))) {
    const auto* store = llvm::dyn_cast<llvm::StoreInst>(&i);
    const auto* constant = store == nullptr ? nullptr : llvm::dyn_cast<llvm::ConstantInt>(store->getValueOperand());
    if (constant != nullptr) last = constant->getSExtValue();
  }
  return last;
}

TEST(AddressSpaces, OverloadsWithBodiesOfTheirOwnAreChosenByTheArgument) {
  EXPECT_EQ(stored(specialised(R"(int get(device const int* p) { return 1; }
int get(threadgroup const int* p) { return 2; }
int get(thread const int* p) { return 3; }
int get(constant int* p) { return 4; }
kernel void f(device int* o, constant int* c) { threadgroup int t[4]; int v = 0; int a[2] = {};
  o[0] = get(o + 1) * 10000 + get(t) * 1000 + get(&v) * 100 + get(c) * 10 + get(a); })")), 12343);
}

TEST(AddressSpaces, TemplatesAreChosenByTheArgumentToo) {
  EXPECT_EQ(stored(specialised(R"(template <class T> int get(device const T* p) { return 1; }
template <class T> int get(threadgroup const T* p) { return sizeof(T); }
kernel void f(device float* o, device int* r) { threadgroup half t[4]; r[0] = get(o) * 10 + get(&t[1]); })")), 12);
}

// Sources for several languages have OpenCL's keywords, which Clang has for these spaces too, as macros of MSL's.
TEST(AddressSpaces, MacrosMayHaveTheNamesOfClangsKeywords) {
  EXPECT_EQ(stored(specialised(R"(#define __global device
#define __local threadgroup
#define __private thread
#define __generic thread
#define __constant constant
struct one_t { int a; int get() const thread { return 1; } int get() const __global { return 2; } int get() const constant { return 3; } };
int get(__global const int* p) { return 1; }
int get(__local const int* p) { return 2; }
int get(__private const int* p) { return 3; }
int get(__constant int* p) { return 4; }
kernel void f(__global int* o, __constant one_t& c, __global one_t* d) { __local int t[4]; int v = 0; one_t s = {v};
  o[0] = get(o + 1) * 1000000 + get(t) * 100000 + get(&v) * 10000 + get(&c.a) * 1000 + s.get() * 100 + d->get() * 10 + c.get(); })")), 1234123);
}

// Clang compares spaces of objects and functions only where some other qualifier differs.
TEST(AddressSpaces, ObjectsTakeTheFunctionOfTheirSpace) {
  EXPECT_EQ(stored(specialised(R"(struct one_t { int v;
  int at(size_t) thread { return 1; }
  int at(size_t) device { return 2; }
  int at(size_t) threadgroup { return 3; }
  int at(size_t) const thread { return 4; }
  int at(size_t) const device { return 5; }
  int at(size_t) const threadgroup { return 6; }
  int at(size_t) const constant { return 7; } };
template <typename T> int taken(const thread T& x) { return x.at(0); }
kernel void f(device int* o, constant one_t& c, device one_t* d, const device one_t* e) { threadgroup one_t t[2]; one_t s = {1}; const one_t r = {2};
  o[0] = s.at(0) * 10000000 + d->at(1u) * 1000000 + t[1].at(2ul) * 100000 + r.at(0) * 10000 + e->at(0) * 1000 + c.at(1) * 100 + taken(s) * 10 + taken(r); })")), 12345744);
}

TEST(AddressSpaces, FunctionsWithoutASpaceServeWhereNoOtherDoes) {
  EXPECT_EQ(stored(specialised(R"(struct two_t { int v;
  int get() { return 1; }
  int get() device { return 2; }
  int get() const { return 3; }
  operator int() const device { return 4; }
  operator int() const thread { return 5; } };
kernel void f(device int* o, constant two_t& c, device two_t* d) { threadgroup two_t t; two_t s = {1};
  o[0] = s.get() * 100000 + d->get() * 10000 + t.get() * 1000 + c.get() * 100 + int(*d) * 10 + int(s); })")), 121345);
}

TEST(AddressSpaces, AFunctionOfASpaceMayMeetItsObjectAgain) {
  EXPECT_EQ(stored(specialised(R"(struct cell_t { int v; int2 pad[9];
  int swap(device cell_t* other) device { v = 1; other->v = 2; return v; }
  cell_t both(device cell_t* other) device { v = 1; other->v = 2; return *this; } };
kernel void f(device int* o, device cell_t* c) { int a = c->swap(c); int b = c->both(c).v; o[0] = a * 10 + b; })")), 22);
}

// As sources report errors to a buffer: literals through macros, from any file.
TEST(AddressSpaces, LiteralsAreInConstantMemoryWhereverTheyAreWritten) {
  auto request = front_end::request(R"(#include <metal_stdlib>
#include "report.h"
constant char array_of_text[] = "hello";
constant char* pointer_to_text = "hello";
constant char* name() { return "xyz"; }
uint hash(constant char* s) { uint h = 0; while (*s) h = h * 31 + *s++; return h; }
kernel void f(device int* o) {
  constant char* joined = "a" "b";
  static_assert(sizeof("ab") == 3, "message");
  o[0] = REPORT("at %d", 7, 2.0f) + SPELLED(b c) + joined[1] + name()[2] + array_of_text[0] + pointer_to_text[1] + int(hash("ab"));
})");
  request.options.include_files = {{"report.h", R"(#define REPORT(...) report(__FILE__, __LINE__, __func__, __VA_ARGS__)
#define SPELLED(x) first(#x)
#define TEXT "q"
template <typename... A> int report(constant char* file, int line, constant char* function, constant char* format, A... a) { return file[0] + line + function[0] + format[1] + sizeof...(a); }
inline int first(constant char* text) { return text[0] + (text == nullptr ? 1 : 0); }
inline int second() { return first(TEXT); }
)"}};
  const auto source = ParsedSource::parse(request);
  ASSERT_TRUE(source) << source.error().message();
  const auto entry = (*source)->entry("f");
  ASSERT_TRUE(entry) << entry.error().message();
  const auto kernel = specialise(**entry, {});
  EXPECT_TRUE(kernel) << kernel.error().message();
}

TEST(AddressSpaces, CopiesThatDifferInNothingElseAreOne) {
  EXPECT_EQ(stored(specialised(R"(struct pair_t { int a; int sum() const thread { return a + 1; } int sum() const device { return a + 1; } };
int twice(device const int& x) { return 2; }
int twice(thread const int& x) { return 2; }
kernel void f(device int* o) { pair_t p; p.a = 4; int v = 1; o[0] = p.sum() * 100 + twice(v) * 10 + twice(o[1]); })")), 522);
}

/// Flags of the only floating-point addition.
llvm::FastMathFlags addition_flags(const SpecialisedKernel& kernel) {
  for (const llvm::Instruction& i : llvm::instructions(*kernel.module->getFunction(kernel.symbol))) {
    if (i.getOpcode() == llvm::Instruction::FAdd) return i.getFastMathFlags();
  }
  ADD_FAILURE() << "no addition";
  return {};
}

TEST(MathMode, KeepsInfinitiesAndNanInEveryMode) {
  const std::string text = "kernel void f(device float* o) { o[0] = o[1] + o[2]; }";
  for (const MathMode mode : {MathMode::Fast, MathMode::Relaxed}) {
    const llvm::FastMathFlags flags = addition_flags(specialised(text, mode));
    EXPECT_TRUE(flags.allowReassoc() && flags.noSignedZeros() && flags.allowReciprocal() && flags.allowContract() && flags.approxFunc());
    EXPECT_FALSE(flags.noNaNs());
    EXPECT_FALSE(flags.noInfs());
  }
  EXPECT_TRUE(addition_flags(specialised(text, MathMode::Safe)).none());
}

TEST(MathMode, PragmaHoldsToTheEndOfItsScope) {
  EXPECT_TRUE(addition_flags(specialised("float h(float a, float b) {\n#pragma METAL fp math_mode(safe)\nreturn a + b; }\nkernel void f(device float* o) { o[0] = h(o[1], o[2]); }")).none());
  EXPECT_TRUE(addition_flags(specialised("float h(float a) {\n#pragma METAL fp math_mode(safe)\nreturn a; }\nkernel void f(device float* o) { o[0] = h(o[1]) + o[2]; }")).allowReassoc());
}

}  // namespace
