#pragma once
/// \file
/// Calls of ops that must be refused, before anything is compiled, with a message that names the fault.

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "ops/context.hpp"
#include "ops/tensor.hpp"

namespace anymetal::test {

struct Fixture {
  KernelRegistry registry;
  Device device = *Device::open("cpu");
  CommandEncoder encoder = *device.make_command_encoder();
  ops::Context context{registry, device, encoder};
  Buffer buffer = *device.make_buffer(1 << 16);

  [[nodiscard]] ops::Tensor f32(std::initializer_list<std::size_t> shape) const {
    return ops::Tensor::of(buffer, ops::DType::F32, shape);
  }
  [[nodiscard]] ops::Tensor of(ops::DType type, std::initializer_list<std::size_t> shape,
                               std::size_t offset = 0) const {
    return ops::Tensor::of(buffer, type, shape, offset);
  }
};

struct Mistake {
  std::string message;
  std::function<Result<void>(Fixture&)> call;
};

inline void expect_refusal(const Mistake& mistake) {
  Fixture fixture;
  const auto result = mistake.call(fixture);
  ASSERT_FALSE(result) << mistake.message;
  EXPECT_EQ(result.error().code(), ErrorCode::InvalidArgument);
  EXPECT_EQ(result.error().message(), mistake.message);
  EXPECT_EQ(fixture.registry.cached_count(), 0u) << "checked before anything is compiled";
}

}  // namespace anymetal::test
