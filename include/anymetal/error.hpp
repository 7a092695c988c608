#pragma once
/// \file
/// Error values. No exception leaves the library: every fallible call returns `Result<T>`.

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace anymetal {

/// What went wrong, stable across releases; one test produces each of them.
enum class ErrorCode : std::uint8_t {
  KernelNotFound,          ///< no source declares this kernel name; `suggestions()` holds the closest names
  ShaderCompilationError,  ///< the MSL source is at fault; `diagnostics()` holds positions in the user's own text
  FunctionConstantError,   ///< a function constant is missing, has the wrong type, or its name is not declared
  UnsupportedByDevice,     ///< the device lacks something the kernel needs (matrix hardware, memory, threads)
  DeviceNotFound,          ///< no such device; the message says why it cannot be opened and what to do
  DeviceLost,              ///< a sticky device fault; the device object refuses further work
  OutOfMemory,             ///< an allocation failed; everything stays usable
  InvalidArgument,         ///< a host call was given a value it cannot take
  InvalidBinding,          ///< a dispatch lacks a buffer, or a binding does not fit the kernel's argument
  InvalidDispatch,         ///< grid, threadgroup size or threadgroup memory outside the pipeline's limits
  IoError,                 ///< a file could not be opened, read or written
  InvalidFile,             ///< a file was read but its content is malformed, truncated or unsupported
  Cancelled,               ///< the caller asked to stop
  InternalError,           ///< a defect of anymetal; please report it
};

/// The enumerator's spelling, e.g. "KernelNotFound".
std::string_view to_string(ErrorCode code) noexcept;

/// How grave a compiler message is.
enum class Severity : std::uint8_t { Note, Warning, Error };

/// One compiler message at a position in the user's own text (1-based line and column, columns count bytes).
struct Diagnostic {
  Severity severity = Severity::Error;
  std::string file;
  unsigned line = 0;
  unsigned column = 0;
  std::string message;      ///< speaks MSL: `float4`, never a compiler-internal spelling
  std::string source_line;  ///< the line the position is in, without its newline; may be empty
};

/// Renders diagnostics as Clang does: `file:line:column: error: text`, the source line and a caret.
std::string render(const std::vector<Diagnostic>& diagnostics);

/// Thread contract: an immutable value; cheap to copy and to move.
///
/// \code
///   auto pipeline = registry.get_pipeline("rms_nrm_f32", device);
///   if (!pipeline) std::cerr << pipeline.error().message() << '\n';   // ... did you mean 'rms_norm_f32'?
/// \endcode
class [[nodiscard]] Error {
 public:
  Error(ErrorCode code, std::string message);

  [[nodiscard]] ErrorCode code() const noexcept;
  /// A whole sentence for a person: what is wrong, where, and what to do about it.
  [[nodiscard]] const std::string& message() const noexcept;
  /// Kernel name the error is about; empty if none.
  [[nodiscard]] const std::string& kernel() const noexcept;
  /// Device name the error is about; empty if none.
  [[nodiscard]] const std::string& device() const noexcept;
  /// Cache key (label) of the pipeline the error is about; empty if none.
  [[nodiscard]] const std::string& key() const noexcept;
  /// Closest known names, best first.
  [[nodiscard]] const std::vector<std::string>& suggestions() const noexcept;
  /// Compiler messages in source order; empty unless the code is ShaderCompilationError.
  [[nodiscard]] const std::vector<Diagnostic>& diagnostics() const noexcept;

  /// Copies of this error with one more detail: context is added on the way up.
  [[nodiscard]] Error with_context(std::string_view prefix) const;  ///< message becomes "prefix: message"
  [[nodiscard]] Error with_kernel(std::string kernel) const;
  [[nodiscard]] Error with_device(std::string device) const;
  [[nodiscard]] Error with_key(std::string key) const;
  [[nodiscard]] Error with_suggestions(std::vector<std::string> names) const;
  [[nodiscard]] Error with_diagnostics(std::vector<Diagnostic> diagnostics) const;

 private:
  struct State;
  explicit Error(std::shared_ptr<const State> state);
  std::shared_ptr<const State> state_;
};

/// A value or an Error.
template <class T>
using Result = std::expected<T, Error>;

/// Shorthand for `std::unexpected(Error(code, message))`.
[[nodiscard]] std::unexpected<Error> fail(ErrorCode code, std::string message);

}  // namespace anymetal
