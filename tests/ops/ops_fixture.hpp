#pragma once
/// \file
/// Runs ops on the tested device, with data as the device holds them.

#include <gtest/gtest.h>

#include <vector>

#include "cases/codec.hpp"
#include "cases/values.hpp"
#include "ops/context.hpp"
#include "ops/tensor.hpp"

namespace anymetal::test {

// What every test of ops speaks of.
using ops::Context;
using ops::DType;
using ops::Tensor;
using Values = std::vector<double>;

class Ops : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(device_) << device_.error().message(); }

  /// A device buffer of these values; `values` becomes what it holds after rounding.
  Buffer upload(ops::DType type, std::vector<double>& values) {
    const auto bytes = cases::encode(type, values);
    values = cases::decode(type, bytes);
    Buffer buffer = *device_->make_buffer(bytes.size());
    EXPECT_TRUE(buffer.write(bytes));
    return buffer;
  }
  std::vector<double> random(std::size_t n, double deviation = 1) {
    std::vector<double> values(n);
    for (std::size_t i = 0; i < n; ++i) values[i] = cases::normal(0, deviation)(random_, i);
    return values;
  }
  std::vector<double> download(const Buffer& buffer, ops::DType type = ops::DType::F32) {
    std::vector<std::byte> bytes(buffer.size());
    EXPECT_TRUE(buffer.read(bytes));
    return cases::decode(type, bytes);
  }
  /// Records with `op` and runs.
  template <class Op>
  void run(Op op) {
    auto encoder = device_->make_command_encoder();
    ASSERT_TRUE(encoder);
    ops::Context context{registry_, *device_, *encoder};
    const Result<void> recorded = op(context);
    ASSERT_TRUE(recorded) << recorded.error().message();
    const Result<void> done = encoder->commit_and_wait();
    ASSERT_TRUE(done) << done.error().message();
  }

  KernelRegistry registry_;
  Result<Device> device_ = Device::system_default();
  cases::Random random_{11};
};

}  // namespace anymetal::test
