// Every mistake an encoder must answer with an error, one row each.

#include "runtime/fake_pipeline.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>

namespace anymetal::testing {
namespace {

constexpr std::size_t kHuge = std::numeric_limits<std::size_t>::max();

struct Bench {
  std::shared_ptr<FakeBackend> backend = std::make_shared<FakeBackend>();
  Device device{backend};
  CommandEncoder encoder = *device.make_command_encoder();
  PipelinePtr pipeline =
      make_pipeline(backend, {device_argument("in", 0, Access::Read), device_argument("out", 1), params_argument("params", 2),
                              threadgroup_argument("scratch", 0)},
                    256, 1024);
  Buffer in = *device.make_buffer(64);
  Buffer out = *device.make_buffer(64);

  // A whole and correct set of bindings; a case spoils one of them.
  void bind() {
    encoder.set_pipeline(pipeline);
    encoder.set_buffer(0, in);
    encoder.set_buffer(1, out);
    encoder.set_value(2, Params{1, 2});
    encoder.set_threadgroup_memory_length(0, 256);
  }
  void dispatch() { encoder.dispatch_threads({100}, {32}); }
};

struct Misuse {
  const char* name;
  std::function<void(Bench&)> spoil;
  ErrorCode code;
  const char* message;
};

const std::vector<std::byte> kBytes(5000);

const Misuse kMisuses[] = {
    {"no_pipeline", [](Bench& b) { b.dispatch(); }, ErrorCode::InvalidDispatch, "set_pipeline"},
    {"null_pipeline", [](Bench& b) { b.encoder.set_pipeline(nullptr); b.dispatch(); }, ErrorCode::InvalidArgument, "null"},
    {"pipeline_of_another_device",
     [](Bench& b) { b.encoder.set_pipeline(make_pipeline(std::make_shared<FakeBackend>("other"), {})); },
     ErrorCode::InvalidBinding, "compiled for other"},
    {"missing_buffer",
     [](Bench& b) { b.encoder.set_pipeline(b.pipeline); b.encoder.set_buffer(0, b.in); b.encoder.set_buffer(7, b.out); b.dispatch(); },
     ErrorCode::InvalidBinding, "argument 'out' [[buffer(1)]]: nothing is bound (bound but not an argument of this kernel: index 7)"},
    {"buffer_of_another_device",
     [](Bench& b) { b.bind(); b.encoder.set_buffer(1, *Device(std::make_shared<FakeBackend>("other")).make_buffer(64)); b.dispatch(); },
     ErrorCode::InvalidBinding, "belongs to another device (other)"},
    {"empty_handle", [](Bench& b) { b.bind(); b.encoder.set_buffer(1, Buffer()); }, ErrorCode::InvalidBinding, "no device made it"},
    {"buffer_index_too_large", [](Bench& b) { b.encoder.set_buffer(31, b.in); }, ErrorCode::InvalidBinding, "index 31"},
    {"bytes_index_too_large", [](Bench& b) { b.encoder.set_value(31, 1); }, ErrorCode::InvalidBinding, "index 31"},
    {"threadgroup_index_too_large", [](Bench& b) { b.encoder.set_threadgroup_memory_length(kHuge & 0xffffffff, 16); },
     ErrorCode::InvalidBinding, "index 4294967295"},
    {"offset_past_the_end", [](Bench& b) { b.bind(); b.encoder.set_buffer(0, b.in, 80); b.dispatch(); }, ErrorCode::InvalidBinding,
     "argument 'in' [[buffer(0)]]: offset 80 is past the end of the buffer's 64 bytes"},
    {"huge_offset", [](Bench& b) { b.bind(); b.encoder.set_buffer(0, b.in, kHuge - 15); b.dispatch(); }, ErrorCode::InvalidBinding,
     "past the end"},
    {"misaligned_offset", [](Bench& b) { b.bind(); b.encoder.set_buffer(0, b.in, 8); b.dispatch(); }, ErrorCode::InvalidBinding,
     "offset 8 is not a multiple of 16, the alignment of 'float4'"},
    {"reference_past_the_end", [](Bench& b) { b.bind(); b.encoder.set_buffer(2, b.in, 60); b.dispatch(); }, ErrorCode::InvalidBinding,
     "argument 'params' [[buffer(2)]]: 4 bytes are left behind offset 60, 'Params' needs 8"},
    {"too_few_bytes", [](Bench& b) { b.bind(); b.encoder.set_value(2, 1); b.dispatch(); }, ErrorCode::InvalidBinding,
     "set_bytes gave 4 bytes, 'Params' has 8"},
    {"no_bytes", [](Bench& b) { b.bind(); b.encoder.set_bytes(2, {}); }, ErrorCode::InvalidBinding, "0 bytes given"},
    {"too_many_bytes", [](Bench& b) { b.bind(); b.encoder.set_bytes(2, std::span(kBytes).first(4097)); }, ErrorCode::InvalidBinding,
     "4097 bytes given"},
    {"bytes_where_the_kernel_writes", [](Bench& b) { b.bind(); b.encoder.set_value(1, Params{}); b.dispatch(); },
     ErrorCode::InvalidBinding, "it may write here"},
    {"read_only_buffer_where_the_kernel_writes",
     [](Bench& b) { b.bind(); b.encoder.set_buffer(1, *b.device.wrap_buffer(kBytes, nullptr)); b.dispatch(); },
     ErrorCode::InvalidBinding, "read-only"},
    {"threadgroup_length_unset", [](Bench& b) { b.bind(); b.encoder.set_threadgroup_memory_length(0, 0); b.dispatch(); },
     ErrorCode::InvalidBinding, "argument 'scratch' [[threadgroup(0)]]: no threadgroup memory length"},
    {"threadgroup_length_odd", [](Bench& b) { b.bind(); b.encoder.set_threadgroup_memory_length(0, 24); }, ErrorCode::InvalidBinding,
     "24 bytes is not a multiple of 16"},
    {"threadgroup_memory_too_large", [](Bench& b) { b.bind(); b.encoder.set_threadgroup_memory_length(0, 32768 - 1024 + 16); b.dispatch(); },
     ErrorCode::InvalidDispatch, "1024 bytes of its own and 31760 set by the caller, the limit is 32768"},
    {"threadgroup_memory_overflows", [](Bench& b) { b.bind(); b.encoder.set_threadgroup_memory_length(0, kHuge - 15); b.dispatch(); },
     ErrorCode::InvalidDispatch, "limit is 32768"},
    {"group_of_zero", [](Bench& b) { b.bind(); b.encoder.dispatch_threads({4}, {32, 0, 1}); }, ErrorCode::InvalidDispatch, "32x0x1 threads is empty"},
    {"group_too_large", [](Bench& b) { b.bind(); b.encoder.dispatch_threadgroups({1}, {16, 17, 1}); }, ErrorCode::InvalidDispatch,
     "16x17x1 threads is above the limit of 256"},
    {"group_product_overflows", [](Bench& b) { b.bind(); b.encoder.dispatch_threads({1}, {std::size_t{1} << 32, std::size_t{1} << 32, 1}); },
     ErrorCode::InvalidDispatch, "above the limit"},
    {"grid_beyond_32_bits", [](Bench& b) { b.bind(); b.encoder.dispatch_threads({std::size_t{1} << 32}, {32}); }, ErrorCode::InvalidDispatch,
     "32-bit"},
    {"grid_overflows", [](Bench& b) { b.bind(); b.encoder.dispatch_threadgroups({kHuge / 2}, {256}); }, ErrorCode::InvalidDispatch,
     "too large"},
};

class EncoderMisuse : public ::testing::TestWithParam<Misuse> {};

TEST_P(EncoderMisuse, IsAnErrorAndRunsNothing) {
  Bench bench;
  GetParam().spoil(bench);
  const auto done = bench.encoder.commit_and_wait();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), GetParam().code);
  EXPECT_THAT(done.error().message(), ::testing::HasSubstr(GetParam().message));
  EXPECT_EQ(bench.backend->executions, 0);

  bench.bind();
  bench.dispatch();
  EXPECT_TRUE(bench.encoder.commit_and_wait()) << "the encoder starts afresh";
  EXPECT_EQ(bench.backend->executions, 1);
}

INSTANTIATE_TEST_SUITE_P(Table, EncoderMisuse, ::testing::ValuesIn(kMisuses), [](const auto& row) { return row.param.name; });

TEST(EncoderMistakes, AThreadgroupOtherThanTheRequiredOne) {
  Bench bench;
  auto state = std::make_shared<detail::PipelineState>(bench.pipeline->state());
  state->reflection.required_threads = {8, 4, 1};
  bench.pipeline = std::make_shared<const ComputePipeline>(std::move(state));
  EXPECT_EQ(bench.pipeline->required_threads_per_threadgroup(), (Size{8, 4, 1}));
  for (const Size group : {Size{32}, Size{4, 8}, Size{8, 4, 2}}) {
    bench.bind();
    bench.encoder.dispatch_threads({100}, group);
    const auto done = bench.encoder.commit_and_wait();
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code(), ErrorCode::InvalidDispatch);
    EXPECT_THAT(done.error().message(), ::testing::HasSubstr("where the kernel requires 8x4x1"));
  }
  bench.bind();
  bench.encoder.dispatch_threads({100}, {8, 4});
  EXPECT_TRUE(bench.encoder.commit_and_wait());
  EXPECT_EQ(bench.backend->executions, 1);
}

TEST(EncoderMistakes, TheFirstOneIsReportedAndNamesTheKernel) {
  Bench bench;
  bench.bind();
  bench.encoder.set_buffer(0, bench.in, 8);
  bench.dispatch();
  bench.encoder.set_buffer(99, bench.in);
  bench.bind();
  bench.dispatch();
  const auto done = bench.encoder.commit_and_wait();
  ASSERT_FALSE(done);
  EXPECT_THAT(done.error().message(), ::testing::HasSubstr("kernel 'k|1:i2', argument 'in'"));
  EXPECT_EQ(done.error().kernel(), "k");
  EXPECT_EQ(done.error().key(), "k|1:i2");
  EXPECT_EQ(done.error().device(), "fake");
  EXPECT_EQ(bench.backend->executions, 0);
}

TEST(EncoderMistakes, WhatIsJustWithinTheLimits) {
  Bench bench;
  bench.bind();
  bench.encoder.set_buffer(0, bench.in, 64);
  bench.encoder.set_buffer(2, bench.in, 56);
  bench.encoder.set_threadgroup_memory_length(0, 32768 - 1024);
  bench.encoder.dispatch_threads({4294967295u, 1, 1}, {256, 1, 1});
  bench.encoder.set_bytes(2, std::span(kBytes).first(4096));
  bench.encoder.dispatch_threads({1}, {4, 4, 16});
  EXPECT_TRUE(bench.encoder.commit_and_wait());
}

}  // namespace
}  // namespace anymetal::testing
