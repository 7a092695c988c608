// Offsets past 2^32: in memory that is reserved, not filled, so that only what kernels touch takes room. Each test
// fails where the kernel's source computes them in 32 bits.
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <anymetal/anymetal.hpp>
#include <array>
#include <cstring>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "cases/codec.hpp"
#include "kernels/defects.hpp"
#include "ops/kernel_params.hpp"
#include "runtime/buffer_state.hpp"

namespace {

using namespace anymetal;
using cases::DType;

/// Zero-filled address space.
class Reserved {
 public:
  explicit Reserved(std::size_t bytes)
      : bytes_(bytes),
        start_(mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)) {
    if (valid()) madvise(start_, bytes, MADV_HUGEPAGE);  // gigabytes of zeros are read: fewer pages to find
  }
  ~Reserved() {
    if (valid()) munmap(start_, bytes_);
  }
  Reserved(const Reserved&) = delete;
  Reserved& operator=(const Reserved&) = delete;
  [[nodiscard]] bool valid() const { return start_ != MAP_FAILED; }
  [[nodiscard]] std::span<std::byte> all() const { return {static_cast<std::byte*>(start_), bytes_}; }

 private:
  std::size_t bytes_;
  void* start_;
};

class LargeOffsets : public testing::Test {
 protected:
  /// A buffer over reserved memory; null where the system does not give that much.
  Buffer reserve(std::size_t bytes) {
    auto memory = std::make_shared<Reserved>(bytes);
    if (!memory->valid()) return {};
    auto wrapped = device_.backend()->wrap(memory->all(), memory);
    return Buffer(std::make_shared<const detail::BufferState>(device_.backend(), *std::move(wrapped), true));
  }
  /// Into the memory itself: wrapped memory is not written through its buffer.
  static void put(const Buffer& buffer, DType type, std::size_t element, const std::vector<double>& values) {
    const auto bytes = cases::encode(type, values);
    Buffer to = buffer;
    std::memcpy(to.contents() + ops::bytes_of(type, element), bytes.data(), bytes.size());
  }
  static std::vector<double> get(const Buffer& buffer, std::size_t element, std::size_t count,
                                 DType type = DType::F32) {
    std::vector<std::byte> bytes(ops::bytes_of(type, count));
    EXPECT_TRUE(buffer.read(bytes, ops::bytes_of(type, element)));
    return cases::decode(type, bytes);
  }
  /// A pipeline, bound in the order of the arguments.
  template <class... Arguments>
  void use(const char* kernel, std::vector<FunctionConstant> constants, const Arguments&... arguments) {
    const auto pipeline = registry_.get_pipeline_with_constants(kernel, device_, std::span(constants));
    ASSERT_TRUE(pipeline) << pipeline.error().message();
    encoder_.set_pipeline(*pipeline);
    unsigned index = 0;
    const auto set = [&]<class T>(const T& argument) {
      if constexpr (std::same_as<T, Buffer>) {
        encoder_.set_buffer(index++, argument);
      } else {
        encoder_.set_value(index++, argument);
      }
    };
    (set(arguments), ...);
  }
  void finish() {
    const auto done = encoder_.commit_and_wait();
    ASSERT_TRUE(done) << done.error().message();
  }

  void results_of_products(std::string_view only = {});
  void rows_of_a_cache_that_are_written();
  void rows_of_a_cache_that_are_read();
  void rows_of_a_mask();
  void rows_of_dense_weights(const char* kernel);

  /// The check fails with the defect.
  void expect_seen(const test::Defect& defect, const std::function<void()>& check) {
    ASSERT_NO_FATAL_FAILURE(test::register_with(registry_, defect));
    testing::TestPartResultArray results;
    {
      const testing::ScopedFakeTestPartResultReporter reporter(
          testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD, &results);
      check();
    }
    int failed = 0;
    for (int i = 0; i < results.size(); ++i) {
      const testing::TestPartResult& result = results.GetTestPartResult(i);
      if (result.skipped()) GTEST_SKIP() << result.message();
      if (result.failed()) ++failed;
    }
    EXPECT_GT(failed, 0) << "the defect of " << defect.kernel << " is not seen";
  }

  KernelRegistry registry_;
  Device device_ = *Device::open("cpu");
  CommandEncoder encoder_ = *device_.make_command_encoder();
};

#define RESERVE(name, bytes)          \
  const Buffer name = reserve(bytes); \
  if (name.size() == 0) GTEST_SKIP() << "the system does not reserve " << (bytes) << " bytes"

/// Results of the second batch lie past 2^32 elements; one tile of it is computed.
void LargeOffsets::results_of_products(std::string_view only) {
  struct Form {
    const char* kernel;
    DType weight;
    std::size_t scratch;
  };
  constexpr std::size_t kRows = 65536, kTokens = 65537, kLength = 32, kBatch = kRows * kTokens;
  static_assert(kBatch > std::size_t{1} << 32);
  for (const Form& form :
       {Form{"kernel_mul_mm_q8_0_f32", DType::Q8_0, 8192}, Form{"kernel_mul_mm_q8_0_tensor_f32", DType::Q8_0, 8192},
        Form{"hf2q_dense_mm_bf16_f32_tensor", DType::BF16, 8192},
        Form{"hf2q_dense_mm_f32_f32_tensor", DType::F32, 16384}}) {
    if (!only.empty() && only != form.kernel) continue;
    const std::size_t row = ops::bytes_of(form.weight, kLength);
    RESERVE(weight, row * kRows);
    RESERVE(x, 4 * kLength * kTokens);
    RESERVE(dst, 4 * 2 * kBatch);
    put(weight, form.weight, 0, std::vector<double>(kLength * 64, 1.0));
    put(x, DType::F32, 0, std::vector<double>(kLength * 32, 0.5));
    const ops::MatMatParams params = {.ne00 = kLength,
                                      .nb01 = row,
                                      .ne12 = 2,  // both batches share the matrix, and x
                                      .nb11 = 4 * kLength,
                                      .ne0 = kRows,
                                      .ne1 = kTokens,
                                      .r2 = 2};
    use(form.kernel, {}, params, weight, x, dst);
    encoder_.set_threadgroup_memory_length(0, form.scratch);
    encoder_.dispatch_threadgroups({1, 1, 2}, {128});
    finish();
    for (const std::size_t token : {0u, 31u}) {
      for (const double y : get(dst, kBatch + token * kRows, 64)) EXPECT_NEAR(y, 16, 0.2) << form.kernel;
      EXPECT_EQ(get(dst, kBatch + token * kRows + 64, 1)[0], 0) << form.kernel;
    }
  }
}

/// The second head of a cache begins at element 2^32.
constexpr std::size_t kCapacity = std::size_t{1} << 24, kDim = 256, kSecondHead = kCapacity * kDim;

void LargeOffsets::rows_of_a_cache_that_are_written() {
  RESERVE(cache, 2 * kSecondHead * 2);
  RESERVE(src, 2 * kDim * 4);
  put(src, DType::F32, kDim, std::vector<double>(kDim, 3.0));
  use("kv_cache_copy_batch_f32_to_f16", {}, src, cache, 2u, static_cast<unsigned>(kDim),
      static_cast<unsigned>(kCapacity), 1u);
  encoder_.dispatch_threads({kDim, 2}, {kDim});
  finish();
  for (const double y : get(cache, kSecondHead + kDim, kDim, DType::F16)) EXPECT_EQ(y, 3);
  for (const double y : get(cache, kDim, kDim, DType::F16)) EXPECT_EQ(y, 0);
}

void LargeOffsets::rows_of_a_cache_that_are_read() {
  RESERVE(keys, 2 * kSecondHead * 2);
  RESERVE(values, 2 * kSecondHead * 2);
  RESERVE(query, 2 * kDim * 4);
  RESERVE(dst, 2 * kDim * 4);
  for (const std::size_t key : {0u, 1u, 2u}) {  // all weigh the same
    put(values, DType::F16, kSecondHead + key * kDim, std::vector<double>(kDim, static_cast<double>(key)));
  }
  const ops::FlashAttnVecParams params = {
      .n_heads = 2, .n_kv_heads = 2, .head_dim = kDim, .kv_seq_len = 3, .kv_capacity = kCapacity};
  use("flash_attn_vec_f16kv_dk256", {}, params, query, keys, values, dst);
  encoder_.set_threadgroup_memory_length(0, 2 * (3 * kDim + 128));
  encoder_.dispatch_threadgroups({1, 2, 1}, {32});
  finish();
  for (const double y : get(dst, 0, kDim)) EXPECT_EQ(y, 0);
  for (const double y : get(dst, kDim, kDim)) EXPECT_NEAR(y, 1, 1e-6);

  const ops::AttentionParams any = {.heads = 2,
                                    .kv_heads = 2,
                                    .dim = kDim,
                                    .queries = 1,
                                    .keys = 3,
                                    .capacity = static_cast<std::uint32_t>(kCapacity)};
  use("attention_f16kv", {}, any, query, keys, values, dst, query, query);
  encoder_.dispatch_threadgroups({2, 1}, {32});
  finish();
  for (const double y : get(dst, kDim, kDim)) EXPECT_NEAR(y, 1, 1e-6);
}

/// The second query's mask row lies 2^32 bytes after the first.
void LargeOffsets::rows_of_a_mask() {
  constexpr std::int64_t kMaskRow = std::int64_t{1} << 32;
  RESERVE(q, 2 * kDim * 4);
  RESERVE(k, 2 * kDim * 4);
  RESERVE(v, 2 * kDim * 4);
  RESERVE(out, 2 * kDim * 4);
  RESERVE(mask, static_cast<std::size_t>(kMaskRow) + 4096);
  put(v, DType::F32, 0, std::vector<double>(kDim, 1.0));
  put(v, DType::F32, kDim, std::vector<double>(kDim, 5.0));
  put(mask, DType::U8, 0, {1, 0});
  put(mask, DType::U8, static_cast<std::size_t>(kMaskRow), {0, 1});
  const auto dim = static_cast<std::int64_t>(kDim);
  const ops::AttnParams params = {.H = 1,
                                  .D = static_cast<std::int32_t>(kDim),
                                  .qL = 2,
                                  .kL = 2,
                                  .NQ = 1,
                                  .NK = 1,
                                  .qL_rem = 2,
                                  .kL_rem = 2,
                                  .Q_strides = {0, 0, dim},
                                  .K_strides = {0, 0, dim},
                                  .V_strides = {0, 0, dim},
                                  .O_strides = {0, 0, dim}};
  use("steel_attention_float32_bq32_bk16_bd256_wm4_wn1_maskbool_",
      {{200u, ConstantValue(false)},
       {201u, ConstantValue(false)},
       {300u, ConstantValue(true)},
       {301u, ConstantValue(false)},
       {303u, ConstantValue(false)}},
      q, k, v, out, params, std::array<std::int64_t, 3>{0, 0, kMaskRow}, mask);
  encoder_.dispatch_threadgroups({1, 1, 1}, {32, 4});
  finish();
  for (const double y : get(out, 0, kDim)) EXPECT_NEAR(y, 1, 1e-6);
  for (const double y : get(out, kDim, kDim)) EXPECT_NEAR(y, 5, 1e-5);
}

/// The last row of the weights begins at element 2^32.
void LargeOffsets::rows_of_dense_weights(const char* kernel) {
  constexpr unsigned kRows = 4097, kLength = 1u << 20;
  const bool is_gemm = kernel == std::string_view("dense_gemm_f16");
  RESERVE(weight, std::size_t{kRows} * kLength * 2);
  RESERVE(x, std::size_t{kLength} * 4);
  RESERVE(dst, std::size_t{kRows} * 4);
  const DType type = is_gemm ? DType::F16 : DType::F32;
  put(weight, DType::F16, std::size_t{kRows - 1} * kLength, {2});
  put(x, type, 0, {3});
  use(kernel, {}, x, weight, dst, std::array{1u, kRows, kLength});
  if (is_gemm) {
    encoder_.dispatch_threadgroups({(kRows + 31) / 32, 1, 1}, {128});
  } else {
    encoder_.dispatch_threadgroups({(kRows + 7) / 8, 1, 1}, {32, 2});
  }
  finish();
  EXPECT_EQ(get(dst, 0, 1, type)[0], 0) << kernel;
  EXPECT_EQ(get(dst, kRows - 1, 1, type)[0], 6) << kernel;
}

TEST_F(LargeOffsets, RowsOfDenseMatVec) { rows_of_dense_weights("dense_matvec_f16w_f32io"); }
TEST_F(LargeOffsets, RowsOfDenseGemm) { rows_of_dense_weights("dense_gemm_f16"); }
TEST_F(LargeOffsets, ResultsOfProducts) { results_of_products(); }
TEST_F(LargeOffsets, RowsOfACacheThatAreWritten) { rows_of_a_cache_that_are_written(); }
TEST_F(LargeOffsets, RowsOfACacheThatAreRead) { rows_of_a_cache_that_are_read(); }
TEST_F(LargeOffsets, RowsOfAMask) { rows_of_a_mask(); }

TEST_F(LargeOffsets, ResultsIn32BitsAreSeen) {
  expect_seen({"ResultsIn32Bits",
               "kernel_mul_mm_q8_0_f32",
               {{"dst + ulong(group.z) * rows * tokens", "dst + uint(group.z) * rows * tokens"}}},
              [&] { results_of_products("kernel_mul_mm_q8_0_f32"); });
}
TEST_F(LargeOffsets, ResultsOfMatrixHardwareIn32BitsAreSeen) {
  expect_seen({"ResultsIn32Bits",
               "hf2q_dense_mm_bf16_f32_tensor",
               {{"dst + ulong(group.z) * rows * tokens", "dst + uint(group.z) * rows * tokens"}}},
              [&] { results_of_products("hf2q_dense_mm_bf16_f32_tensor"); });
}
TEST_F(LargeOffsets, RowsWrittenIn32BitsAreSeen) {
  expect_seen({"RowsWrittenIn32Bits",
               "kv_cache_copy_batch_f32_to_f16",
               {{"cache[(ulong(gid.y) * capacity + seq_pos) * head_dim + gid.x]",
                 "cache[(gid.y * capacity + seq_pos) * head_dim + gid.x]"}}},
              [&] { rows_of_a_cache_that_are_written(); });
}
TEST_F(LargeOffsets, RowsReadIn32BitsAreSeen) {
  expect_seen({"RowsReadIn32Bits",
               "flash_attn_vec_f16kv_dk256",
               {{"const ulong kv_base = ulong(kv_head_of(head, p.n_heads, p.n_kv_heads)) * p.kv_capacity * kDim;",
                 "const uint kv_base = kv_head_of(head, p.n_heads, p.n_kv_heads) * p.kv_capacity * kDim;"}}},
              [&] { rows_of_a_cache_that_are_read(); });
}
TEST_F(LargeOffsets, RowsOfAMaskIn32BitsAreSeen) {
  expect_seen({"RowsOfAMaskIn32Bits",
               "steel_attention_float32_bq32_bk16_bd256_wm4_wn1_maskbool_",
               {{"mask_term(row_of(mask, mask_params.M_strides, long(group.y), query)[key])",
                 "mask_term(row_of(mask, mask_params.M_strides, long(group.y), 0)[long(int(long(query) * mask_params.M_strides[2])) + key])"}}},
              [&] { rows_of_a_mask(); });
}

}  // namespace
