#pragma once
/// \file
/// The buffers of one dispatch, which notice where the kernel runs past them.

#include <anymetal/anymetal.hpp>
#include <optional>
#include <span>
#include <vector>

#include "cases/guarded_buffer.hpp"
#include "parts/specs.hpp"

namespace anymetal::cli {

/// A kernel's `--buffer` and, on the CPU device, `--bytes` arguments. On the CPU device each ends at an inaccessible
/// page and begins behind one, elsewhere it stands between bytes that must not change. Seen is therefore on the CPU
/// device every access from the end on, rounded up to 16 bytes, and to 1 GiB of it, and every write between the end and
/// there; on other devices what is written within 256 bytes. Lives as long as the specs.
class GuardedBindings {
 public:
  /// InvalidBinding where an offset lies behind its buffer, or a `constant T&` is given less than a T.
  static Result<GuardedBindings> make(const Device& device, const ComputePipeline& pipeline,
                                      std::span<const BufferSpec> buffers, std::span<const BytesSpec> bytes);
  void bind(CommandEncoder& encoder) const;
  /// InvalidBinding where the kernel has accessed memory outside a buffer: which, and where.
  [[nodiscard]] Result<void> check() const;
  /// The whole buffer's content now; nullopt where there is no such `--buffer`.
  [[nodiscard]] Result<std::optional<std::vector<std::byte>>> content(unsigned index) const;

 private:
  struct Binding {
    unsigned index = 0;
    std::size_t offset = 0;  ///< where the argument begins in the buffer
    bool is_buffer = true;   ///< of --buffer, not --bytes
    cases::GuardedBuffer guarded;
  };
  Result<void> add(const Device& device, unsigned index, std::span<const std::byte> content, std::size_t offset,
                   bool is_buffer);
  [[nodiscard]] const Argument* argument(unsigned index) const;
  [[nodiscard]] std::unexpected<Error> misuse(unsigned index, const std::string& what) const;

  const ComputePipeline* pipeline_ = nullptr;
  std::span<const BytesSpec> by_value_;  ///< what the encoder copies
  std::vector<Binding> bindings_;
};

}  // namespace anymetal::cli
