#include "model/dequantise.hpp"

#include <cstdint>
#include <cstring>

namespace anymetal::test {

namespace {

using model::TensorType;

template <class T>
T load(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

float load_half(const std::byte* at) { return static_cast<float>(load<_Float16>(at)); }
int load_u8(const std::byte* at) { return static_cast<int>(load<std::uint8_t>(at)); }
int load_i8(const std::byte* at) { return static_cast<int>(load<std::int8_t>(at)); }

/// half d; int8 q[32]: x = d q.
void q8_0(const std::byte* b, float* x) {
  const float d = load_half(b);
  for (int i = 0; i < 32; ++i) x[i] = d * static_cast<float>(load_i8(b + 2 + i));
}

/// half d; 32 fifth bits; 32 nibbles, element i and i+16 in one byte: x = d (q - 16).
void q5_0(const std::byte* b, float* x) {
  const float d = load_half(b);
  const auto high = load<std::uint32_t>(b + 2);
  for (int i = 0; i < 32; ++i) {
    const int byte = load_u8(b + 6 + i % 16);
    const int low = i < 16 ? byte & 15 : byte >> 4;
    const int fifth = static_cast<int>(high >> i & 1U) << 4;
    x[i] = d * static_cast<float>((low | fifth) - 16);
  }
}

/// half d, m; 8 six-bit scales and 8 six-bit minima in 12 bytes; 256 nibbles: x = d scale q - m minimum.
void q4_k(const std::byte* b, float* x) {
  const float d = load_half(b);
  const float m = load_half(b + 2);
  const auto packed = [b](int i) { return load_u8(b + 4 + i); };
  for (int i = 0; i < 256; ++i) {
    const int sub = i / 32;
    const int scale = sub < 4 ? packed(sub) & 63 : (packed(sub + 4) & 15) | (packed(sub - 4) >> 6 << 4);
    const int minimum = sub < 4 ? packed(sub + 4) & 63 : packed(sub + 4) >> 4 | (packed(sub) >> 6 << 4);
    const int byte = load_u8(b + 16 + sub / 2 * 32 + i % 32);
    const int q = sub % 2 == 0 ? byte & 15 : byte >> 4;
    x[i] = d * static_cast<float>(scale) * static_cast<float>(q) - m * static_cast<float>(minimum);
  }
}

/// 256 low nibbles, 256 high bit pairs, 16 int8 scales, half d; halves of 128 elements in quarters of 32:
/// x = d scale (q - 32).
void q6_k(const std::byte* b, float* x) {
  const float d = load_half(b + 208);
  for (int i = 0; i < 256; ++i) {
    const int half = i / 128;
    const int quarter = i % 128 / 32;
    const int at = i % 32;
    const int low_byte = load_u8(b + half * 64 + quarter % 2 * 32 + at);
    const int low = quarter < 2 ? low_byte & 15 : low_byte >> 4;
    const int high = load_u8(b + 128 + half * 32 + at) >> (2 * quarter) & 3;
    const int scale = load_i8(b + 192 + i / 16);
    x[i] = d * static_cast<float>(scale) * static_cast<float>((low | high << 4) - 32);
  }
}

void f32(const std::byte* b, float* x) { *x = load<float>(b); }
void f16(const std::byte* b, float* x) { *x = load_half(b); }

using Decoder = void (*)(const std::byte*, float*);

Decoder decoder(TensorType type) {
  switch (type) {
    case TensorType::F32:
      return f32;
    case TensorType::F16:
      return f16;
    case TensorType::Q5_0:
      return q5_0;
    case TensorType::Q8_0:
      return q8_0;
    case TensorType::Q4_K:
      return q4_k;
    case TensorType::Q6_K:
      return q6_k;
    default:
      return nullptr;
  }
}

}  // namespace

bool can_dequantise(TensorType type) { return decoder(type) != nullptr; }

void dequantise(TensorType type, std::span<const std::byte> bytes, std::span<float> row) {
  const auto format = model::traits(type);
  const auto decode = decoder(type);
  for (std::size_t block = 0; block < row.size() / format.block_elements; ++block) {
    decode(bytes.data() + block * format.block_bytes, row.data() + block * format.block_elements);
  }
}

}  // namespace anymetal::test
