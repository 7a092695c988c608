// TurboQuant from end to end: keys and values quantised, decoded, attended to and rotated back, by the kernels in turn.
#include "cases/turboquant.hpp"

#include <gtest/gtest.h>

#include <anymetal/anymetal.hpp>
#include <array>
#include <cmath>
#include <vector>

#include "cases/attention_reference.hpp"
#include "cases/codec.hpp"
#include "cases/values.hpp"

namespace {

using namespace anymetal;
using cases::DType;
using Values = std::vector<double>;

constexpr std::uint32_t kHeads = 4, kKvHeads = 2, kTokens = 70, kCapacity = 80;

std::span<const double> part(const Values& x, std::size_t i, std::size_t n) { return std::span(x).subspan(i * n, n); }

/// Root mean square of a - b as a part of b's.
double relative_error(std::span<const double> a, std::span<const double> b) {
  double squares = 0, whole = 0;
  for (std::size_t i = 0; i < b.size(); ++i) {
    squares += (a[i] - b[i]) * (a[i] - b[i]);
    whole += b[i] * b[i];
  }
  return std::sqrt(squares / whole);
}

struct QuantizeParams {
  std::uint32_t head_dim, kv_heads, position, capacity, sliding;
  float scale;
  std::uint32_t option;
};

class TurboQuant : public testing::TestWithParam<std::size_t> {
 protected:
  void SetUp() override {
    ASSERT_TRUE(device_) << device_.error().message();
    encoder_.emplace(*device_->make_command_encoder());
    keys_ = upload(kTokens * kKvHeads * dim_, k_), values_ = upload(kTokens * kKvHeads * dim_, v_);
  }

  Buffer buffer(std::size_t bytes) { return *device_->make_buffer(bytes); }
  /// Random floats on the device; `values` becomes what it holds.
  Buffer upload(std::size_t n, Values& values) {
    values.resize(n);
    for (std::size_t i = 0; i < n; ++i) values[i] = cases::normal()(random_, i);
    const auto bytes = cases::encode(DType::F32, values);
    values = cases::decode(DType::F32, bytes);
    Buffer on_device = buffer(bytes.size());
    EXPECT_TRUE(on_device.write(bytes));
    return on_device;
  }
  static Values download(const Buffer& from, DType type) {
    std::vector<std::byte> bytes(from.size());
    EXPECT_TRUE(from.read(bytes));
    return cases::decode(type, bytes);
  }
  /// The next dispatch runs this kernel of the tested head size.
  void use(const std::string& name) {
    const auto pipeline = registry_.get_pipeline(name, *device_);
    ASSERT_TRUE(pipeline) << pipeline.error().message();
    encoder_->set_pipeline(*pipeline);
  }
  void finish() {
    const auto done = encoder_->commit_and_wait();
    ASSERT_TRUE(done) << done.error().message();
  }
  [[nodiscard]] std::string sized(const std::string& name) const { return name + std::to_string(dim_); }
  [[nodiscard]] std::size_t blocks() const { return dim_ / cases::kTurboBlock; }

  std::size_t dim_ = GetParam();
  KernelRegistry registry_;
  Result<Device> device_ = Device::system_default();
  std::optional<CommandEncoder> encoder_;
  cases::Random random_{23};
  Values k_, v_;  ///< [token, kv head, dim]
  Buffer keys_, values_;
};

TEST_P(TurboQuant, AttentionOverAQuantisedCacheFollowsTheDecodedValues) {
  struct Width {
    std::uint32_t bits;
    double codec;  ///< relative error of decoded heads: the root of the codebook's mean square
  };
  for (const auto& [bits, codec] : {Width{5, 0.0500}, Width{6, 0.0255}, Width{8, 0.0079}}) {
    const std::size_t rows = kKvHeads * kCapacity;
    const std::array codes = {buffer(rows * dim_), buffer(rows * dim_)};
    const std::array norms = {buffer(rows * blocks() * 4), buffer(rows * blocks() * 4)};
    const std::array decoded = {buffer(kKvHeads * kTokens * dim_ * 4), buffer(kKvHeads * kTokens * dim_ * 4)};
    Values q;
    const Buffer query = upload(kHeads * dim_, q);
    const std::uint32_t parts = 3;
    const Buffer partials = buffer(kHeads * parts * (dim_ + 2) * 4), out = buffer(kHeads * dim_ * 4);

    // Token by token into the cache, then all of it decoded.
    use(sized("hadamard_quantize_kv_hb_dual_d"));
    for (std::uint32_t t = 0; t < kTokens; ++t) {
      const std::size_t offset = std::size_t{t} * kKvHeads * dim_ * 4;
      encoder_->set_buffer(0, keys_, offset);
      encoder_->set_buffer(1, values_, offset);
      for (unsigned i = 0; i < 2; ++i) {
        encoder_->set_buffer(2 + i, codes[i]);
        encoder_->set_buffer(4 + i, norms[i]);
      }
      encoder_->set_value(6, QuantizeParams{0, kKvHeads, t, kCapacity, 0, 1.0f, bits});
      encoder_->dispatch_threadgroups({kKvHeads, 1, 2}, {32});
    }
    use("tq_dequantize_hb_kv_seq");
    struct {
      std::uint32_t dim, kv_heads, start, tokens, capacity, norms;
      float scale;
      std::uint32_t bits;
    } const range = {static_cast<std::uint32_t>(dim_),     kKvHeads, 0,   kTokens, kCapacity,
                     static_cast<std::uint32_t>(blocks()), 1.0f,     bits};
    for (unsigned i = 0; i < 2; ++i) {
      encoder_->set_buffer(0, codes[i]);
      encoder_->set_buffer(1, norms[i]);
      encoder_->set_buffer(2, decoded[i]);
      encoder_->set_value(3, range);
      encoder_->dispatch_threadgroups({kKvHeads, kTokens}, {dim_});
    }

    // Attention over the codes, its parts merged, the output rotated back.
    use(sized("flash_attn_vec_tq_hb_dk"));
    struct {
      std::uint32_t heads, kv_heads, dim, keys, capacity;
      float scale;
      std::uint32_t mask_type, window;
      float softcap;
      std::uint32_t parts, ring_start;
      float scale_factor;
      std::uint32_t bits, rotate, simdgroups;
    } const vec = {kHeads, kKvHeads, 0, kTokens, kCapacity, 0.0625f, 1, 0, 0, parts, 0, 1.0f, bits, 1, 2};
    encoder_->set_value(0, vec);
    encoder_->set_buffer(1, query);
    for (unsigned i = 0; i < 2; ++i) {
      encoder_->set_buffer(2 + 2 * i, codes[i]);
      encoder_->set_buffer(3 + 2 * i, norms[i]);
    }
    encoder_->set_buffer(6, partials);
    encoder_->set_threadgroup_memory_length(0, 2 * (dim_ + 2 * (128 + 2 * dim_)));
    encoder_->dispatch_threadgroups({1, kHeads, parts}, {32, 2});
    use(sized("flash_attn_vec_reduce_dk"));
    encoder_->set_value(0, kHeads);
    encoder_->set_buffer(1, partials);
    encoder_->set_buffer(2, out);
    encoder_->set_value(3, parts);
    encoder_->dispatch_threadgroups({kHeads}, {32 * parts});
    use(sized("fwht_sign_undo_f32_d"));
    encoder_->set_buffer(0, out);
    encoder_->set_value(1, std::array{static_cast<std::uint32_t>(dim_), kHeads});
    encoder_->dispatch_threadgroups({kHeads}, {32});
    finish();

    // Decoded heads are the originals but for the width's error.
    std::array<Values, 2> cached;  // [kv head, token, dim], not rotated
    for (unsigned i = 0; i < 2; ++i) {
      const Values rotated = download(decoded[i], DType::F32);
      Values originals;
      for (std::size_t row = 0; row < kKvHeads * kTokens; ++row) {
        const Values x = cases::turbo_unrotate(part(rotated, row, dim_));
        const auto original = part(i == 0 ? k_ : v_, row % kTokens * kKvHeads + row / kTokens, dim_);
        cached[i].insert(cached[i].end(), x.begin(), x.end());
        originals.insert(originals.end(), original.begin(), original.end());
      }
      EXPECT_NEAR(relative_error(cached[i], originals), codec, 0.06 * codec) << bits << " bits";
    }
    // Attention in float64, over the decoded heads and over the originals.
    const auto attend = [&](auto key, auto value) {
      return cases::attend_heads(
          kHeads, dim_,
          [&](std::size_t h) {
            Values scores(kTokens);
            for (std::size_t j = 0; j < kTokens; ++j) scores[j] = cases::dot(&q[h * dim_], key(h, j), dim_) / 16;
            return scores;
          },
          value);
    };
    const auto in_cache = [&](const Values& rows_of) {
      return [&](std::size_t h, std::size_t j) { return &rows_of[(h / 2 * kTokens + j) * dim_]; };
    };
    const auto in_source = [&](const Values& rows_of) {
      return [&](std::size_t h, std::size_t j) { return &rows_of[(j * kKvHeads + h / 2) * dim_]; };
    };
    const Values got = download(out, DType::F32);
    EXPECT_LT(relative_error(got, attend(in_cache(cached[0]), in_cache(cached[1]))), 2e-3) << bits << " bits";
    EXPECT_LT(relative_error(got, attend(in_source(k_), in_source(v_))), 3 * codec) << bits << " bits";
  }
}

TEST_P(TurboQuant, FourBitHeadsComeBack) {
  const Buffer codes = buffer(kKvHeads * kCapacity * dim_ / 2), norms = buffer(kKvHeads * kCapacity * blocks() * 4),
               decoded = buffer(kKvHeads * dim_ * 4);
  const std::uint32_t position = 9;
  use(sized("hadamard_quantize_kv_fast_d"));
  encoder_->set_buffer(0, keys_);
  encoder_->set_buffer(1, codes);
  encoder_->set_buffer(2, norms);
  encoder_->set_value(3, QuantizeParams{0, kKvHeads, position, kCapacity, 0, 1.0f, 0});
  encoder_->set_buffer(4, norms);
  encoder_->dispatch_threadgroups({kKvHeads}, {32});
  use("tq_dequantize_kv");
  struct {
    std::uint32_t dim, kv_heads, position, capacity, norms;
    float scale;
  } const read = {static_cast<std::uint32_t>(dim_),     kKvHeads, position, kCapacity,
                  static_cast<std::uint32_t>(blocks()), 1.0f};
  encoder_->set_buffer(0, codes);
  encoder_->set_buffer(1, norms);
  encoder_->set_buffer(2, decoded);
  encoder_->set_value(3, read);
  encoder_->dispatch_threadgroups({kKvHeads}, {dim_});
  finish();
  const Values rotated = download(decoded, DType::F32);
  for (std::size_t h = 0; h < kKvHeads; ++h) {
    EXPECT_LT(relative_error(cases::turbo_unrotate(part(rotated, h, dim_)), part(k_, h, dim_)), 0.12) << "head " << h;
  }
}

INSTANTIATE_TEST_SUITE_P(HeadSizes, TurboQuant, testing::Values(256u, 512u));

// Centroids are the means of a normal variable between their boundaries, but for how far each table was iterated.
TEST(TurboCodebook, IsAQuantiserOfANormalVariable) {
  struct Width {
    std::size_t bits;
    double error;  ///< mean square
  };
  for (const auto& [bits, error] : {Width{4, 9.50e-3}, Width{5, 2.50e-3}, Width{6, 6.49e-4}, Width{8, 6.28e-5}}) {
    const std::size_t count = std::size_t{1} << bits;
    double mean_square = 0, weight = 0;
    for (double x = -8; x <= 8; x += 1e-3) {
      double nearest = cases::kInfinity;
      for (std::size_t i = 0; i < count; ++i)
        nearest = std::min(nearest, std::fabs(x - cases::turbo_centroid(i, bits)));
      mean_square += nearest * nearest * std::exp(-x * x / 2);
      weight += std::exp(-x * x / 2);
    }
    EXPECT_NEAR(mean_square / weight, error, 0.002 * error) << bits << " bits";
    for (std::size_t i = 0; i < count; ++i) {
      EXPECT_EQ(cases::turbo_centroid(i, bits), -cases::turbo_centroid(count - 1 - i, bits));
      EXPECT_EQ(cases::turbo_centroid(i, bits), cases::turbo_centroid(i + count, bits));
    }
  }
}

TEST(TurboRotation, KeepsProductsAndComesBack) {
  cases::Random random(5);
  for (const std::size_t dim : {256u, 512u}) {
    Values a(dim), b(dim);
    for (std::size_t i = 0; i < dim; ++i) a[i] = cases::normal()(random, i), b[i] = cases::normal()(random, i);
    const Values ya = cases::turbo_rotate(a), yb = cases::turbo_rotate(b), back = cases::turbo_unrotate(ya);
    EXPECT_NEAR(cases::dot(ya.data(), yb.data(), dim), cases::dot(a.data(), b.data(), dim), 1e-10);
    for (std::size_t i = 0; i < dim; ++i) EXPECT_NEAR(back[i], a[i], 1e-12);
  }
}

}  // namespace
