#include "device/cpu/host_memory.hpp"

#include <fmt/format.h>

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>
#include <limits>
#include <utility>

namespace anymetal::device::cpu {
namespace {

/// From this size on memory is mapped, below it comes from the heap.
constexpr std::size_t kMappedSize = std::size_t{1} << 20;
constexpr std::size_t kAlignment = 256;

class HostMemory final : public Memory {
 public:
  enum class Kind : std::uint8_t { Heap, Mapped, Wrapped };
  HostMemory(Kind kind, std::byte* data, std::size_t size, std::shared_ptr<const void> owner)
      : kind_(kind), data_(data), size_(size), owner_(std::move(owner)) {}
  ~HostMemory() override {
    if (kind_ == Kind::Heap) std::free(data_);
    if (kind_ == Kind::Mapped) munmap(data_, size_);
  }
  HostMemory(const HostMemory&) = delete;
  HostMemory& operator=(const HostMemory&) = delete;

  [[nodiscard]] std::size_t size() const override { return size_; }
  [[nodiscard]] std::byte* contents() override { return data_; }
  Result<void> write(std::span<const std::byte> bytes, std::size_t offset) override {
    if (auto checked = check("write", bytes.size(), offset); !checked) return checked;
    if (kind_ == Kind::Wrapped) return fail(ErrorCode::InvalidArgument, "a buffer over the caller's memory is read-only");
    if (!bytes.empty()) std::memcpy(data_ + offset, bytes.data(), bytes.size());
    return {};
  }
  Result<void> read(std::span<std::byte> bytes, std::size_t offset) const override {
    if (auto checked = check("read", bytes.size(), offset); !checked) return checked;
    if (!bytes.empty()) std::memcpy(bytes.data(), data_ + offset, bytes.size());
    return {};
  }

 private:
  [[nodiscard]] Result<void> check(const char* what, std::size_t bytes, std::size_t offset) const {
    if (offset <= size_ && bytes <= size_ - offset) return {};
    return fail(ErrorCode::InvalidArgument,
                fmt::format("cannot {} {} bytes at offset {}: the buffer has {} bytes", what, bytes, offset, size_));
  }

  Kind kind_;
  std::byte* data_;
  std::size_t size_;
  std::shared_ptr<const void> owner_;
};

std::unexpected<Error> out_of_memory(std::size_t bytes) {
  return fail(ErrorCode::OutOfMemory, fmt::format("the system has no {} bytes of memory left", bytes));
}

}  // namespace

Result<std::shared_ptr<Memory>> allocate_host_memory(std::size_t bytes) {
  if (bytes >= kMappedSize) {
    void* data = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (data == MAP_FAILED) return out_of_memory(bytes);
    madvise(data, bytes, MADV_HUGEPAGE);
    return std::make_shared<HostMemory>(HostMemory::Kind::Mapped, static_cast<std::byte*>(data), bytes, nullptr);
  }
  const auto rounded = (bytes + kAlignment) / kAlignment * kAlignment;
  void* data = std::aligned_alloc(kAlignment, rounded);
  if (!data) return out_of_memory(bytes);
  std::memset(data, 0, rounded);
  return std::make_shared<HostMemory>(HostMemory::Kind::Heap, static_cast<std::byte*>(data), bytes, nullptr);
}

std::shared_ptr<Memory> wrap_host_memory(std::span<const std::byte> bytes, std::shared_ptr<const void> owner) {
  // Kernels may only read it, as the public interface says; the pointer type is shared with writable memory.
  auto* data = const_cast<std::byte*>(bytes.data());  // NOLINT(cppcoreguidelines-pro-type-const-cast)
  return std::make_shared<HostMemory>(HostMemory::Kind::Wrapped, data, bytes.size(), std::move(owner));
}

}  // namespace anymetal::device::cpu
