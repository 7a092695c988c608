#include "cases/problem.hpp"

#include <algorithm>

namespace anymetal::cases {

Problem::Values Problem::input(unsigned index, DType dtype, std::size_t elements, const Fill& fill) {
  Values values(elements);
  for (std::size_t i = 0; i < elements; ++i) values[i] = fill(random_, i);
  return input(index, dtype, values);
}

Problem::Values Problem::input(unsigned index, DType dtype, std::span<const double> values) {
  if (const auto bytes = given_bytes_.find(index); bytes != given_bytes_.end()) {
    return input_bytes(index, dtype, bytes->second);
  }
  const auto other = given_.find(index);
  return input_bytes(index, dtype,
                     encode(dtype, other == given_.end() ? values : std::span<const double>(other->second)));
}

Problem::Values Problem::input_bytes(unsigned index, DType dtype, std::vector<std::byte> bytes) {
  Values values = decode(dtype, bytes);
  operands_.push_back({.index = index,
                       .dtype = dtype,
                       .elements = values.size(),
                       .role = Role::Input,
                       .alignment = ops::info(dtype).alignment,
                       .content = std::move(bytes),
                       .reference = {},
                       .tolerance = {}});
  return values;
}

Problem::Handle Problem::output(unsigned index, DType dtype, std::size_t elements) {
  operands_.push_back({.index = index,
                       .dtype = dtype,
                       .elements = elements,
                       .role = Role::Output,
                       .alignment = ops::info(dtype).alignment,
                       .content = {},
                       .reference = {},
                       .tolerance = {}});
  return {operands_.size() - 1};
}

Problem::Handle Problem::inout(unsigned index, DType dtype, std::size_t elements, const Fill& fill, Values& initial) {
  initial = input(index, dtype, elements, fill);
  operands_.back().role = Role::InOut;
  return {operands_.size() - 1};
}

void Problem::untouched(unsigned index, DType dtype, std::size_t elements) {
  input(index, dtype, elements, normal());  // an input the driver finds changed is a failure
}

void Problem::threadgroup_memory(unsigned index, std::size_t length) {
  threadgroup_memory_.emplace_back(index, (length + 15) / 16 * 16);
}

void Problem::align(unsigned index, std::size_t alignment) {
  for (Operand& operand : operands_) {
    if (operand.index == index) operand.alignment = alignment;
  }
}

void Problem::threadgroups(Size grid, Size group) {
  grid_ = grid;
  group_ = group;
  grid_in_threads_ = false;
}

void Problem::threads(Size grid, Size group) {
  grid_ = grid;
  group_ = group;
  grid_in_threads_ = true;
}

void Problem::expect(Handle output, Tolerance tolerance, std::function<Expected()> reference) {
  operands_[output.position].tolerance = tolerance;
  operands_[output.position].reference = std::move(reference);
}

void Problem::overlay(unsigned output, unsigned input) {
  const auto at = [&](unsigned index) {
    return std::ranges::find_if(operands_, [=](const Operand& operand) { return operand.index == index; });
  };
  const Operand result = *at(output);
  operands_.erase(at(output));
  Operand& both = *at(input);
  both.index = output;  // what is said of it is said of the output
  both.role = Role::InOut;
  both.alignment = std::max(both.alignment, result.alignment);
  both.tolerance = result.tolerance;
  both.reference = [reference = result.reference, initial = decode(both.dtype, both.content)] {
    Expected expected = reference();
    const auto rest = initial.begin() + static_cast<std::ptrdiff_t>(expected.values.size());
    expected.values.insert(expected.values.end(), rest, initial.end());
    if (!expected.magnitude.empty()) expected.magnitude.resize(initial.size());
    return expected;
  };
  aliases_.emplace_back(input, static_cast<std::size_t>(&both - operands_.data()));
}

double Problem::traffic() const {
  if (traffic_ > 0) return traffic_;
  double bytes = 0;
  for (const Operand& operand : operands_) bytes += static_cast<double>(ops::bytes_of(operand.dtype, operand.elements));
  return bytes;
}

}  // namespace anymetal::cases
