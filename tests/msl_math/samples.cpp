#include "samples.hpp"

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>

namespace msl_math {
namespace {

float from_bits(std::uint32_t bits) { return std::bit_cast<float>(bits); }
std::uint32_t bits_from(std::mt19937& random) { return static_cast<std::uint32_t>(random()); }

}  // namespace

std::vector<float> edges() {
  const float base[] = {0.0f,
                        1.0f,
                        2.0f,
                        3.0f,
                        0.5f,
                        0.25f,
                        0.75f,
                        1.5f,
                        10.0f,
                        100.0f,
                        0.55f,
                        0.625f,
                        0.70710677f,
                        1.41421354f,
                        0.34657359f,
                        0.69314718f,
                        2.71828175f,
                        3.14159274f,
                        1.57079637f,
                        0.785398163f,
                        6.28318548f,
                        88.722839f,
                        87.3365479f,
                        103.972084f,
                        89.4159851f,
                        128.0f,
                        126.0f,
                        149.0f,
                        150.0f,
                        38.5318375f,
                        44.8534698f,
                        9.01091385f,
                        10.0f,
                        131072.0f,
                        8388608.0f,
                        16777216.0f,
                        16777215.0f,
                        4194304.0f,
                        2147483648.0f,
                        0x1p28f,
                        0x1p30f,
                        0x1p-28f,
                        0x1p-126f,
                        0x1p-149f,
                        0x1.921fb4p+21f,
                        0x1.6ac5b2p+66f,
                        0x1.fffffep127f,
                        std::numeric_limits<float>::infinity(),
                        std::numeric_limits<float>::quiet_NaN()};
  std::vector<float> values;
  for (const float value : base) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    for (const std::uint32_t sign : {0u, 0x80000000u}) {
      values.push_back(from_bits(bits | sign));
      if (bits >= 0x7f800000u) continue;
      values.push_back(from_bits((bits + 1) | sign));
      if (bits != 0) values.push_back(from_bits((bits - 1) | sign));
    }
  }
  return values;
}

std::vector<float> samples() {
  std::mt19937 random(19);
  std::vector<float> values = edges();
  for (std::uint32_t high = 0; high < 512; ++high) {
    for (int i = 0; i < 48; ++i) values.push_back(from_bits((high << 23) | (bits_from(random) & 0x7fffffu)));
  }
  for (const float range : {1.0f, 10.0f, 100.0f}) {
    std::uniform_real_distribution<float> inside(-range, range);
    for (int i = 0; i < 8000; ++i) values.push_back(inside(random));
  }
  for (int i = 0; i < 4000; ++i) values.push_back(from_bits(0x3f800000u - 2000u + static_cast<std::uint32_t>(i)));
  return values;
}

Pairs pairs() {
  std::mt19937 random(20);
  Pairs result;
  const auto add = [&result](float x, float y) {
    result.x.push_back(x);
    result.y.push_back(y);
  };
  const std::vector<float> special = edges();
  for (const float x : special) {
    for (const float y : special) add(x, y);
  }
  const std::vector<float> usual = samples();
  for (const float x : usual) add(x, usual[random() % usual.size()]);
  std::uniform_real_distribution<float> near(0.9f, 1.1f), exponent(-152.0f, 130.0f), unit(0.0f, 4.0f);
  for (int i = 0; i < 20000; ++i) {
    const float x = from_bits(bits_from(random));
    add(x, x * near(random));
    const float base = i & 1 ? unit(random) : from_bits(bits_from(random) & 0x7fffffffu);
    const float logarithm = std::log2(base);
    if (std::isfinite(logarithm) && logarithm != 0) add(base, exponent(random) / logarithm);
    add(std::floor(unit(random) * 8) - 16.0f, std::floor(exponent(random) / 8));
  }
  return result;
}

}  // namespace msl_math
