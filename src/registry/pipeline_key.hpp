#pragma once
/// \file
/// The identity of a pipeline in memory, and the label made from it.
///
/// Label: the kernel name, then `|index:value` per constant. The value starts with the type's marker:
/// `b` bool, `i` int, `c` char, `uc` uchar, `s` short, `us` ushort, `u` uint, `h` half, `f` float, `l` long, `ul` ulong,
/// `bf` bfloat. A scalar follows as it is (`b1`, `i-4`, `f0.5`), a vector in parentheses (`f(0.5,1)`). Numbers are the
/// shortest decimal that reads back to the same value; NaN carries its bits (`fnan:7fc00000`). Constants stand by type
/// in the order given above, by index within a type.

#include <anymetal/error.hpp>
#include <anymetal/function_constant.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace anymetal::device {
class Backend;
}

namespace anymetal::registry {

/// One constant of a key. No padding and no unused bits, so that equal constants are equal bytes. Without default values:
/// a request makes room for several and most use none.
struct KeyConstant {
  std::uint32_t index;
  ConstantType type;
  std::uint8_t components;
  std::uint16_t zero;
  std::array<unsigned char, kMaxConstantSize> bytes;
  friend bool operator==(const KeyConstant&, const KeyConstant&) = default;
};
static_assert(std::has_unique_object_representations_v<KeyConstant>);

/// Constants in the one order that makes equal lists equal. Thread contract: one thread.
class CanonicalConstants {
 public:
  void add(BoolConstant constant);
  void add(IntConstant constant);
  void add(std::uint32_t index, const ConstantValue& value);
  /// Sorts and merges. FunctionConstantError where one index has two values.
  Result<void> finish();
  [[nodiscard]] std::span<const KeyConstant> view() const;

 private:
  static constexpr std::size_t kInline = 8;  // more constants than this cost an allocation per request
  void push(const KeyConstant& constant);
  [[nodiscard]] std::span<KeyConstant> all();
  std::size_t size_ = 0;
  std::array<KeyConstant, kInline> inline_;
  std::vector<KeyConstant> heap_;
};

/// A key that borrows what it is made from; its hash is computed once.
struct PipelineKeyView {
  PipelineKeyView(const device::Backend* on, std::string_view kernel, std::span<const KeyConstant> values);
  const device::Backend* backend;
  std::string_view name;
  std::span<const KeyConstant> constants;
  std::uint64_t hash;
};

/// A key that owns its parts.
struct PipelineKey {
  explicit PipelineKey(const PipelineKeyView& view);
  const device::Backend* backend;
  std::string name;
  std::vector<KeyConstant> constants;
  std::uint64_t hash;
  [[nodiscard]] bool matches(const PipelineKeyView& other) const;
  friend bool operator==(const PipelineKey&, const PipelineKey&) = default;
};

struct PipelineKeyHash {
  std::size_t operator()(const PipelineKey& key) const { return static_cast<std::size_t>(key.hash); }
};

/// The label of a pipeline: also its cache key as callers see it.
std::string make_label(std::string_view name, std::span<const KeyConstant> constants);

/// The same constants as the front end takes them.
std::vector<FunctionConstant> to_function_constants(std::span<const KeyConstant> constants);

}  // namespace anymetal::registry
