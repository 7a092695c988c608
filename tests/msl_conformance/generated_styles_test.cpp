// Programs in the manner of code generators and translators, on every path, compared with plain loops.
#include <array>
#include <cmath>
#include <cstring>

#include "every_path.hpp"

namespace msl_conformance {
namespace {

class GeneratedStyles : public EveryPath {};
INSTANTIATE_TEST_SUITE_P(Paths, GeneratedStyles, testing::Values(Path::Vectors, Path::Threads), path_name);

struct Light {
  float position[3], radius, basis[3][3];
  std::uint8_t padding[12];
};

TEST_P(GeneratedStyles, ModuleVariables) {
  constexpr std::size_t kCount = 32;
  std::vector<Light> lights(kCount);
  for (std::size_t i = 0; i < kCount; ++i) {
    const auto n = static_cast<float>(i);
    lights[i] = {{n, 1 - n, 0.5f}, n * 1.5f - 20, {{1, 2, n}, {0, 1, 1}, {-1, n, 2}}, {}};
    std::ranges::fill(lights[i].padding, std::uint8_t{7});
  }
  const std::vector<Light> before = lights;
  std::vector<std::uint32_t> counts = {3, 0, 0, 0, 0}, sizes = {kCount * 64, 0, 0, 0, 0, 0, 0, 0};
  run("module_variables", "v_7", {2, 1, 1}, {16, 1, 1}, {}, lights, counts, sizes);
  for (std::size_t i = 0; i < kCount; ++i) {
    auto seed = static_cast<std::uint32_t>(i / 16 * 16 + (15 - i % 16));
    float other = 0;
    for (int k = 0; k < 4; ++k) {
      seed = seed * 1664525U + 1013904223U;
      other = static_cast<float>(seed >> 16) * 0.25f + static_cast<float>(seed & 255) * 0.5f;
    }
    const Light& b = before[i];
    for (std::size_t c = 0; c < 3; ++c) {
      float p = c == 0 ? other : 0;
      for (std::size_t k = 0; k < 3; ++k) p += b.basis[k][c] * b.position[k];
      EXPECT_EQ(lights[i].position[c], p) << i << ' ' << c;
      EXPECT_EQ(lights[i].basis[1][c], b.basis[2][2 - c]) << i << ' ' << c;
      EXPECT_EQ(lights[i].basis[2][c], b.basis[2][c]) << i << ' ' << c;
    }
    EXPECT_EQ(lights[i].radius, static_cast<float>(static_cast<int>(b.radius) % -3)) << i;
    EXPECT_EQ(lights[i].padding[5], 7) << i;
  }
  EXPECT_EQ(counts, (std::vector<std::uint32_t>{64, 16, 16, 0, 0}));
}

TEST_P(GeneratedStyles, ContextObjects) {
  struct Parameters {
    float frame[9];
    std::uint32_t count;
    float weights[4];
  };
  struct Material {
    float albedo[3], roughness;
    std::uint32_t kind;
  };
  std::vector<Parameters> parameters = {{{1, 0, 2, 0.5f, 1, 0, 0, -1, 1}, 32, {9, 3, 9, 9}}};
  std::vector<Material> materials(32);
  for (std::size_t i = 0; i < 32; ++i)
    materials[i] = {
        {1, static_cast<float>(i), 0.5f}, static_cast<float>(i % 3), static_cast<std::uint32_t>(i / 4 + 40)};
  std::vector<float> result(32, -1);
  run("context_objects", "computeMain", {1, 1, 1}, {32, 1, 1}, {}, parameters, materials, result);
  float sum = 0;
  for (std::size_t i = 0; i < 32; ++i) {
    const float down = 2 * static_cast<float>(i) + 2;  // the third row of the frame times (i, 1, 2)
    const Material& m = materials[i];
    sum += m.albedo[0] * down + m.albedo[1] * down * 3 * 0.5f + m.albedo[2] * down * 0.25f + m.roughness * 0.125f;
  }
  EXPECT_EQ(result[0], sum);
  for (std::size_t i = 1; i < 32; ++i) EXPECT_EQ(result[i], static_cast<float>(i / 4 + 40)) << i;
}

TEST_P(GeneratedStyles, ComponentRegisters) {
  struct alignas(16) Globals {
    float project[4][4];
    std::int32_t count;
    alignas(16) float origin[3];
    alignas(16) float scale[3][4];
    std::uint32_t extent[2];
  };
  static_assert(sizeof(Globals) == 160);
  Globals g{};
  for (std::size_t c = 0; c < 4; ++c)
    for (std::size_t r = 0; r < 4; ++r) g.project[c][r] = static_cast<float>(c * 3 % 4) - static_cast<float>(r % 3);
  g.origin[0] = 2, g.origin[1] = -4, g.origin[2] = 8, g.extent[0] = 50, g.extent[1] = 1;
  std::vector<Globals> globals = {g};
  std::vector<std::array<std::uint32_t, 5>> verts(64);
  for (std::size_t i = 0; i < verts.size(); ++i) {
    for (std::size_t c = 0; c < 4; ++c)
      verts[i][c] = std::bit_cast<std::uint32_t>(static_cast<float>(static_cast<int>((i * 7 + c * 5) % 9) - 4));
    verts[i][4] = static_cast<std::uint32_t>(i * 2654435769U);
  }
  std::vector<std::array<std::int32_t, 4>> out(64);
  std::vector<std::uint32_t> counter = {5};
  run("component_registers", "computeMain", {1, 1, 1}, {64, 1, 1}, {}, globals, verts, out, counter);
  struct Registers {
    float position[4], shared[3];
    std::uint32_t field[3], word;
    bool is_out;
  };
  std::vector<Registers> all(64);
  std::uint32_t counted = 5;
  for (std::size_t i = 0; i < all.size(); ++i) {
    Registers& r = all[i];
    float v[3];
    for (std::size_t c = 0; c < 3; ++c) v[c] = std::bit_cast<float>(verts[i][c]);
    for (std::size_t c = 0; c < 4; ++c)
      r.position[c] = g.project[0][c] * v[0] + g.project[1][c] * v[1] + g.project[2][c] * v[2] + g.project[3][c];
    r.is_out = r.position[0] < 0 || r.position[3] < 1;
    for (std::size_t c = 0; c < 3; ++c)
      r.shared[c] = (r.is_out ? r.position[c] : -std::bit_cast<float>(verts[i][c])) - g.origin[c];
    const std::uint32_t w = verts[i][4];
    r.field[0] = w & 15, r.field[1] = w >> 4 & 15, r.field[2] = w >> 8 & 255;
    r.word = r.is_out ? r.field[2] : 0;
    counted += r.field[0];
  }
  EXPECT_EQ(counter[0], counted);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Registers &r = all[i], &o = all[i ^ 3];
    const float z = o.shared[1] * 1.0f;
    const float x = o.shared[2] * 0.5f - z, y = o.shared[0] * 0.25f - z;
    EXPECT_EQ(out[i][0], std::bit_cast<std::int32_t>(x + (i < 50 ? r.position[0] : 0.0f))) << i;
    EXPECT_EQ(out[i][1], std::bit_cast<std::int32_t>(y)) << i;
    const auto bit = static_cast<std::int32_t>(i & 1);
    const auto table = static_cast<std::int32_t>((r.field[1] & 7) + (1U << (r.field[1] & 3)));
    EXPECT_EQ(out[i][2], bit + ~bit + static_cast<std::int32_t>(o.word) + table) << i;
    const std::uint64_t product = std::uint64_t{r.field[2]} * 0x10000001U;
    const auto both = static_cast<std::uint32_t>(product) + static_cast<std::uint32_t>(product >> 32);
    EXPECT_EQ(out[i][3], -1 + static_cast<std::int32_t>(both)) << i;
  }
}

TEST_P(GeneratedStyles, NumberedNamesMultiply) {
  std::vector<float> c(256, -1);
  std::vector<std::uint16_t> a(256), b(256);
  for (std::size_t i = 0; i < 256; ++i) {
    a[i] = half_bits(static_cast<float>(i * 7 % 9) - 4);
    b[i] = half_bits(static_cast<float>(i * 5 % 11) - 5);
  }
  run("numbered_names", "r_2_2_8_2_2_2", {2, 2, 1}, {32, 1, 1}, {}, c, a, b);
  for (std::size_t i = 0; i < 256; ++i) {
    float sum = 0;
    for (std::size_t k = 0; k < 16; ++k) sum += from_half_bits(a[i / 16 * 16 + k]) * from_half_bits(b[k * 16 + i % 16]);
    EXPECT_EQ(c[i], sum) << i;
  }
}

TEST_P(GeneratedStyles, NumberedNamesReduce) {
  std::vector<float> sums(4, -1);
  std::vector<std::uint16_t> a(960);
  std::vector<std::int32_t> b(960), start = {-10};
  for (std::size_t i = 0; i < 960; ++i) {
    a[i] = half_bits(static_cast<float>(i % 7) - 3);
    b[i] = static_cast<std::int32_t>(i * 3 % 8) - 2;
  }
  std::vector<std::uint8_t> is_positive(64, 9);
  run("numbered_names", "r_4_16_3_5", {4, 1, 1}, {16, 1, 1}, {}, sums, a, b, is_positive, start);
  for (std::size_t g = 0; g < 4; ++g) {
    float total = 0;
    for (std::size_t l = 0; l < 16; ++l) {
      float most = -INFINITY;
      for (std::size_t i = 0; i < 3; ++i) {
        for (std::size_t j = 0; j < 5; ++j) {
          const bool taken = l * 3 + i < 30 && g + j < 7 && j == 4;
          const std::size_t at = g * 240 + l * 15 + i * 5 + j;
          const float product = taken ? from_half_bits(a[at]) * static_cast<float>(b[at]) : 0.0f;
          total += product < 0 ? product * -0.5f : product;
          most = std::max(most, product);
        }
      }
      EXPECT_EQ(is_positive[g * 16 + l], most > 0 ? 1 : 0) << g << ' ' << l;
    }
    EXPECT_NEAR(sums[g], total / static_cast<float>(150 + (g != 0 ? 1 : 0)), 1e-5f) << g;
  }
}

TEST_P(GeneratedStyles, NumberedNamesElementwise) {
  constexpr std::size_t kThreads = 16;
  std::vector<std::uint8_t> bytes(kThreads * 4, 255), in(kThreads * 4), small(kThreads, 99);
  std::vector<float> x(kThreads * 4);
  std::vector<std::uint64_t> words(kThreads, 1);
  std::vector<std::uint16_t> twice(kThreads * 4);
  for (std::size_t i = 0; i < x.size(); ++i) {
    in[i] = static_cast<std::uint8_t>(i * 77 + 5);
    x[i] = 0.3f + 0.041f * static_cast<float>(i % 23);
    twice[i] = bfloat_bits(static_cast<float>(i) - 9);
  }
  run("numbered_names", "E_2_8_4", {2, 1, 1}, {8, 1, 1}, {}, bytes, x, in, words, small, twice);
  for (std::size_t t = 0; t < kThreads; ++t) {
    const float* v = &x[t * 4];
    EXPECT_NEAR(bytes[t * 4], std::floor(std::sin(v[0]) * 100), 1.0f) << t;
    EXPECT_NEAR(bytes[t * 4 + 1], std::floor(std::exp(v[1])), 1.0f) << t;
    EXPECT_NEAR(bytes[t * 4 + 2], v[2] < 1 ? 0.0f : std::floor(std::log2(v[2])), 1.0f) << t;
    EXPECT_NEAR(bytes[t * 4 + 3], std::floor(std::sqrt(v[3])), 1.0f) << t;
    const std::uint32_t word = std::uint32_t{in[t * 4]} << 24 | std::uint32_t{in[t * 4 + 1]} << 16 |
                               std::uint32_t{in[t * 4 + 2]} << 8 | in[t * 4 + 3];
    const std::uint64_t high = word * std::uint64_t{2654435769U} >> 32;
    EXPECT_EQ(words[t], high ^ (high << 33)) << t;
    const int hundred = static_cast<int>(std::sin(static_cast<double>(v[0] * 1.0000001f)) * 100) % 7 - 3;
    EXPECT_EQ(static_cast<std::int8_t>(small[t]), hundred) << t;
    EXPECT_EQ(from_bfloat_bits(twice[t * 4]), 2 * (static_cast<float>(t * 4) - 9)) << t;
    EXPECT_EQ(from_bfloat_bits(twice[t * 4 + 1]), static_cast<float>(t * 4 + 1) - 9) << t;
  }
}

TEST_P(GeneratedStyles, FieldLists) {
  constexpr std::size_t kCount = 64;
  std::vector<std::uint32_t> runtime(kCount + 2 * 7 + 1, 0), seeds(kCount);
  for (std::size_t i = 0; i < kCount; ++i) runtime[i] = seeds[i] = static_cast<std::uint32_t>(i * 91 + 3);
  std::vector<float> fields(2 * kCount, 1.5f);
  std::vector<std::int32_t> context = {std::bit_cast<std::int32_t>(5.5f), 11, 0, -3, 0, 0, 0, 0, 0, 0};
  for (std::size_t i = 0; i < kCount; ++i) fields[2 * i] = static_cast<float>(i % 13);
  const std::vector<float> before = fields;
  run("field_lists", "task_0003", {1, 1, 1}, {16, 1, 1}, {}, runtime, fields, context);
  std::uint32_t appended = 0;
  for (std::size_t i = 0; i < kCount; ++i) {
    // 16 threads take every sixteenth element each, with the random numbers of their own.
    const std::size_t thread = i % 16;
    const std::uint32_t next = seeds[thread] * 1103515245U + 12345U;
    seeds[thread] = next;
    const auto random = static_cast<float>(next * 1000000007U >> 30);
    EXPECT_EQ(fields[2 * i + 1], random * -3 + 11) << i;
    const auto third = std::floor((static_cast<double>(i) - 10) / 4);
    float value = before[2 * i] + static_cast<float>(third * third * third) + 5.5f;
    if (!(before[2 * i] < 7)) {
      const auto bits = std::bit_cast<std::uint32_t>(value) >> 21 & 31U;
      value += static_cast<float>(static_cast<std::int32_t>(bits ^ 16U) - 16);
    }
    EXPECT_EQ(fields[2 * i], value) << i;
    if (i % 2 == 0) appended += static_cast<std::uint32_t>(i) + 1;
  }
  for (std::size_t i = 0; i < kCount; ++i) EXPECT_EQ(runtime[i], seeds[i]) << i;
  EXPECT_EQ(runtime[kCount + 7 + 2], kCount);
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < 4; ++i) sum += runtime[kCount + 7 + 3 + i];
  EXPECT_EQ(sum, appended);
}

}  // namespace
}  // namespace msl_conformance
