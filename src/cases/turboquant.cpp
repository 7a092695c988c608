#include "cases/turboquant.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <span>

#include "cases/attention_reference.hpp"

namespace anymetal::cases {
namespace {

using Values = std::vector<double>;

// clang-format off
constexpr std::array<unsigned char, 64> kSigns = {
  0xa7, 0x3b, 0x91, 0xf4, 0x6d, 0xc2, 0x58, 0x0e, 0xb3, 0x7f, 0x24, 0xd6, 0x89, 0x45, 0xea, 0x1c,
  0x63, 0xaf, 0xd8, 0x52, 0x97, 0x0b, 0xe1, 0x3d, 0x76, 0xc4, 0x19, 0xfe, 0x4a, 0x85, 0x2c, 0xdb,
  0xd3, 0x4e, 0xa8, 0x17, 0x9c, 0x5b, 0xe6, 0x31, 0x72, 0xb9, 0x0d, 0xf5, 0x43, 0x8a, 0x6e, 0xc7,
  0x58, 0x2f, 0x94, 0xe1, 0xb6, 0x3d, 0x0a, 0x7c, 0xc5, 0x61, 0xd8, 0x4f, 0xa3, 0x97, 0x1e, 0x85};
constexpr std::array<double, 8> kUpper4 = {
  0.128395, 0.3880483, 0.6567591, 0.9423405, 1.2562312, 1.6180464, 2.0690172, 2.7325896};
constexpr std::array<double, 16> kUpper5 = {
  0.0658849, 0.1980377, 0.331355, 0.4666676, 0.6048936, 0.7470884, 0.8945114, 1.0487242, 1.211741, 1.3862739,
  1.5761599, 1.7871646, 2.0286608, 2.3176743, 2.6910589, 3.260679};
constexpr std::array<double, 32> kUpper6 = {
  0.0311537, 0.0935225, 0.1560761, 0.2189392, 0.2822386, 0.3461048, 0.4106724, 0.4760822, 0.5424819, 0.6100285,
  0.6788902, 0.7492492, 0.8213046, 0.8952766, 0.9714118, 1.0499889, 1.1313277, 1.2157998, 1.3038428, 1.3959804,
  1.4928497, 1.5952401, 1.7041502, 1.8208742, 1.9471373, 2.0853192, 2.2388464, 2.4129324, 2.6161277, 2.8640626,
  3.1907215, 3.6996161};
constexpr std::array<double, 128> kUpper8 = {
  0.0135717, 0.0407151, 0.0678584, 0.0950019, 0.1221453, 0.1492888, 0.1764324, 0.2035761, 0.2307198, 0.2578636,
  0.2850076, 0.3121517, 0.339296, 0.3664405, 0.3935852, 0.4207301, 0.4478753, 0.4750208, 0.5021667, 0.5293129,
  0.5564596, 0.5836067, 0.6107544, 0.6379027, 0.6650517, 0.6922014, 0.719352, 0.7465035, 0.7736561, 0.8008098,
  0.8279648, 0.8551212, 0.8822793, 0.909439, 0.9366008, 0.9637647, 0.990931, 1.0180999, 1.0452718, 1.0724469,
  1.0996255, 1.1268081, 1.1539951, 1.1811868, 1.2083838, 1.2355865, 1.2627956, 1.2900118, 1.3172356, 1.3444678,
  1.3717093, 1.398961, 1.4262237, 1.4534986, 1.4807869, 1.5080897, 1.5354084, 1.5627445, 1.5900996, 1.6174755,
  1.6448739, 1.672297, 1.6997469, 1.7272261, 1.7547372, 1.7822828, 1.8098662, 1.8374904, 1.8651592, 1.8928763,
  1.9206458, 1.9484722, 1.9763603, 2.0043154, 2.032343, 2.0604493, 2.0886408, 2.1169245, 2.1453081, 2.1737998,
  2.2024086, 2.231144, 2.2600165, 2.2890372, 2.3182184, 2.3475732, 2.3771157, 2.4068614, 2.436827, 2.4670306,
  2.4974918, 2.5282321, 2.5592748, 2.5906452, 2.622371, 2.6544825, 2.6870129, 2.7199985, 2.7534795, 2.7874999,
  2.8221086, 2.8573596, 2.8933131, 2.9300362, 2.967604, 3.0061011, 3.0456229, 3.086278, 3.1281899, 3.1715011,
  3.2163758, 3.2630056, 3.3116156, 3.3624729, 3.4158977, 3.4722785, 3.5320936, 3.5959415, 3.6645851, 3.7390194,
  3.820578, 3.9111092, 4.0132856, 4.1311907, 4.2715508, 4.4467193, 4.6836997, 5.0652659};
// clang-format on

std::span<const double> upper(std::size_t bits) {
  if (bits == 4) return kUpper4;
  if (bits == 5) return kUpper5;
  if (bits == 6) return kUpper6;
  return kUpper8;
}

}  // namespace

double turbo_sign(std::size_t j) { return (kSigns[j / 8] >> (j % 8) & 1) != 0 ? -1.0 : 1.0; }

Values hadamard(std::span<const double> x) {
  const std::size_t n = x.size();
  Values y(n);
  for (std::size_t k = 0; k < n; ++k) {
    for (std::size_t j = 0; j < n; ++j) y[k] += std::popcount(k & j) % 2 != 0 ? -x[j] : x[j];
    y[k] /= std::sqrt(static_cast<double>(n));
  }
  return y;
}

Values turbo_rotate(std::span<const double> x) {
  Values signed_x(x.begin(), x.end());
  for (std::size_t j = 0; j < x.size(); ++j) signed_x[j] *= turbo_sign(j);
  return hadamard(signed_x);
}

Values turbo_unrotate(std::span<const double> y) {
  Values x = hadamard(y);
  for (std::size_t j = 0; j < x.size(); ++j) x[j] *= turbo_sign(j);
  return x;
}

double turbo_centroid(std::size_t code, std::size_t bits) {
  const std::size_t half = std::size_t{1} << (bits - 1), index = code % (2 * half);
  return index >= half ? upper(bits)[index - half] : -upper(bits)[half - 1 - index];
}

TurboHead turbo_encode(std::span<const double> x, std::size_t bits, double scale) {
  const Values y = turbo_rotate(x);
  TurboHead head;
  for (std::size_t first = 0; first < y.size(); first += kTurboBlock) {
    double squares = 0;
    for (std::size_t j = 0; j < kTurboBlock; ++j) squares += y[first + j] * y[first + j];
    const bool one_block = y.size() == kTurboBlock;
    const double norm = std::sqrt(one_block ? squares : squares / kTurboBlock);
    head.norms.push_back(norm);
    for (std::size_t j = 0; j < kTurboBlock; ++j) {
      head.scaled.push_back(norm <= 1e-10 ? 0.0 : y[first + j] * ((one_block ? 16.0 : scale) / norm));
    }
  }
  for (const double v : head.scaled) {
    std::size_t code = 0;
    double distance = kInfinity;
    for (std::size_t i = 1; i < std::size_t{1} << bits; ++i) {
      const double boundary = (turbo_centroid(i - 1, bits) + turbo_centroid(i, bits)) / 2;
      if (v > boundary) code = i;
      distance = std::min(distance, std::fabs(v - boundary));
    }
    head.codes.push_back(static_cast<double>(code));
    head.distances.push_back(distance);
  }
  return head;
}

Values turbo_decode(std::span<const double> codes, std::span<const double> norms, std::size_t bits, double scale) {
  const std::size_t n = codes.size();
  Values y(n);
  for (std::size_t j = 0; j < n; ++j) {
    const double centroid = turbo_centroid(static_cast<std::size_t>(codes[j]), bits);
    y[j] = n <= kTurboBlock ? centroid * norms[0] / std::sqrt(static_cast<double>(n))
                            : centroid * norms[std::min(j / kTurboBlock, norms.size() - 1)] / scale;
  }
  return y;
}

}  // namespace anymetal::cases
