// Copies of a few words between buffers are loads and stores of vectors; all other copies stay.

#include "device/cpu/small_copies.hpp"

#include <gtest/gtest.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/IntrinsicInst.h>
#include <llvm/IR/Module.h>

#include "prepared_thread.hpp"

namespace anymetal::test {
namespace {

/// What a copy of `bytes` from `from` becomes: the type that is loaded, or "copy".
std::string becomes(const std::string& bytes, const std::string& from, const std::string& align = "align 4") {
  const auto ir =
      "define void @kernel(ptr %in, ptr %out) {\n%own = alloca [16 x i32]\n"
      "call void @llvm.memcpy.p0.p0.i64(ptr " +
      align + " %out, ptr " + align + " " + from + ", i64 " + bytes +
      ", i1 false)\nret void\n}\ndeclare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)\n";
  const auto prepared = prepare_as_written(ir, device::cpu::named_target("x86_64-linux-gnu:x86-64-v4"));
  device::cpu::make_small_copies_vectors(*prepared.thread.function);
  std::string text;
  llvm::raw_string_ostream out(text);
  for (const auto& instruction : llvm::instructions(*prepared.thread.function)) {
    if (llvm::isa<llvm::MemCpyInst>(instruction)) out << "copy";
    if (llvm::isa<llvm::LoadInst>(instruction)) out << *instruction.getType();
  }
  return text;
}

TEST(SmallCopies, AreVectorsOfWords) {
  EXPECT_EQ(becomes("12", "%in"), "<3 x i32>");
  EXPECT_EQ(becomes("16", "%in"), "<4 x i32>");
  EXPECT_EQ(becomes("16", "%in", "align 16"), "<4 x i32>");
  EXPECT_EQ(becomes("32", "%in"), "<8 x i32>");
}

TEST(SmallCopies, OthersStay) {
  EXPECT_EQ(becomes("48", "%in"), "copy");
  EXPECT_EQ(becomes("14", "%in"), "copy");
  EXPECT_EQ(becomes("16", "%in", "align 2"), "copy");
  EXPECT_EQ(becomes("16", "%own"), "copy") << "a thread's own variable";
}

}  // namespace
}  // namespace anymetal::test
