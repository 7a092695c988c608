// `anymetal bench kernel`: rates stand beside what the machine reaches, for one kernel and for several.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "process.hpp"

namespace anymetal::test {
namespace {

using ::testing::HasSubstr;

std::vector<std::string> bench(std::vector<std::string> rest) {
  std::vector<std::string> arguments = {"bench", "kernel", "--device", "cpu", "--threads", "1", "--seconds", "0.001"};
  arguments.insert(arguments.end(), rest.begin(), rest.end());
  return arguments;
}

TEST(CliBench, ATableHasTheCeilingsAndEachShareOfThem) {
  const auto result = run_program(bench({"kv_cache_move", "qmm_affine_t_f32_simd"}));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("this machine, 1 threads: read "));
  EXPECT_THAT(result.out, HasSubstr("% peak"));
  EXPECT_THAT(result.out, ::testing::ContainsRegex("kv_cache_move +[0-9.]+ +[0-9.]+ GB/s +[0-9.]+ "));
  EXPECT_THAT(result.out, ::testing::ContainsRegex("qmm_affine_t_f32_simd +[0-9.]+ +[0-9.]+ GFLOP/s +[0-9.]+ "));
}

TEST(CliBench, SoDoesTheObject) {
  const auto result = run_program(bench({"kv_cache_move", "kv_cache_copy", "--json"}));
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto object = nlohmann::json::parse(result.out);
  EXPECT_EQ(object.at("kernels").size(), 2U);
  EXPECT_GT(object.at("ceilings").at("read_gigabytes_per_second"), 0);
}

TEST(CliBench, AKernelAloneToo) {
  const auto result = run_program(bench({"kv_cache_move"}));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, ::testing::ContainsRegex("GB/s, [0-9]+ % of read bandwidth"));
}

TEST(CliBench, NamesWhatThereIsWhereAKernelHasNone) {
  const auto result = run_program(bench({"no_such_kernel"}));
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("there is no benchmark of 'no_such_kernel'"));
}

}  // namespace
}  // namespace anymetal::test
