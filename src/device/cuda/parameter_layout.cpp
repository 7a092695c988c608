#include "device/cuda/parameter_layout.hpp"

#include "device/aligned.hpp"

namespace anymetal::device::cuda {

namespace {

// Parameter space has 4 KB: with every table entry in use, addresses and launch parameters take up to 552 bytes of it.
constexpr std::size_t kLargestValue = 512;
constexpr std::size_t kAllValues = 3072;
constexpr std::size_t kMostStaticShared = 49152;

}  // namespace

ParameterLayout::ParameterLayout(const msl::EntryReflection& reflection, ConstantPassing passing) {
  std::size_t end = 0;
  std::size_t values = 0;
  for (const auto& argument : reflection.arguments) {
    ParameterSlot slot{ParameterSlot::Kind::Address, 0, 8, 8};
    if (argument.kind == ArgumentKind::Threadgroup) {
      slot = {ParameterSlot::Kind::SharedOffset, 0, 4, 4};
    } else if (passing == ConstantPassing::ByValue && argument.active && argument.is_constant && argument.is_reference &&
               argument.element_size > 0 && argument.element_size <= kLargestValue &&
               values + argument.element_size <= kAllValues) {
      slot = {ParameterSlot::Kind::Value, 0, argument.element_size, argument.element_alignment};
      values += argument.element_size;
      has_values_ = true;
    }
    slot.offset = aligned(end, slot.alignment);
    end = slot.offset + slot.size;
    slots_.push_back(slot);
  }
  launch_offset_ = aligned(end, alignof(LaunchParameters));
  if (reflection.static_threadgroup_memory > kMostStaticShared) own_shared_bytes_ = aligned(reflection.static_threadgroup_memory, 16);
}

}  // namespace anymetal::device::cuda
