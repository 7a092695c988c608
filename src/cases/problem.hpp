#pragma once
/// \file
/// One dispatch of a kernel with its data and what must come out of it.

#include <anymetal/anymetal.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "cases/codec.hpp"
#include "cases/values.hpp"

namespace anymetal::cases {

/// Allowed error of an element with reference r: absolute + relative * |r| + magnitude * S, where S is the sum of
/// absolute terms that the reference gives beside its values, so that cancellation does not hide errors.
struct Tolerance {
  double absolute = 0;
  double relative = 0;
  double magnitude = 0;
  [[nodiscard]] static Tolerance exact() { return {}; }
};

/// What an output must hold, in float64. `magnitude` is empty, or one S per element.
struct Expected {
  std::vector<double> values;
  std::vector<double> magnitude;
  Expected(std::vector<double> v) : values(std::move(v)) {}  // NOLINT: a plain list of values is the usual case
  Expected(std::vector<double> v, std::vector<double> m) : values(std::move(v)), magnitude(std::move(m)) {}
};

enum class Role : std::uint8_t { Input, Output, InOut };

/// A buffer argument. The driver surrounds it with guard bytes, poisons pure outputs with NaN, checks that inputs stay.
struct Operand {
  unsigned index = 0;
  DType dtype = DType::F32;
  std::size_t elements = 0;
  Role role = Role::Input;
  std::size_t alignment = 1;       ///< of its address; the driver tries the worst legal one too
  std::vector<std::byte> content;  ///< before the dispatch; empty for pure outputs
  std::function<Expected()> reference;
  Tolerance tolerance;
};

/// Builds one dispatch. A family's case is a function that fills one in:
/// \code
///   auto x = p.input(0, DType::F32, n, normal());
///   auto y = p.output(1, DType::F32, n);
///   p.value(2, std::uint32_t(n));
///   p.threads({n}, {256});
///   p.expect(y, {.absolute = 1e-6}, [=] { return gelu(x); });   // x: the values as the kernel sees them
/// \endcode
class Problem {
 public:
  using Values = std::vector<double>;
  /// Names an operand of this problem.
  struct Handle {
    std::size_t position = 0;
  };

  /// A problem that is timed has a grid of just what is needed.
  explicit Problem(std::uint64_t seed, bool timed = false) : random_(seed), timed_(timed) {}

  /// Before the problem is built: the input or inout at `index` holds these values instead of its own. The other inputs
  /// are what they would be without.
  void given(unsigned index, Values values) { given_[index] = std::move(values); }
  /// The same with the input's bytes.
  void given_bytes(unsigned index, std::vector<std::byte> bytes) { given_bytes_[index] = std::move(bytes); }

  /// An input with generated content. Returns the values after rounding to `dtype`: what the kernel reads.
  Values input(unsigned index, DType dtype, std::size_t elements, const Fill& fill);
  /// An input with this content.
  Values input(unsigned index, DType dtype, std::span<const double> values);
  /// An input given as raw bytes, e.g. every bit pattern of a block format.
  Values input_bytes(unsigned index, DType dtype, std::vector<std::byte> bytes);
  /// A buffer the kernel writes wholly.
  Handle output(unsigned index, DType dtype, std::size_t elements);
  /// A buffer the kernel writes in part or reads before writing; `initial` receives its first content.
  Handle inout(unsigned index, DType dtype, std::size_t elements, const Fill& fill, Values& initial);
  /// A buffer the kernel must leave alone.
  void untouched(unsigned index, DType dtype, std::size_t elements);

  /// The kernel gets this operand at a second index too: it works in place.
  void alias(Handle operand, unsigned index) { aliases_.emplace_back(index, operand.position); }

  /// After the problem is built: the output at `output` lies over the start of the input at `input`, of the same type and as
  /// long at least. What the output does not cover must stay.
  void overlay(unsigned output, unsigned input);

  /// Bytes for a `constant` argument.
  template <class T>
  void value(unsigned index, const T& v) {
    static_assert(std::is_trivially_copyable_v<T>);
    const auto raw = std::as_bytes(std::span<const T, 1>(&v, 1));
    bytes_.push_back({index, {raw.begin(), raw.end()}});
  }
  void constant(std::uint32_t index, ConstantValue v) { constants_.push_back({index, v}); }
  /// Rounded up to a multiple of 16.
  void threadgroup_memory(unsigned index, std::size_t length);

  /// The kernel reads this operand in units of `alignment` bytes.
  void align(unsigned index, std::size_t alignment);

  /// How many threads or threadgroups more than needed a grid has: `n`, which must do nothing.
  [[nodiscard]] std::size_t spare(std::size_t n) const { return timed_ ? 0 : n; }
  /// Grid in threadgroups, or in threads.
  void threadgroups(Size grid, Size group);
  void threads(Size grid, Size group);

  /// `reference` runs only when the output is checked; it captures input values by copy.
  void expect(Handle output, Tolerance tolerance, std::function<Expected()> reference);

  /// Arithmetic operations, for benchmarks.
  void flops(double count) { flops_ = count; }
  /// Bytes of memory traffic, for benchmarks; by default every buffer once.
  void traffic(double bytes) { traffic_ = bytes; }

  /// The case's own generator, for data no Fill describes.
  [[nodiscard]] Random& random() { return random_; }

  struct Bytes {
    unsigned index;
    std::vector<std::byte> content;
  };
  [[nodiscard]] const std::vector<Operand>& operands() const { return operands_; }
  /// Buffer index and position in operands().
  [[nodiscard]] const std::vector<std::pair<unsigned, std::size_t>>& aliases() const { return aliases_; }
  [[nodiscard]] const std::vector<Bytes>& bytes() const { return bytes_; }
  [[nodiscard]] const std::vector<FunctionConstant>& constants() const { return constants_; }
  [[nodiscard]] const std::vector<std::pair<unsigned, std::size_t>>& threadgroup_memory() const {
    return threadgroup_memory_;
  }
  [[nodiscard]] bool grid_in_threads() const { return grid_in_threads_; }
  [[nodiscard]] Size grid() const { return grid_; }
  [[nodiscard]] Size group() const { return group_; }
  [[nodiscard]] double flops() const { return flops_; }
  [[nodiscard]] double traffic() const;

 private:
  Random random_;
  std::map<unsigned, Values> given_;
  std::map<unsigned, std::vector<std::byte>> given_bytes_;
  std::vector<Operand> operands_;
  std::vector<std::pair<unsigned, std::size_t>> aliases_;
  std::vector<Bytes> bytes_;
  std::vector<FunctionConstant> constants_;
  std::vector<std::pair<unsigned, std::size_t>> threadgroup_memory_;
  Size grid_, group_;
  bool grid_in_threads_ = false;
  bool timed_ = false;
  double flops_ = 0, traffic_ = 0;
};

}  // namespace anymetal::cases
