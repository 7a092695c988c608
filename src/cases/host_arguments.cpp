#include "cases/host_arguments.hpp"

#include <fmt/format.h>

#include <variant>

#include "cases/compare.hpp"

namespace anymetal::cases {

HostArguments::HostArguments(const Problem& problem) : problem_(&problem) {
  constexpr std::byte kPoison{0xff};  // NaN in every float type
  const auto& operands = problem.operands();
  contents_.reserve(operands.size() + problem.bytes().size());
  const auto bind = [&](unsigned index, std::vector<std::byte> content, std::size_t elements) {
    contents_.push_back(std::move(content));
    buffers_.push_back({index, contents_.back().data(), elements});
  };
  for (const Operand& operand : operands) {
    bind(operand.index,
         operand.content.empty() ? std::vector(ops::bytes_of(operand.dtype, operand.elements), kPoison)
                                 : operand.content,
         operand.elements);
  }
  for (const auto& bytes : problem.bytes()) bind(bytes.index, bytes.content, bytes.content.size());
  for (const auto& [index, position] : problem.aliases()) {
    buffers_.push_back({index, contents_[position].data(), operands[position].elements});
  }
  constant_values_.reserve(problem.constants().size());
  for (const FunctionConstant& constant : problem.constants()) {
    constant_values_.push_back(constant.value.bytes());
    if (const auto* index = std::get_if<std::uint32_t>(&constant.which)) {
      constants_.push_back({*index, reinterpret_cast<std::byte*>(constant_values_.back().data()), 1});
    }
  }
}

plain::Arguments HostArguments::view() const {
  return {{buffers_.data(), buffers_.size()}, {constants_.data(), constants_.size()}};
}

std::vector<std::string> HostArguments::failures_of(plain::Loop loop) {
  loop(view());
  std::vector<std::string> failures;
  for (std::size_t i = 0; i < problem_->operands().size(); ++i) {
    const Operand& operand = problem_->operands()[i];
    if (operand.role == Role::Input) {
      if (contents_[i] != operand.content)
        failures.push_back(fmt::format("buffer {}: an input was changed", operand.index));
    } else {
      compare(operand, contents_[i], failures, kLoopSlack);
    }
  }
  return failures;
}

}  // namespace anymetal::cases
