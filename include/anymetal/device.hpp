#pragma once
/// \file
/// Devices, buffers and command encoders.

#include <anymetal/error.hpp>
#include <anymetal/pipeline.hpp>
#include <anymetal/size.hpp>
#include <anymetal/submission.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace anymetal {

namespace device {
class Backend;
class Memory;
}  // namespace device
namespace detail {
struct BufferState;
}

/// What `Device::list()` says of one device.
struct DeviceInfo {
  std::string id;               ///< what `Device::open` takes: "cpu", "cuda:0"
  std::string name;             ///< e.g. the processor's model name
  std::string architecture;     ///< e.g. "x86_64 znver3 (avx2, fma)" or "sm_90"
  std::size_t memory_bytes = 0;
  unsigned compute_units = 0;   ///< CPU threads used, or multiprocessors
  bool has_tensor = false;      ///< runs kernels named `_tensor_`
  bool usable = true;
  std::string unusable_reason;  ///< what to do about it; empty if usable
};

/// Device memory. Thread contract: a shared handle, cheap to copy; concurrent access to one range is the caller's affair.
class Buffer {
 public:
  Buffer() = default;
  [[nodiscard]] std::size_t size() const;
  /// Copies into the buffer, after all committed work that uses it; InvalidArgument where `offset + bytes.size()` exceeds
  /// `size()`. `bytes` are taken over when it returns; the copy may still be under way, and later work waits for it.
  Result<void> write(std::span<const std::byte> bytes, std::size_t offset = 0);
  /// Copies out of the buffer, after all committed work that writes it; InvalidArgument past the end.
  Result<void> read(std::span<std::byte> bytes, std::size_t offset = 0) const;
  /// Starts such a copy: `bytes` must live until the submission has been waited for, and holds the content then.
  Result<Submission> read_async(std::span<std::byte> bytes, std::size_t offset = 0) const;
  /// Host pointer where memory is shared (CPU, Apple), else nullptr.
  [[nodiscard]] std::byte* contents();
  [[nodiscard]] const std::byte* contents() const;
  [[nodiscard]] explicit operator bool() const { return state_ != nullptr; }

  explicit Buffer(std::shared_ptr<const detail::BufferState> state) : state_(std::move(state)) {}  ///< library internals
  [[nodiscard]] const std::shared_ptr<const detail::BufferState>& state() const { return state_; }  ///< library internals

 private:
  std::shared_ptr<const detail::BufferState> state_;
};

class CommandEncoder;

/// Thread contract: cheap to copy, safe from any thread.
class Device {
 public:
  /// Best device; `ANYMETAL_DEVICE=cpu|cuda|cuda:1|metal` overrides.
  static Result<Device> system_default();
  /// "cpu", "cuda:0" (or "cuda"), "metal". DeviceNotFound says why and what to do.
  static Result<Device> open(std::string_view id);
  /// Every device anymetal knows of here, unusable ones with their reason.
  static std::vector<DeviceInfo> list();

  [[nodiscard]] std::string_view name() const;
  [[nodiscard]] const DeviceInfo& info() const;
  /// Whether kernels named `_tensor_` run: where there is matrix hardware, and on the CPU, which does the same in vector units.
  [[nodiscard]] bool has_tensor() const;
  /// Zero-filled memory; size 0 is legal and gives an empty buffer.
  [[nodiscard]] Result<Buffer> make_buffer(std::size_t bytes);
  /// A buffer over the caller's memory without a copy where the device shares memory (CPU), a copy elsewhere.
  /// `owner` keeps `bytes` alive. The buffer is read-only: binding it to an argument a kernel may write is an error.
  [[nodiscard]] Result<Buffer> wrap_buffer(std::span<const std::byte> bytes, std::shared_ptr<const void> owner);
  [[nodiscard]] Result<CommandEncoder> make_command_encoder();

  explicit Device(std::shared_ptr<device::Backend> backend);
  [[nodiscard]] const std::shared_ptr<device::Backend>& backend() const { return backend_; }  ///< library internals

 private:
  std::shared_ptr<device::Backend> backend_;
};

}  // namespace anymetal
