#pragma once
/// \file
/// Kernels as users write them for a GPU, each beside the loop that a C++ programmer writes for the same.

#include <anymetal/anymetal.hpp>
#include <cstdint>
#include <cstring>
#include <functional>
#include <random>
#include <string>
#include <vector>

namespace anymetal::bench {

/// How an output is compared with the loop's: bit for bit, or as floats.
enum class Compare : std::uint8_t { Bytes, Floats };

/// What a buffer holds before the kernel runs.
struct Array {
  std::vector<std::byte> bytes;
  Compare compare = Compare::Bytes;
  bool is_output = false;
};

template <class T>
Array input(const std::vector<T>& values) {
  Array array;
  array.bytes.resize(values.size() * sizeof(T));
  std::memcpy(array.bytes.data(), values.data(), array.bytes.size());
  return array;
}

/// A parameter of a `constant T&`.
template <class T>
Array parameter(T value) {
  return input(std::vector<T>{value});
}

/// `count` zeros that the kernel writes.
template <class T>
Array output(std::size_t count, Compare compare = std::is_same_v<T, float> ? Compare::Floats : Compare::Bytes) {
  return {std::vector<std::byte>(count * sizeof(T)), compare, true};
}

/// Buffers by index. A view.
class Buffers {
 public:
  explicit Buffers(std::vector<std::byte*> buffers) : buffers_(std::move(buffers)) {}
  template <class T>
  [[nodiscard]] T* at(std::size_t index) const {
    return reinterpret_cast<T*>(buffers_[index]);
  }
  template <class T>
  [[nodiscard]] T value(std::size_t index) const {
    return *at<T>(index);
  }

 private:
  std::vector<std::byte*> buffers_;
};

struct UserKernel {
  std::string name;           ///< of the kernel in `source`
  std::string source;         ///< MSL, after `#include <metal_stdlib>` and `using namespace metal;`
  std::vector<Array> arrays;  ///< by buffer index
  Size threads, group;        ///< of the grid and of a threadgroup
  std::function<void(const Buffers&)> loop;
  double tolerance = 1e-5;  ///< of floats, relative to the larger of 1 and the loop's value
  std::size_t strays = 0;   ///< bytes that may differ: where rounding decides how often a loop runs
};

/// Everything in this folder.
std::vector<UserKernel> all_user_kernels();

using UserKernels = std::vector<UserKernel>;
UserKernels search_kernels();
UserKernels sort_kernels();
UserKernels iteration_kernels();
UserKernels stencil_kernels();
UserKernels reduction_kernels();
UserKernels threadgroup_kernels();
UserKernels product_kernels();
UserKernels sparse_kernels();
UserKernels hash_kernels();
UserKernels image_kernels();

/// `count` floats of [low, high), the same in every run.
inline std::vector<float> random_floats(std::size_t count, float low = -1, float high = 1, unsigned seed = 1) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> values(low, high);
  std::vector<float> result(count);
  for (auto& value : result) value = values(random);
  return result;
}

/// `count` numbers below `bound`, the same in every run.
template <class T = std::uint32_t>
std::vector<T> random_numbers(std::size_t count, std::uint32_t bound, unsigned seed = 1) {
  std::mt19937 random(seed);
  std::vector<T> result(count);
  for (auto& value : result) value = static_cast<T>(random() % bound);
  return result;
}

}  // namespace anymetal::bench
