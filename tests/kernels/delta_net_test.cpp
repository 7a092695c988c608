// The kernels of the gated delta rule as a layer uses them: chunk pipeline, carried states, buffers in place. What must
// come out is the rule itself in float64, token by token.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "cases/delta_net_reference.hpp"

namespace {

using namespace anymetal;
using cases::DeltaInputs;
using cases::DeltaOutputs;
using cases::DeltaShape;
using cases::DType;
using cases::KeyHeads;
using Values = std::vector<double>;

constexpr std::size_t kChunk = 64;

std::uint32_t u32(std::size_t value) { return static_cast<std::uint32_t>(value); }

double peak(const Values& values) {
  double largest = 0;
  for (const double v : values) largest = std::max(largest, std::fabs(v));
  return largest;
}

/// Largest difference as a fraction of the reference's largest value.
double distance(const Values& actual, const Values& expected) {
  if (actual.size() != expected.size()) return std::numeric_limits<double>::infinity();
  double largest = 0;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    if (!(std::fabs(actual[i] - expected[i]) <= largest)) largest = std::fabs(actual[i] - expected[i]);
  }
  return largest / peak(expected);
}

class DeltaNet : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(device_) << device_.error().message();
    auto encoder = device_->make_command_encoder();
    ASSERT_TRUE(encoder);
    encoder_.emplace(*std::move(encoder));
  }

  /// A device buffer of these values; `values` becomes what it holds after rounding.
  Buffer upload(DType type, Values& values) {
    const auto bytes = cases::encode(type, values);
    values = cases::decode(type, bytes);
    Buffer buffer = *device_->make_buffer(bytes.size());
    EXPECT_TRUE(buffer.write(bytes));
    return buffer;
  }
  /// A device buffer full of NaN.
  Buffer poisoned(DType type, std::size_t count) {
    Values values(count, std::nan(""));
    return upload(type, values);
  }
  static Values download(const Buffer& buffer, DType type = DType::F32) {
    std::vector<std::byte> bytes(buffer.size());
    EXPECT_TRUE(buffer.read(bytes));
    return cases::decode(type, bytes);
  }

  /// A buffer argument from this byte on.
  struct Place {
    Place(const Buffer& b, std::size_t from = 0)
        : buffer(&b), offset(from) {}  // NOLINT: whole buffers are the usual case
    const Buffer* buffer;
    std::size_t offset;
  };
  /// Binds buffers from index 0 on and the parameters after them.
  template <class Params>
  CommandEncoder& bind(const std::string& kernel, std::initializer_list<Place> places, const Params& params) {
    const auto pipeline = registry_.get_pipeline(kernel, *device_);
    EXPECT_TRUE(pipeline) << pipeline.error().message();
    encoder_->set_pipeline(*pipeline);
    unsigned index = 0;
    for (const Place& place : places) encoder_->set_buffer(index++, *place.buffer, place.offset);
    encoder_->set_value(index, params);
    return *encoder_;
  }
  void run() {
    const auto done = encoder_->commit_and_wait();
    ASSERT_TRUE(done) << done.error().message();
  }

  Values filled(std::size_t count, const cases::Fill& fill) {
    Values values(count);
    for (std::size_t i = 0; i < count; ++i) values[i] = fill(random_, i);
    return values;
  }
  DeltaInputs inputs(const DeltaShape& s, const cases::Fill& log_decay) {
    return {cases::unit_rows(random_, s.keys(), s.key_dim),
            cases::unit_rows(random_, s.keys(), s.key_dim),
            filled(s.values(), cases::normal()),
            filled(s.gates(), log_decay),
            filled(s.gates(), cases::uniform(0.1, 1)),
            filled(s.states(), cases::normal(0, 0.1))};
  }

  /// The six stages, in one command list; in place wherever a kernel allows it. Rounds `in` as the kernels read it.
  DeltaOutputs pipeline(const DeltaShape& s, DeltaInputs& in, float scale) {
    const Buffer q = upload(DType::BF16, in.q), k = upload(DType::BF16, in.k), v = upload(DType::BF16, in.v);
    const Buffer decay = upload(DType::F32, in.log_decay), beta = upload(DType::F32, in.beta);
    const Buffer state = upload(DType::F32, in.state);
    const std::uint32_t B = u32(s.batches), T = u32(s.tokens), Hg = u32(s.key_heads), H = u32(s.heads),
                        K = u32(s.key_dim), V = u32(s.value_dim), C = kChunk, NT = (T + C - 1) / C;
    const Buffer block = poisoned(DType::F32, s.gates() * kChunk), w = poisoned(DType::BF16, s.gates() * s.key_dim);
    const Buffer u = poisoned(DType::BF16, s.values()), out = poisoned(DType::BF16, s.values());
    const Buffer h = poisoned(DType::BF16, std::size_t{NT} * s.states());

    bind("chunk_local_cumsum_g_f32", {decay, decay}, std::array{B, T, H, C, NT})
        .dispatch_threadgroups({1, H, B * NT}, {C});
    bind("gated_delta_net_kkt_bf16", {k, beta, decay, block}, std::array{B, T, Hg, H, K, C, NT, 64u})
        .dispatch_threadgroups({NT, H, B}, {256});
    auto& invert = bind("chunk_tri_solve_invert_f32", {block, block}, std::array{B, T, H, C});
    invert.set_threadgroup_memory_length(0, 2 * kChunk * kChunk * 4);
    invert.dispatch_threadgroups({NT, H, B}, {C});
    const std::array sizes = {B, T, Hg, H, K, V, C, NT};
    bind("gated_delta_net_recompute_wu_bf16", {k, v, beta, decay, block, w, u}, sizes)
        .dispatch_threadgroups({NT, H, B}, {256});
    auto& states = bind("gated_delta_net_chunk_inter_state_bf16", {k, w, u, decay, state, h, u, state}, sizes);
    states.set_threadgroup_memory_length(0, 32 * s.key_dim * 4 + 32 * kChunk * 2);
    states.dispatch_threadgroups({V / 32, H, B}, {128});
    const struct {
      std::array<std::uint32_t, 10> sizes;
      float scale;
    } out_params = {{B, T, Hg, H, K, V, C, NT, 32, 32}, scale};
    auto& outputs = bind("gated_delta_net_chunk_o_bf16", {q, k, u, h, decay, out}, out_params);
    outputs.set_threadgroup_memory_length(0, kChunk * kChunk * 2);
    outputs.dispatch_threadgroups({V / 32, NT, B * H}, {256});
    run();
    return {download(out, DType::BF16), download(state)};
  }

  /// Tokens [begin, end) of every sequence (there is one) by the token-by-token kernel, the state in place.
  void recurrence(const std::string& kernel, const DeltaShape& s, const std::array<const Buffer*, 7>& b,
                  std::size_t begin, std::size_t end) {
    const std::size_t keys = begin * s.key_heads * s.key_dim * 4, gates = begin * s.heads * 4;
    const std::array sizes = {
        u32(s.key_dim), u32(s.value_dim), u32(s.key_heads), u32(s.heads), u32(end - begin), u32(s.batches), 0u, 0u};
    auto& encoder = bind(kernel,
                         {{*b[0], keys},
                          {*b[1], keys},
                          {*b[2], gates * s.value_dim},
                          {*b[3], gates},
                          {*b[4], gates},
                          *b[5],
                          {*b[6], gates * s.value_dim},
                          *b[5]},
                         sizes);
    if (kernel == "gated_delta_net_f32") {
      encoder.set_threadgroup_memory_length(0, (2 * (s.key_dim + s.value_dim) * 4 + 15) / 16 * 16);
      encoder.dispatch_threadgroups({s.heads, s.batches}, {s.value_dim});
    } else {
      const std::size_t cells = s.key_dim / 32;
      encoder.dispatch_threadgroups({s.value_dim / cells, s.heads, s.batches}, {32, cells});
    }
  }

  /// The whole sequence in pieces that end at `cuts`.
  DeltaOutputs in_pieces(const std::string& kernel, const DeltaShape& s, DeltaInputs& in,
                         const std::vector<std::size_t>& cuts) {
    Values g = in.log_decay;
    for (double& each : g) each = -each;
    const Buffer q = upload(DType::F32, in.q), k = upload(DType::F32, in.k), v = upload(DType::F32, in.v);
    const Buffer decay = upload(DType::F32, g), beta = upload(DType::F32, in.beta),
                 state = upload(DType::F32, in.state);
    for (std::size_t i = 0; i < g.size(); ++i) in.log_decay[i] = -g[i];
    const Buffer out = poisoned(DType::F32, s.values());
    std::size_t begin = 0;
    for (const std::size_t end : cuts) {
      recurrence(kernel, s, {&q, &k, &v, &decay, &beta, &state, &out}, begin, end);
      begin = end;
    }
    run();
    return {download(out), download(state)};
  }

  KernelRegistry registry_;
  Result<Device> device_ = Device::system_default();
  std::optional<CommandEncoder> encoder_;
  cases::Random random_{7};
};

const cases::Fill kStrong = cases::uniform(-2, -0.001), kWeak = cases::uniform(-0.05, -0.001);

/// Rounding to bf16 costs 5e-3 to 9e-3 of the largest value; with strong decay a prediction from the state before its
/// decay is wrong by more than 4e-2.
TEST_F(DeltaNet, ChunkPipelineIsTheRecurrence) {
  for (const DeltaShape& s : {DeltaShape{2, 192, 2, 4, 128, 128}, DeltaShape{1, 64, 1, 1, 128, 32},
                              DeltaShape{1, 100, 1, 3, 128, 64}, DeltaShape{2, 129, 2, 2, 64, 32}}) {
    for (const auto& [name, decay] : {std::pair{"strong", kStrong},
                                      {"weak", kWeak},
                                      {"none", cases::constant(0)},
                                      {"total", cases::constant(-30)}}) {
      DeltaInputs in = inputs(s, decay);
      const DeltaOutputs actual = pipeline(s, in, 1);
      const DeltaOutputs expected = cases::gated_delta_rule(s, in, KeyHeads::Blocks);
      EXPECT_LT(distance(actual.out, expected.out), 1.5e-2) << s.label() << ", decay " << name;
      EXPECT_LT(distance(actual.state, expected.state), 1.5e-2) << s.label() << ", decay " << name;
    }
  }
}

/// What the tolerance above is worth: the rule with a prediction from the state before its decay lies outside it.
TEST_F(DeltaNet, TheToleranceTellsAnUndecayedPrediction) {
  const DeltaShape s = {1, 128, 1, 2, 128, 32};
  DeltaInputs in = inputs(s, kStrong);
  const DeltaOutputs right = cases::gated_delta_rule(s, in, KeyHeads::Blocks);
  // beta (v - S k) with the old S is the rule with v lowered by (1 - decay) S k.
  DeltaInputs wrong = in;
  for (std::size_t t = 0; t < s.tokens; ++t) {
    DeltaShape before = s;
    before.tokens = t;
    const Values state = cases::gated_delta_rule(before, wrong, KeyHeads::Blocks).state;
    for (std::size_t h = 0; h < s.heads; ++h) {
      for (std::size_t y = 0; y < s.value_dim; ++y) {
        double prediction = 0;
        for (std::size_t x = 0; x < s.key_dim; ++x) {
          prediction += state[(h * s.value_dim + y) * s.key_dim + x] * in.k[t * s.key_dim + x];
        }
        const std::size_t at = t * s.heads + h;
        wrong.v[at * s.value_dim + y] -= (1 - std::exp(in.log_decay[at])) * prediction;
      }
    }
  }
  EXPECT_GT(distance(cases::gated_delta_rule(s, wrong, KeyHeads::Blocks).out, right.out), 3e-2);
}

/// `scale` multiplies the outputs and nothing else.
TEST_F(DeltaNet, ScaleIsTheOutputsAlone) {
  const DeltaShape s = {1, 128, 1, 2, 128, 32};
  DeltaInputs in = inputs(s, kStrong);
  const DeltaOutputs plain = pipeline(s, in, 1), scaled = pipeline(s, in, 0.25f);
  EXPECT_EQ(plain.state, scaled.state);
  Values quarter = plain.out;
  for (double& each : quarter) each /= 4;
  EXPECT_EQ(scaled.out, quarter);
}

/// Tokens that write nothing and forget nothing leave the state as it is: how a caller pads.
TEST_F(DeltaNet, PaddingKeepsTheState) {
  const DeltaShape s = {1, 100, 1, 2, 128, 32}, padded = {1, 128, 1, 2, 128, 32};
  DeltaInputs in = inputs(s, kStrong);
  DeltaInputs longer = in;
  for (Values* each : {&longer.q, &longer.k}) each->resize(padded.keys(), 0.5);
  longer.v.resize(padded.values(), 3);
  for (Values* each : {&longer.log_decay, &longer.beta}) each->resize(padded.gates(), 0);
  const DeltaOutputs plain = pipeline(s, in, 1), with_padding = pipeline(padded, longer, 1);
  EXPECT_LT(distance(with_padding.state, plain.state), 1e-6);
}

/// Any way to cut a sequence gives the same bits, the state carried in place.
TEST_F(DeltaNet, StepByStepIsTheWholeSequence) {
  for (const auto& [kernel, dim] : {std::pair<std::string, std::size_t>{"gated_delta_net_f32", 128},
                                    {"gated_delta_net_f32", 33},
                                    {"gated_delta_net_decode_f32_1", 32},
                                    {"gated_delta_net_decode_f32_2", 64},
                                    {"gated_delta_net_decode_f32_4", 128}}) {
    const DeltaShape s = {1, 12, 2, 4, dim, 32};
    DeltaInputs in = inputs(s, kStrong);
    const DeltaOutputs whole = in_pieces(kernel, s, in, {12});
    const DeltaOutputs expected = cases::gated_delta_rule(s, in, KeyHeads::Tiled);
    EXPECT_LT(distance(whole.out, expected.out), 1e-6) << kernel;
    EXPECT_LT(distance(whole.state, expected.state), 1e-6) << kernel;
    for (const std::vector<std::size_t>& cuts :
         {std::vector<std::size_t>{5, 12}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}}) {
      const DeltaOutputs pieces = in_pieces(kernel, s, in, cuts);
      EXPECT_EQ(pieces.out, whole.out) << kernel;
      EXPECT_EQ(pieces.state, whole.state) << kernel;
    }
  }
}

/// A prompt by chunks and then tokens one by one: both families share the state's layout. Heads equal key heads, where
/// both ways of sharing keys are the same.
TEST_F(DeltaNet, DecodingGoesOnFromThePipelinesState) {
  const DeltaShape prompt = {1, 100, 2, 2, 128, 32}, more = {1, 6, 2, 2, 128, 32};
  DeltaInputs first = inputs(prompt, kStrong), second = inputs(more, kStrong);
  second.state = pipeline(prompt, first, 1).state;
  const DeltaOutputs actual = in_pieces("gated_delta_net_decode_f32_4", more, second, {1, 2, 6});
  second.state = cases::gated_delta_rule(prompt, first, KeyHeads::Blocks).state;
  const DeltaOutputs expected = cases::gated_delta_rule(more, second, KeyHeads::Tiled);
  EXPECT_LT(distance(actual.out, expected.out), 1.5e-2);
  EXPECT_LT(distance(actual.state, expected.state), 1.5e-2);
}

/// Convolution of a sequence in pieces of every length, the state updated between them, in place where a piece allows
/// it.
TEST_F(DeltaNet, ConvolutionInPiecesIsTheWholeConvolution) {
  const std::size_t channels = 37, tokens = 23, width = 4;
  for (const auto& [type, name] : {std::pair{DType::F32, "f32"}, {DType::BF16, "bf16"}}) {
    const std::size_t row = channels * (type == DType::F32 ? 4 : 2);
    Values x = filled(tokens * channels, cases::normal()), w = filled(channels * width, cases::normal()),
           past = filled(channels * (width - 1), cases::normal());
    const Buffer input = upload(type, x), weight = upload(type, w);
    const auto convolve = [&](const std::vector<std::size_t>& cuts) {
      Buffer state = upload(type, past), other = poisoned(type, past.size());
      const Buffer out = poisoned(type, x.size());
      std::size_t begin = 0;
      for (const std::size_t end : cuts) {
        const std::size_t count = end - begin;
        const std::array sizes = {u32(channels), u32(count), 1u, u32(width)};
        bind(std::string("ssm_conv_forward_") + name, {{input, begin * row}, weight, state, {out, begin * row}}, sizes)
            .dispatch_threads({channels, count, 1}, {channels, 256 / channels, 1});
        const Buffer& next = count >= width - 1 ? state : other;
        bind(std::string("ssm_conv_state_update_") + name, {{input, begin * row}, state, next}, sizes)
            .dispatch_threads({width - 1, channels, 1}, {width - 1, channels, 1});
        if (&next == &other) std::swap(state, other);
        begin = end;
      }
      run();
      return std::pair{download(out, type), download(state, type)};
    };
    const auto whole = convolve({tokens});
    for (const std::vector<std::size_t>& cuts :
         {std::vector<std::size_t>{1, 3, 6, 10, 22, 23}, {2, 4, 5, 6, 7, 8, 23}}) {
      EXPECT_EQ(convolve(cuts), whole) << name;
    }
    const Values last(x.end() - static_cast<std::ptrdiff_t>((width - 1) * channels), x.end());
    for (std::size_t c = 0; c < channels; ++c) {
      for (std::size_t i = 0; i + 1 < width; ++i) {
        EXPECT_EQ(whole.second[c * (width - 1) + i], last[i * channels + c]);
      }
    }
  }
}

}  // namespace
