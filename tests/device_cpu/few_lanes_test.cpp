// Gathers and scatters of a few lanes that are known.

#include "device/cpu/few_lanes.hpp"

#include <fmt/format.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/Module.h>
#include <llvm/IR/Verifier.h>
#include <llvm/Support/raw_ostream.h>

#include "ir_kernel.hpp"

namespace anymetal::test {
namespace {

std::string as_text(const msl::SpecialisedKernel& kernel) {
  EXPECT_FALSE(llvm::verifyModule(*kernel.module));
  std::string text;
  llvm::raw_string_ostream out(text);
  for (const auto& instruction : llvm::instructions(kernel.module->getFunction(kernel.symbol)))
    out << instruction << '\n';
  return text;
}

/// What becomes of a gather, and of a scatter of its result, with this mask.
std::string made(std::string_view mask) {
  const auto kernel = parse_kernel(fmt::format(R"(
define void @kernel(ptr %data, <4 x i32> %at, <4 x i1> %some) {{
  %wide = zext <4 x i32> %at to <4 x i64>
  %p = getelementptr float, ptr %data, <4 x i64> %wide
  %x = call <4 x float> @llvm.masked.gather.v4f32.v4p0(<4 x ptr> %p, i32 4, <4 x i1> {0}, <4 x float> zeroinitializer)
  call void @llvm.masked.scatter.v4f32.v4p0(<4 x float> %x, <4 x ptr> %p, i32 4, <4 x i1> {0})
  ret void
}}
declare <4 x float> @llvm.masked.gather.v4f32.v4p0(<4 x ptr>, i32, <4 x i1>, <4 x float>)
declare void @llvm.masked.scatter.v4f32.v4p0(<4 x float>, <4 x ptr>, i32, <4 x i1>)
)",
                                               mask));
  device::cpu::access_few_lanes_alone(*kernel.module);
  return as_text(kernel);
}

std::size_t count(std::string_view text, std::string_view word) {
  std::size_t found = 0;
  for (auto at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) ++found;
  return found;
}

TEST(FewLanes, AreAccessedAlone) {
  for (const auto& [mask, lanes] :
       {std::pair{"<i1 true, i1 false, i1 false, i1 false>", 1U},
        std::pair{"<i1 false, i1 true, i1 false, i1 true>", 2U}, std::pair{"zeroinitializer", 0U}}) {
    const auto text = made(mask);
    EXPECT_EQ(count(text, "@llvm.masked"), 0U) << text;
    EXPECT_EQ(count(text, "load float, ptr %"), lanes) << text;
    EXPECT_EQ(count(text, "store float %"), lanes) << text;
  }
  const auto last = made("<i1 false, i1 false, i1 false, i1 true>");
  EXPECT_NE(last.find("extractelement <4 x i32> %at, i64 3"), std::string::npos) << last;
  EXPECT_NE(last.find("insertelement <4 x float> zeroinitializer, float %"), std::string::npos) << last;
}

/// Lane 3 of `steps` that are added to a number all lanes have, widened and bounded.
TEST(FewLanes, AreComputedAloneFromWhatAllLanesHave) {
  const auto kernel = parse_kernel(R"(
define void @kernel(ptr %data, i32 %n, <4 x i32> %some) {
  %one = insertelement <4 x i32> poison, i32 %n, i64 0
  %all = shufflevector <4 x i32> %one, <4 x i32> poison, <4 x i32> zeroinitializer
  %places = add nsw <4 x i32> %all, <i32 5, i32 6, i32 7, i32 8>
  %at = call <4 x i32> @llvm.smin.v4i32(<4 x i32> %places, <4 x i32> <i32 90, i32 91, i32 92, i32 93>)
  %wide = sext <4 x i32> %at to <4 x i64>
  %p = getelementptr float, ptr %data, <4 x i64> %wide
  %x = call <4 x float> @llvm.masked.gather.v4f32.v4p0(<4 x ptr> %p, i32 4, <4 x i1> <i1 false, i1 false, i1 false, i1 true>, <4 x float> zeroinitializer)
  %own = add <4 x i32> %at, %some
  %own.wide = sext <4 x i32> %own to <4 x i64>
  %q = getelementptr float, ptr %data, <4 x i64> %own.wide
  call void @llvm.masked.scatter.v4f32.v4p0(<4 x float> %x, <4 x ptr> %q, i32 4, <4 x i1> <i1 false, i1 true, i1 false, i1 false>)
  ret void
}
declare <4 x i32> @llvm.smin.v4i32(<4 x i32>, <4 x i32>)
declare <4 x float> @llvm.masked.gather.v4f32.v4p0(<4 x ptr>, i32, <4 x i1>, <4 x float>)
declare void @llvm.masked.scatter.v4f32.v4p0(<4 x float>, <4 x ptr>, i32, <4 x i1>)
)");
  device::cpu::access_few_lanes_alone(*kernel.module);
  const auto text = as_text(kernel);
  EXPECT_NE(text.find("add nsw i32 %n, 8"), std::string::npos) << text;
  EXPECT_NE(text.find("@llvm.smin.i32(i32 %"), std::string::npos) << text;
  EXPECT_EQ(count(text, "extractelement <4 x i32> %at"), 0U) << text;
  EXPECT_EQ(count(text, "extractelement <4 x i32> %own, i64 1"), 1U) << "it differs between lanes: " << text;
}

TEST(FewLanes, ThatAreManyOrUnknownStayTogether) {
  for (const auto* mask : {"<i1 true, i1 true, i1 false, i1 true>", "%some", "<i1 true, i1 undef, i1 false, i1 false>"})
    EXPECT_EQ(count(made(mask), "@llvm.masked"), 2U) << mask;
}

}  // namespace
}  // namespace anymetal::test
