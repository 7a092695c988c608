// PTX made from entry IR: structure, address spaces, simdgroup functions, acceptance by ptxas.

#include "ptx_support.hpp"

#include "device/cuda/architecture_choices.hpp"

#include <gmock/gmock.h>

namespace anymetal::test {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr ArgumentKind kBuffer = ArgumentKind::Buffer;
constexpr ArgumentKind kShared = ArgumentKind::Threadgroup;

// out[i] = in[i] * 2
const std::string kScale = kHeader + R"(
define void @k(ptr %in, ptr %out) {
  %p = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %g = call i32 @__msl_threadgroup_position_in_grid(i32 0)
  %d = call i32 @__msl_dispatch_threads_per_threadgroup(i32 0)
  %o = mul i32 %g, %d
  %i32 = add i32 %o, %p
  %i = zext i32 %i32 to i64
  %a = getelementptr float, ptr %in, i64 %i
  %v = load float, ptr %a
  %w = fmul float %v, 2.0
  %b = getelementptr float, ptr %out, i64 %i
  store float %w, ptr %b
  ret void
})";

/// A kernel that applies `body` to `%v` (float from the buffer) and stores the float `%r`.
std::string unary(const std::string& body) {
  return kHeader + R"(
define void @k(ptr %buffer) {
  %p = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %i = zext i32 %p to i64
  %a = getelementptr float, ptr %buffer, i64 %i
  %v = load float, ptr %a
  %n = bitcast float %v to i32
)" + body + R"(
  store float %r, ptr %a
  ret void
})";
}

TEST(Ptx, KernelHasItsOwnNameAndGlobalAccesses) {
  const auto ptx = ptx_of(kScale, {kBuffer, kBuffer});
  EXPECT_THAT(ptx, HasSubstr(".visible .entry msl_k_1_b1("));
  EXPECT_THAT(ptx, HasSubstr("ld.global.f32"));
  EXPECT_THAT(ptx, HasSubstr("st.global.f32"));
  EXPECT_THAT(ptx, Not(HasSubstr("ld.f32")));
  EXPECT_THAT(ptx, Not(HasSubstr("__msl_")));
}

TEST(Ptx, ThreadLimitBecomesMaxntidOnlyWhereDeclared) {
  EXPECT_THAT(ptx_of(kScale, {kBuffer, kBuffer}, "sm_90", 256), HasSubstr(".maxntid 256"));
  EXPECT_THAT(ptx_of(kScale, {kBuffer, kBuffer}, "sm_90", 1024), HasSubstr(".maxntid 1024"));
  EXPECT_THAT(ptx_of(kScale, {kBuffer, kBuffer}), Not(HasSubstr(".maxntid")));
}

// buffer[0] = params.y + params.table[params.x], the constant given as `constant T&`.
std::string ptx_with_constant(std::size_t bytes, device::cuda::ConstantPassing passing = device::cuda::ConstantPassing::ByValue) {
  auto kernel = kernel_from_ir(R"(
define void @k(ptr %buffer, ptr %params) {
  %x = load i32, ptr %params
  %y.at = getelementptr i32, ptr %params, i64 1
  %y = load i32, ptr %y.at
  %entry.at = getelementptr [2 x i32], ptr %params, i64 1, i32 %x
  %entry = load i32, ptr %entry.at
  %sum = add i32 %y, %entry
  store i32 %sum, ptr %buffer
  ret void
})", {kBuffer, kBuffer});
  auto& constant = kernel.reflection.arguments[1];
  constant.is_constant = true;
  constant.is_reference = true;
  constant.element_size = bytes;
  constant.element_alignment = 8;
  auto made = device::cuda::generate_ptx(std::move(kernel), *device::cuda::Architecture::parse("sm_90"), "k", passing);
  EXPECT_TRUE(made) << made.error().message();
  return made ? made->ptx : std::string();
}

TEST(Ptx, ConstantsOfKnownSizeLieInParameterSpace) {
  const auto ptx = ptx_with_constant(16);
  EXPECT_THAT(ptx, HasSubstr(".param .align 8 .b8 msl_k_param_1[16]"));
  EXPECT_THAT(ptx, HasSubstr("ld.param.u32"));
  EXPECT_THAT(ptx, Not(HasSubstr("ld.global")));
  EXPECT_THAT(ptx, Not(HasSubstr(".local"))) << "an index into it makes no copy";
  if (!ptxas_path().empty()) {
    EXPECT_EQ(assemble(ptx, "sm_90").status, 0) << ptx;
  }
}

TEST(Ptx, LargeConstantsAndTheOtherFormComeByAddress) {
  for (const auto& ptx : {ptx_with_constant(1024), ptx_with_constant(16, device::cuda::ConstantPassing::ByAddress)}) {
    EXPECT_THAT(ptx, Not(HasSubstr(".b8")));
    EXPECT_THAT(ptx, HasSubstr("ld.global"));
  }
}

TEST(Ptx, VectorsOfThreeInConstantsKeepTheirPadding) {
  const auto ptx = ptx_of(kHeader + R"(
@vectors = internal constant [3 x <3 x i8>] [<3 x i8> <i8 1, i8 2, i8 3>, <3 x i8> zeroinitializer, <3 x i8> <i8 4, i8 5, i8 6>], align 4
@mixed = internal constant [2 x { <3 x i8>, i8 }] [{ <3 x i8>, i8 } { <3 x i8> <i8 1, i8 2, i8 3>, i8 7 },
                                                  { <3 x i8>, i8 } { <3 x i8> <i8 4, i8 5, i8 6>, i8 8 }], align 4
define void @k(ptr %buffer) {
  %p = call i32 @__msl_thread_position_in_threadgroup(i32 0)
  %i = zext i32 %p to i64
  %v = getelementptr [3 x <3 x i8>], ptr @vectors, i64 0, i64 %i
  %a = load i8, ptr %v
  %m = getelementptr [2 x { <3 x i8>, i8 }], ptr @mixed, i64 0, i64 %i, i32 1
  %b = load i8, ptr %m
  %s = add i8 %a, %b
  %at = getelementptr i8, ptr %buffer, i64 %i
  store i8 %s, ptr %at
  ret void
})", {kBuffer});
  EXPECT_THAT(ptx, HasSubstr(".align 4 .b8 vectors[12] = {1, 2, 3, 0, 0, 0, 0, 0, 4, 5, 6}"));
  EXPECT_THAT(ptx, HasSubstr(".align 4 .b8 mixed[16] = {1, 2, 3, 0, 7, 0, 0, 0, 4, 5, 6, 0, 8}"));
}

TEST(Ptx, ThreadgroupMemoryIsShared) {
  const auto ptx = ptx_of(kHeader + R"(
@tile = internal global [32 x float] undef, section "msl.threadgroup"
define void @k(ptr %buffer, ptr %scratch) {
  %p = call i32 @__msl_thread_index_in_threadgroup()
  %i = zext i32 %p to i64
  %a = getelementptr float, ptr %buffer, i64 %i
  %v = load float, ptr %a
  %t = getelementptr float, ptr @tile, i64 %i
  store float %v, ptr %t
  %s = getelementptr float, ptr %scratch, i64 %i
  store float %v, ptr %s
  call void @__msl_threadgroup_barrier(i32 2)
  %j = sub i64 31, %i
  %u = getelementptr float, ptr @tile, i64 %j
  %w = load float, ptr %u
  %q = getelementptr float, ptr %scratch, i64 %j
  %x = load float, ptr %q
  %y = fadd float %w, %x
  store float %y, ptr %a
  ret void
})", {kBuffer, kShared});
  EXPECT_THAT(ptx, HasSubstr(".shared .align 16 .b8"));
  EXPECT_THAT(ptx, HasSubstr(".extern .shared .align 16 .b8 msl_dynamic_threadgroup[]"));
  EXPECT_THAT(ptx, HasSubstr("ld.shared.f32"));
  EXPECT_THAT(ptx, HasSubstr("bar.sync"));
  EXPECT_THAT(ptx, Not(HasSubstr("ld.f32")));
}

// More than the 48 KB that a kernel has of its own: all variables lie in dynamic shared memory, what the caller asks for behind them.
TEST(Ptx, MuchThreadgroupMemoryIsDynamicSharedMemory) {
  auto kernel = kernel_from_ir(kHeader + R"(
@low = internal global [8192 x float] undef, section "msl.threadgroup", align 16
@high = internal global [5 x float] undef, section "msl.threadgroup", align 16
@last = internal global [4096 x float] undef, section "msl.threadgroup", align 32
define void @k(ptr %buffer, ptr %scratch) {
  %p = call i32 @__msl_thread_index_in_threadgroup()
  %i = zext i32 %p to i64
  %a = getelementptr float, ptr %buffer, i64 %i
  %v = load float, ptr %a
  %t = getelementptr float, ptr @low, i64 %i
  store float %v, ptr %t
  %h = getelementptr float, ptr @high, i64 1
  store float %v, ptr %h
  %l = getelementptr float, ptr @last, i64 1
  store float %v, ptr %l
  call void @__msl_threadgroup_barrier(i32 2)
  %w = load float, ptr @low
  store float %w, ptr %a
  ret void
})", {kBuffer, kShared});
  kernel.reflection.static_threadgroup_memory = 8192 * 4 + 32 + 4096 * 4;
  const auto made = device::cuda::generate_ptx(std::move(kernel), *device::cuda::Architecture::parse("sm_90"), "k");
  ASSERT_TRUE(made) << made.error().message();
  EXPECT_THAT(made->ptx, HasSubstr(".extern .shared .align 32 .b8 msl_dynamic_threadgroup[]"));
  EXPECT_THAT(made->ptx, HasSubstr("[msl_dynamic_threadgroup+32772]"));
  EXPECT_THAT(made->ptx, HasSubstr("[msl_dynamic_threadgroup+32804]"));
  EXPECT_THAT(made->ptx, Not(HasSubstr("\n.shared")));
  if (ptxas_path().empty()) GTEST_SKIP() << "ptxas is not on this machine";
  EXPECT_EQ(assemble(made->ptx, "sm_90").status, 0) << made->ptx;
}

struct Lowering {
  const char* name;
  std::string body;
  const char* expected;
  const char* architecture;
};

class SimdgroupFunction : public testing::TestWithParam<Lowering> {};

TEST_P(SimdgroupFunction, UsesTheInstructionAndAssembles) {
  const auto ptx = ptx_of(unary(GetParam().body), {kBuffer}, GetParam().architecture);
  EXPECT_THAT(ptx, HasSubstr(GetParam().expected));
  EXPECT_THAT(ptx, Not(HasSubstr("__msl_")));
  if (ptxas_path().empty()) GTEST_SKIP() << "ptxas is not on this machine";
  const auto report = assemble(ptx, GetParam().architecture);
  EXPECT_EQ(report.status, 0) << report.text;
}

INSTANTIATE_TEST_SUITE_P(
    All, SimdgroupFunction,
    testing::Values(
        Lowering{"sum_float", "%r = call float @__msl_simd_sum_f32(float %v)", "shfl.sync.bfly", "sm_90"},
        Lowering{"max_float", "%r = call float @__msl_simd_max_f32(float %v)", "max.f32", "sm_80"},
        Lowering{"sum_uint", "%s = call i32 @__msl_simd_sum_u32(i32 %n)\n%r = bitcast i32 %s to float", "redux.sync.add.s32", "sm_80"},
        Lowering{"sum_uint_without_redux", "%s = call i32 @__msl_simd_sum_u32(i32 %n)\n%r = bitcast i32 %s to float", "shfl.sync.bfly", "sm_70"},
        Lowering{"min_int", "%s = call i32 @__msl_simd_min_i32(i32 %n)\n%r = bitcast i32 %s to float", "redux.sync.min.s32", "sm_90"},
        Lowering{"product", "%s = call i32 @__msl_simd_product_u32(i32 %n)\n%r = bitcast i32 %s to float", "shfl.sync.bfly", "sm_90"},
        Lowering{"exclusive", "%r = call float @__msl_simd_prefix_exclusive_sum_f32(float %v)", "shfl.sync.up", "sm_75"},
        Lowering{"inclusive", "%s = call i32 @__msl_simd_prefix_inclusive_sum_u32(i32 %n)\n%r = bitcast i32 %s to float", "shfl.sync.up", "sm_90"},
        Lowering{"shuffle", "%s = call i32 @__msl_simd_shuffle(i32 %n, i32 3)\n%r = bitcast i32 %s to float", "shfl.sync.idx", "sm_90"},
        Lowering{"ballot", "%c = fcmp olt float %v, 1.0\n%s = call i64 @__msl_simd_ballot(i1 %c)\n%t = trunc i64 %s to i32\n%r = bitcast i32 %t to float", "vote.sync.ballot", "sm_90"},
        Lowering{"exp2", "%r = call float @__msl_fast_exp2(float %v)", "ex2.approx", "sm_90"},
        Lowering{"division", "%r = fdiv arcp afn float 1.0, %v", "div.full.f32", "sm_90"},
        Lowering{"precise_division", "%r = fdiv float 1.0, %v", "rcp.rn.f32", "sm_90"},
        Lowering{"matrix_half", "%w = insertelement <2 x float> zeroinitializer, float %v, i32 0\n%m = call <2 x float> @__msl_simdgroup_multiply_accumulate_f16_f16(<2 x float> %w, <2 x float> %w, <2 x float> %w)\n%r = extractelement <2 x float> %m, i32 1", "mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32", "sm_90"},
        Lowering{"matrix_bfloat", "%w = insertelement <2 x float> zeroinitializer, float %v, i32 0\n%m = call <2 x float> @__msl_simdgroup_multiply_accumulate_bf16_bf16(<2 x float> %w, <2 x float> %w, <2 x float> %w)\n%r = extractelement <2 x float> %m, i32 1", "mma.sync.aligned.m16n8k8.row.col.f32.bf16.bf16.f32", "sm_90"},
        Lowering{"matrix_mixed", "%w = insertelement <2 x float> zeroinitializer, float %v, i32 0\n%m = call <2 x float> @__msl_simdgroup_multiply_accumulate_f32_f16(<2 x float> %w, <2 x float> %w, <2 x float> %w)\n%r = extractelement <2 x float> %m, i32 1", "fma.rn.f32", "sm_90"},
        Lowering{"simdgroup_barrier", "call void @__msl_simdgroup_barrier(i32 2)\n%r = fadd float %v, 1.0", "bar.warp.sync", "sm_90"},
        Lowering{"fence", "call void @__msl_fence(i32 1, i32 3)\n%r = fadd float %v, 1.0", "membar.gl", "sm_90"}),
    [](const auto& row) { return row.param.name; });

TEST(Ptx, DivergentSumTakesTheLanesThatAreTogether) {
  const auto divergent = kHeader + R"(
define void @k(ptr %buffer) {
entry:
  %p = call i32 @__msl_thread_index_in_simdgroup()
  %i = zext i32 %p to i64
  %a = getelementptr float, ptr %buffer, i64 %i
  %v = load float, ptr %a
  %low = icmp ult i32 %p, 16
  br i1 %low, label %sum, label %rest
sum:
  %s = call float @__msl_simd_sum_f32(float %v)
  br label %done
rest:
  %t = call float @__msl_simd_max_f32(float %v)
  br label %done
done:
  %r = phi float [ %s, %sum ], [ %t, %rest ]
  store float %r, ptr %a
  ret void
})";
  EXPECT_THAT(ptx_of(divergent, {kBuffer}), HasSubstr("activemask"));
}

TEST(Ptx, EarlyReturnKeepsTheFullMask) {
  const auto early = kHeader + R"(
define void @k(ptr %buffer) {
entry:
  %p = call i32 @__msl_thread_index_in_simdgroup()
  %outside = icmp ugt i32 %p, 20
  br i1 %outside, label %leave, label %stay
leave:
  ret void
stay:
  %i = zext i32 %p to i64
  %a = getelementptr float, ptr %buffer, i64 %i
  %v = load float, ptr %a
  %s = call float @__msl_simd_sum_f32(float %v)
  store float %s, ptr %a
  ret void
})";
  EXPECT_THAT(ptx_of(early, {kBuffer}), Not(HasSubstr("activemask")));
}

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t n = 0;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++n;
  return n;
}

TEST(Ptx, AccumulatorsStayInFragmentsThroughALoop) {
  const auto ptx = ptx_of(kHeader + R"(
define void @k(ptr %buffer, ptr %count) {
entry:
  %p = call i32 @__msl_thread_index_in_simdgroup()
  %i = zext i32 %p to i64
  %a = getelementptr <2 x float>, ptr %buffer, i64 %i
  %n = load i32, ptr %count
  br label %loop
loop:
  %j = phi i32 [ 0, %entry ], [ %next, %loop ]
  %c = phi <2 x float> [ zeroinitializer, %entry ], [ %d, %loop ]
  %o = zext i32 %j to i64
  %q = getelementptr <2 x float>, ptr %a, i64 %o
  %v = load <2 x float>, ptr %q
  %d = call <2 x float> @__msl_simdgroup_multiply_accumulate_f16_f16(<2 x float> %v, <2 x float> %v, <2 x float> %c)
  %next = add i32 %j, 1
  %more = icmp ult i32 %next, %n
  br i1 %more, label %loop, label %done
done:
  store <2 x float> %d, ptr %a
  ret void
})", {kBuffer, kBuffer});
  EXPECT_EQ(count(ptx, "mma.sync"), 1U) << ptx;
  // Two for the factors in the loop, two for the result after it.
  EXPECT_EQ(count(ptx, "shfl.sync"), 4U) << ptx;
}

// LLVM's own way is through memory.
TEST(Ptx, ElementsChosenByAnIndexStayInRegisters) {
  const auto ptx = ptx_of(kHeader + R"(
@tile = internal global [32 x <4 x i32>] undef, section "msl.threadgroup"
define void @k(ptr %buffer, ptr %out) {
  %p = call i32 @__msl_thread_index_in_threadgroup()
  %i = zext i32 %p to i64
  %a = getelementptr <4 x i32>, ptr %buffer, i64 %i
  %v = load <4 x i32>, ptr %a
  %w = mul <4 x i32> %v, <i32 7, i32 9, i32 11, i32 13>
  %t = getelementptr <4 x i32>, ptr @tile, i64 %i
  store <4 x i32> %w, ptr %t
  %index = urem i32 %p, 3
  %e = extractelement <4 x i32> %w, i32 %index
  %c = insertelement <4 x i32> %w, i32 %p, i32 %index
  call void @__msl_threadgroup_barrier(i32 2)
  %j = sub i64 31, %i
  %u = getelementptr <4 x i32>, ptr @tile, i64 %j
  %x = load <4 x i32>, ptr %u
  %y = add <4 x i32> %x, %c
  %q = getelementptr <4 x i32>, ptr %out, i64 %i
  store <4 x i32> %y, ptr %q
  %r = getelementptr i32, ptr %out, i64 %i
  store i32 %e, ptr %r
  ret void
})", {kBuffer, kBuffer});
  EXPECT_THAT(ptx, Not(HasSubstr("__local_depot"))) << ptx;
  EXPECT_THAT(ptx, Not(HasSubstr("ld.u32"))) << ptx;
  EXPECT_THAT(ptx, HasSubstr("selp")) << ptx;
  if (ptxas_path().empty()) GTEST_SKIP() << "ptxas is not on this machine";
  EXPECT_EQ(assemble(ptx, "sm_90").status, 0) << ptx;
}

TEST(Ptx, UnknownArchitectureIsAnError) {
  for (const char* text : {"sm_", "sm_x", "sm_9999", "90", ""}) {
    EXPECT_EQ(device::cuda::Architecture::parse(text).error().code(), ErrorCode::DeviceNotFound) << text;
  }
  EXPECT_EQ(device::cuda::Architecture::parse("sm_61").error().code(), ErrorCode::UnsupportedByDevice);
  EXPECT_EQ(device::cuda::Architecture::parse("sm_120")->name, "sm_90");
  EXPECT_EQ(device::cuda::Architecture::parse("sm_90a")->name, "sm_90a");
}

TEST(Ptx, WarpgroupProductsAreForTheirVeryCapabilityAndDriversThatKnowThem) {
  EXPECT_TRUE(device::cuda::Architecture::for_capability(9, 0, 12000)->has_warpgroup_products);
  EXPECT_FALSE(device::cuda::Architecture::for_capability(9, 0, 11080)->has_warpgroup_products);
  EXPECT_FALSE(device::cuda::Architecture::for_capability(10, 0, 13000)->has_warpgroup_products);
  EXPECT_FALSE(device::cuda::Architecture::for_capability(8, 9, 13000)->has_warpgroup_products);
}

TEST(Ptx, TheArchitectureDecidesWhichThreadgroupMemoryThereIs) {
  const std::string ir = R"(
@wide = internal global [256 x i32] undef, section "msl.threadgroup", align 4
@small = internal global [64 x i32] undef, section "msl.threadgroup", align 4
declare i1 @__msl_has_nvidia_warpgroup_products() nounwind memory(none)
define void @k(ptr %out) {
  %wide = call i1 @__msl_has_nvidia_warpgroup_products()
  br i1 %wide, label %yes, label %no
yes:
  %x = load i32, ptr getelementptr ([256 x i32], ptr @wide, i64 0, i64 7)
  store i32 %x, ptr %out
  ret void
no:
  %y = load i32, ptr getelementptr ([64 x i32], ptr @small, i64 0, i64 7)
  store i32 %y, ptr %out
  ret void
})";
  for (const auto& [architecture, bytes] : {std::pair{"sm_90", 256U}, std::pair{"sm_90a", 1024U}}) {
    auto kernel = kernel_from_ir(ir, {kBuffer}, 1024);
    device::cuda::settle_architecture(kernel, *device::cuda::Architecture::parse(architecture));
    EXPECT_EQ(kernel.reflection.static_threadgroup_memory, bytes) << architecture;
    const auto made = device::cuda::generate_ptx(std::move(kernel), *device::cuda::Architecture::parse(architecture), "k");
    ASSERT_TRUE(made) << made.error().message();
    EXPECT_THAT(made->ptx, HasSubstr(std::string(".target ") + architecture + "\n"));
    if (ptxas_path().empty()) GTEST_SKIP() << "ptxas is not on this machine";
    EXPECT_EQ(assemble(made->ptx, architecture).status, 0) << made->ptx;
  }
}

}  // namespace
}  // namespace anymetal::test
