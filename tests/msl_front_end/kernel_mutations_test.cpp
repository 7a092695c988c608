// Kernels of the catalogue with one mistake each: the first error is in the line where the mistake is.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <anymetal/anymetal.hpp>
#include <fstream>
#include <sstream>
#include <string>

namespace {

struct Mutation {
  const char* kernel;
  const char* from;  ///< once in the file, or the first of several
  const char* to;
  const char* message;
};

constexpr const char* kFile = "norm/rms_norm.metal";

const Mutation kMutations[] = {
    {"rms_norm_f32", "#include \"common/row_norm.h\"", "#include \"common/row_norms.h\"",
     "'common/row_norms.h' file not found"},
    {"rms_norm_f32", "normalise_row(dim, scratch, team, ", "normalise_row(dim, scratch, ", "no matching function for call to 'normalise_row'"},
    {"rms_norm_f32", "const ulong base = ulong(row) * dim;", "const ulong base = ulong(row) * dim", "expected ';'"},
    {"rms_norm_f32", "const ulong base = ulong(row) * dim;", "const ulong base = ulong(rwo) * dim;", "'rwo'"},
    {"rms_norm_f32", "const Team team = {index, size, lane, simdgroup};",
     "const Taem team = {index, size, lane, simdgroup};", "unknown type name 'Taem'"},
    {"rms_norm_f32", "const Team team = {index, size, lane, simdgroup};",
     "const Team team = {index, size, lane, simdgroup, row};", "excess elements"},
    {"rms_norm_f32", "const uint dim = uint(params[1]);", "const uint dim = params[1].zz;",
     "member reference base type"},
    {"rms_norm_f32", "InverseRms{dim, params[0]}", "InverseRms{dim, y}", "cannot initialize"},
    {"rms_norm_f32_v2", "                            uint row [[threadgroup_position_in_grid]],",
     "                            uint row [[threadgroup_positon_in_grid]],",
     "did you mean 'threadgroup_position_in_grid'?"},
    {"rms_norm_f32_v2", "                            uint row [[threadgroup_position_in_grid]],",
     "                            float row [[threadgroup_position_in_grid]],", "threadgroup_position_in_grid"},
    {"rms_norm_f32_v2", "                            device float4* y [[buffer(2)]],",
     "                            device float4* y [[buffer(1)]],", "buffer"},
    {"rms_norm_f32_v2", "y[base + i] = v * r * w[i];", "y[base + i] = dot(v, float2(1));",
     "no matching function for call to 'dot'"},
    {"rms_norm_f32_v2", "const uint dim = uint(params[1]);", "const double dim = uint(params[1]);",
     "'double' is not supported"},
};

class KernelMutations : public testing::TestWithParam<Mutation> {};

TEST_P(KernelMutations, AreErrorsInTheirLine) {
  const auto& [kernel, from, to, message] = GetParam();
  std::stringstream read;
  read << std::ifstream(std::string(ANYMETAL_SOURCE_DIR "/kernels/") + kFile).rdbuf();
  std::string text = read.str();
  const auto at = text.find(from);
  ASSERT_NE(at, std::string::npos) << "the kernel has no '" << from << "' any more";
  text.replace(at, std::string(from).size(), to);
  const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n');
  anymetal::KernelRegistry registry(anymetal::DiskCacheOptions{.enabled = false});
  anymetal::SourceOptions options;
  options.include_directories = {ANYMETAL_SOURCE_DIR "/kernels"};
  registry.register_source(kernel, text, options);
  const auto pipeline = registry.get_pipeline(kernel, *anymetal::Device::open("cpu"));
  ASSERT_FALSE(pipeline);
  const auto diagnostics = pipeline.error().diagnostics();
  ASSERT_FALSE(diagnostics.empty()) << pipeline.error().message();
  EXPECT_EQ(diagnostics[0].line, line) << pipeline.error().message();
  EXPECT_GT(diagnostics[0].column, 0U);
  EXPECT_THAT(diagnostics[0].message, testing::HasSubstr(message));
}

INSTANTIATE_TEST_SUITE_P(Table, KernelMutations, testing::ValuesIn(kMutations));

TEST(KernelMutations, NoneIsNoError) {
  anymetal::KernelRegistry registry(anymetal::DiskCacheOptions{.enabled = false});
  EXPECT_TRUE(registry.get_pipeline("rms_norm_f32", *anymetal::Device::open("cpu")));
}

}  // namespace
