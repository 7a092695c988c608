#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>

#include "demo/arrays.hpp"
#include "demo/case.hpp"

namespace anymetal::cli {

namespace {

constexpr double kGiga = 1e9;

/// Largest |actual[i] - expected(i)|; NaN counts as infinitely wrong.
template <class T, class Expected>
Result<double> largest_error(const Buffer& buffer, Expected expected) {
  const auto actual = download<T>(buffer);
  if (!actual) return std::unexpected(actual.error());
  double largest = 0;
  for (std::size_t i = 0; i < actual->size(); ++i) {
    const double error = std::abs(static_cast<double>((*actual)[i]) - expected(i));
    largest = std::isnan(error) ? INFINITY : std::max(largest, error);
  }
  return largest;
}

/// First failure among results of which only the errors matter.
template <class... T>
Result<void> all(const Result<T>&... results) {
  Result<void> first;
  ((first && !results ? void(first = std::unexpected(results.error())) : void()), ...);
  return first;
}

Result<DemoRun> prepare_add(Device& device) {
  constexpr std::size_t kCount = (std::size_t{1} << 23) + 5;
  const auto a = noise(kCount, 1);
  const auto b = noise(kCount, 2);
  const auto in_a = upload(device, a);
  const auto in_b = upload(device, b);
  const auto out = device.make_buffer(kCount * sizeof(float));
  if (auto ok = all(in_a, in_b, out); !ok) return std::unexpected(ok.error());
  return DemoRun{[=](CommandEncoder& encoder) {
                   encoder.set_buffer(0, *in_a);
                   encoder.set_buffer(1, *in_b);
                   encoder.set_buffer(2, *out);
                   encoder.dispatch_threads({kCount}, {256});
                 },
                 [=] { return largest_error<float>(*out, [&](std::size_t i) { return double(a[i]) + b[i]; }); },
                 3 * kCount * sizeof(float) / kGiga, "GB"};
}

Result<DemoRun> prepare_row_norm(Device& device) {
  struct Params {
    std::uint32_t columns;
    float epsilon;
  };
  constexpr std::size_t kRows = 2048;
  constexpr std::size_t kColumns = 2047;
  const auto x = noise(kRows * kColumns, 3);
  const auto in = upload(device, x);
  const auto out = device.make_buffer(x.size() * sizeof(float));
  if (auto ok = all(in, out); !ok) return std::unexpected(ok.error());
  const auto expected = [x](std::size_t i) {
    static thread_local std::size_t row = SIZE_MAX;
    static thread_local double scale = 0;
    if (i / kColumns != row) {
      row = i / kColumns;
      double sum = 0;
      for (std::size_t c = 0; c < kColumns; ++c) sum += double(x[row * kColumns + c]) * x[row * kColumns + c];
      scale = 1 / std::sqrt(sum / kColumns + 1e-6);
    }
    return x[i] * scale;
  };
  return DemoRun{[=](CommandEncoder& encoder) {
                   encoder.set_buffer(0, *in);
                   encoder.set_buffer(1, *out);
                   encoder.set_value(2, Params{kColumns, 1e-6F});
                   encoder.dispatch_threadgroups({kRows}, {256});
                 },
                 [=] { return largest_error<float>(*out, expected); }, 2 * double(x.size()) * sizeof(float) / kGiga,
                 "GB"};
}

Result<DemoRun> prepare_histogram(Device& device) {
  constexpr std::size_t kCount = 1000003;
  std::vector<std::uint8_t> bytes(kCount);
  std::array<std::uint32_t, 256> counts{};
  const auto values = noise(kCount, 4);
  for (std::size_t i = 0; i < kCount; ++i) {
    bytes[i] = static_cast<std::uint8_t>(128 + 127 * values[i] * values[i] * values[i]);
    ++counts[bytes[i]];
  }
  const auto in = upload(device, bytes);
  const auto out = device.make_buffer(sizeof counts);
  if (auto ok = all(in, out); !ok) return std::unexpected(ok.error());
  return DemoRun{[=](CommandEncoder& encoder) {
                   encoder.set_buffer(0, *in);
                   encoder.set_buffer(1, *out);
                   encoder.set_value(2, static_cast<std::uint32_t>(kCount));
                   encoder.dispatch_threadgroups({64}, {256});
                 },
                 [=] { return largest_error<std::uint32_t>(*out, [&](std::size_t i) { return double(counts[i]); }); },
                 kCount / kGiga, "GB"};
}

Result<DemoRun> prepare_polynomial(Device& device) {
  constexpr std::size_t kCount = (std::size_t{1} << 21) + 3;
  constexpr std::size_t kDegree = 12;
  const auto x = noise(kCount, 5);
  const auto c = noise(kDegree + 1, 6);
  const auto in = upload(device, x);
  const auto coefficients = upload(device, c);
  const auto out = device.make_buffer(kCount * sizeof(float));
  if (auto ok = all(in, coefficients, out); !ok) return std::unexpected(ok.error());
  const auto expected = [=](std::size_t i) {
    double value = c[kDegree];
    for (std::size_t k = kDegree; k-- > 0;) value = value * x[i] + c[k];
    return value;
  };
  return DemoRun{[=](CommandEncoder& encoder) {
                   encoder.set_buffer(0, *in);
                   encoder.set_buffer(1, *coefficients);
                   encoder.set_buffer(2, *out);
                   encoder.dispatch_threads({kCount}, {256});
                 },
                 [=] { return largest_error<float>(*out, expected); }, 2.0 * kDegree * kCount / kGiga, "GFLOP"};
}

Result<DemoRun> prepare_matmul(Device& device) {
  constexpr std::size_t kSize = 256;
  const auto a = noise(kSize * kSize, 7);
  const auto b = noise(kSize * kSize, 8);
  const auto in_a = upload(device, a);
  const auto in_b = upload(device, b);
  const auto out = device.make_buffer(a.size() * sizeof(float));
  if (auto ok = all(in_a, in_b, out); !ok) return std::unexpected(ok.error());
  const auto expected = [=](std::size_t i) {
    double sum = 0;
    for (std::size_t k = 0; k < kSize; ++k) sum += double(a[i / kSize * kSize + k]) * b[k * kSize + i % kSize];
    return sum;
  };
  return DemoRun{[=](CommandEncoder& encoder) {
                   encoder.set_buffer(0, *in_a);
                   encoder.set_buffer(1, *in_b);
                   encoder.set_buffer(2, *out);
                   encoder.set_value(3, static_cast<std::uint32_t>(kSize));
                   encoder.dispatch_threadgroups({kSize / 32, kSize / 8}, {32});
                 },
                 [=] { return largest_error<float>(*out, expected); }, 2.0 * kSize * kSize * kSize / kGiga, "GFLOP"};
}

}  // namespace

std::span<const DemoCase> demo_cases() {
  static const std::array cases{
      DemoCase{"add", "one thread an element, clipped edge", {}, 0, prepare_add},
      DemoCase{
          "polynomial", "a function constant unrolls the loop", {{0U, std::int32_t{12}}}, 1e-4, prepare_polynomial},
      DemoCase{"row_norm", "simd_sum, threadgroup memory, barrier", {}, 1e-4, prepare_row_norm},
      DemoCase{"histogram", "atomics in threadgroup and device memory", {}, 0, prepare_histogram},
      DemoCase{"matmul", "8x8 simdgroup matrices", {}, 1e-3, prepare_matmul},
  };
  return cases;
}

}  // namespace anymetal::cli
