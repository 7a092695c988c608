// Recording a dispatch allocates nothing once the encoder's arrays have grown.

#include "runtime/fake_pipeline.hpp"
#include "support/allocation_count.hpp"

#include <gtest/gtest.h>

namespace anymetal::testing {
namespace {

TEST(EncoderAllocation, NoneInSteadyState) {
  const auto backend = std::make_shared<FakeBackend>();
  Device device(backend);
  auto encoder = *device.make_command_encoder();
  const auto pipeline = make_pipeline(backend, {device_argument("out", 0), params_argument("params", 1)});
  const auto buffer = *device.make_buffer(64);
  const auto record = [&] {
    for (int i = 0; i < 50; ++i) {
      encoder.set_pipeline(pipeline);
      encoder.set_buffer(0, buffer);
      encoder.set_value(1, Params{1, 2});
      encoder.dispatch_threads({100}, {32});
    }
    return encoder.commit_and_wait().has_value();
  };
  ASSERT_TRUE(record());
  const auto before = allocation_count();
  const bool ok = record();
  EXPECT_EQ(allocation_count(), before);
  EXPECT_TRUE(ok);
}

}  // namespace
}  // namespace anymetal::testing
