#pragma once
/// \file
/// Arrays that live on the host and on the device.

#include <anymetal/device.hpp>
#include <cstdint>
#include <span>
#include <vector>

namespace anymetal::cli {

/// `count` values in [-1, 1), the same on every run.
inline std::vector<float> noise(std::size_t count, std::uint32_t state) {
  std::vector<float> values(count);
  for (float& value : values) {
    state = state * 1664525U + 1013904223U;
    value = static_cast<float>(state >> 8) * (1.0F / 8388608.0F) - 1.0F;
  }
  return values;
}

/// A new buffer with this content.
template <class T>
Result<Buffer> upload(Device& device, const std::vector<T>& values) {
  auto buffer = device.make_buffer(values.size() * sizeof(T));
  if (!buffer) return buffer;
  if (auto written = buffer->write(std::as_bytes(std::span(values))); !written) return std::unexpected(written.error());
  return buffer;
}

template <class T>
Result<std::vector<T>> download(const Buffer& buffer) {
  std::vector<T> values(buffer.size() / sizeof(T));
  if (auto done = buffer.read(std::as_writable_bytes(std::span(values))); !done) return std::unexpected(done.error());
  return values;
}

}  // namespace anymetal::cli
