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
  EXPECT_FALSE(llvm::verifyModule(*kernel.module));
  std::string text;
  llvm::raw_string_ostream out(text);
  for (const auto& instruction : llvm::instructions(kernel.module->getFunction(kernel.symbol)))
    out << instruction << '\n';
  return text;
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

TEST(FewLanes, ThatAreManyOrUnknownStayTogether) {
  for (const auto* mask : {"<i1 true, i1 true, i1 false, i1 true>", "%some", "<i1 true, i1 undef, i1 false, i1 false>"})
    EXPECT_EQ(count(made(mask), "@llvm.masked"), 2U) << mask;
}

}  // namespace
}  // namespace anymetal::test
