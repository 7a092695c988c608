// Which kernels ops choose: recorded with a compiler that makes nothing, on a device that runs nothing.
#include <gtest/gtest.h>

#include "ops/experts.hpp"
#include "ops/matmul.hpp"
#include "support/anything_compiler.hpp"
#include "support/fake_device.hpp"

namespace {

using namespace anymetal;
using ops::DType;
using ops::Tensor;

/// A GPU with or without matrix hardware.
class Choice : public ::testing::TestWithParam<bool> {
 protected:
  static Device open() {
    auto backend = std::make_shared<anymetal::testing::FakeBackend>("gpu");
    backend->info_.has_tensor = GetParam();
    return Device(backend);
  }
  Device device = open();
  KernelRegistry registry{std::make_shared<anymetal::testing::AnythingCompiler>()};
  Buffer buffer = *device.make_buffer(1 << 20);
  CommandEncoder encoder = *device.make_command_encoder();
  ops::Context context{registry, device, encoder};

  [[nodiscard]] Tensor of(DType type, std::initializer_list<std::size_t> shape) const {
    return Tensor::of(buffer, type, shape);
  }
  /// Asked for, and nothing else was.
  void expect_only(std::initializer_list<const char*> keys) const {
    for (const char* key : keys) EXPECT_TRUE(registry.is_cached(key)) << key;
    EXPECT_EQ(registry.cached_count(), keys.size());
  }
};

TEST_P(Choice, ManyRowsGoToMatrixHardwareWhereThereIsSome) {
  ASSERT_TRUE(ops::mul_mat(context, of(DType::Q8_0, {64, 256}), of(DType::F32, {40, 256}), of(DType::F32, {40, 64})));
  expect_only({GetParam() ? "kernel_mul_mm_q8_0_tensor_f32" : "kernel_mul_mm_q8_0_f32"});
}

TEST_P(Choice, FewRowsDoNot) {
  ASSERT_TRUE(ops::mul_mat(context, of(DType::Q8_0, {64, 256}), of(DType::F32, {8, 256}), of(DType::F32, {8, 64})));
  expect_only({"kernel_mul_mv_q8_0_f32"});
}

TEST_P(Choice, ManyRowsOfAnotherFormatDoToo) {
  ASSERT_TRUE(ops::mul_mat(context, of(DType::IQ4_XS, {64, 256}), of(DType::F32, {40, 256}), of(DType::F32, {40, 64})));
  expect_only({GetParam() ? "kernel_mul_mm_iq4_xs_tensor_f32" : "kernel_mul_mm_iq4_xs_f32"});
}

TEST_P(Choice, ExpertsOfManyTokensAreSorted) {
  ASSERT_TRUE(ops::mul_mat_id(context, of(DType::Q4_K, {4, 64, 256}), of(DType::F32, {40, 256}),
                              of(DType::U32, {40, 1}), of(DType::F32, {40, 1, 64}),
                              of(DType::U32, {ops::expert_scratch_elements(4, 40)})));
  expect_only(
      {"kernel_mul_mm_id_map0_ne20_1", GetParam() ? "kernel_mul_mm_id_q4_K_tensor_f32" : "kernel_mul_mm_id_q4_K_f32"});
}

TEST_P(Choice, ExpertsOfFewTokensAreNot) {
  ASSERT_TRUE(ops::mul_mat_id(context, of(DType::Q4_K, {4, 64, 256}), of(DType::F32, {3, 256}), of(DType::U32, {3, 2}),
                              of(DType::F32, {3, 2, 64})));
  expect_only({"kernel_mul_mv_id_q4_K_f32|330:i4"});
}

INSTANTIATE_TEST_SUITE_P(MatrixHardware, Choice, ::testing::Bool());

}  // namespace
