// Programs in the idioms of production kernels: each parses, and every entry specialises, for every target.
#include "msl_front_end/support.hpp"

#include <gtest/gtest.h>
#include <llvm/IR/Module.h>

#include <filesystem>

namespace {

using anymetal::FunctionConstant;
using anymetal::msl::ParsedSource;
using anymetal::msl::Target;

struct Case {
  std::string file;
  Target target;
};

std::vector<Case> all_programs() {
  std::vector<Case> cases;
  for (const auto& file : std::filesystem::directory_iterator(ANYMETAL_SOURCE_DIR "/tests/msl_front_end/programs")) {
    cases.push_back({file.path().string(), Target::Host});
    cases.push_back({file.path().string(), Target::Nvptx});
  }
  return cases;
}

class Program : public testing::TestWithParam<Case> {};

TEST_P(Program, CompilesToEntryIr) {
  auto request = front_end::request(front_end::read_file(GetParam().file), GetParam().target);
  auto source = ParsedSource::parse(request);
  ASSERT_TRUE(source) << source.error().message();
  ASSERT_FALSE((*source)->entry_names().empty());
  // What the programs with function constants declare; ignored by the others.
  const std::vector<FunctionConstant> constants = {{1U, std::int32_t{5}}, {2U, true}, {5U, std::int32_t{64}}, {6U, true}, {100U, std::int16_t{4}}, {101U, true}, {300U, true},
                                                   {301U, true}, {302U, 2.0f}, {320U, std::int32_t{64}}, {321U, std::int32_t{2}}, {330U, std::uint32_t{64}}, {331U, true}};
  for (const std::string& name : (*source)->entry_names()) {
    const auto entry = (*source)->entry(name);
    ASSERT_TRUE(entry) << entry.error().message();
    const auto kernel = specialise(**entry, constants);
    ASSERT_TRUE(kernel) << kernel.error().message();
    const llvm::Function* f = kernel->module->getFunction(kernel->symbol);
    ASSERT_NE(f, nullptr);
    EXPECT_EQ(f->arg_size(), kernel->reflection.arguments.size());
    for (const llvm::Function& other : *kernel->module) {
      const bool is_allowed = &other == f || other.isIntrinsic() || other.getName().starts_with("__msl_");
      EXPECT_TRUE(is_allowed) << other.getName().str();
      EXPECT_FALSE(other.hasFnAttribute("target-cpu"));
    }
  }
}

std::string case_name(const testing::TestParamInfo<Case>& info) {
  return std::filesystem::path(info.param.file).stem().string() + (info.param.target == Target::Host ? "_host" : "_nvptx");
}

INSTANTIATE_TEST_SUITE_P(All, Program, testing::ValuesIn(all_programs()), case_name);

}  // namespace
