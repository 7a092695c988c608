#include "device/cuda/packed_additions.hpp"

#include <fmt/format.h>

#include <array>
#include <string_view>

namespace anymetal::device::cuda {
namespace {

constexpr std::string_view kAddition = "add.s16x2";

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\n";
  const auto first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

}  // namespace

std::string split_packed_additions(std::string ptx) {
  for (std::size_t at = ptx.find(kAddition); at != std::string::npos; at = ptx.find(kAddition, at)) {
    const std::size_t end = ptx.find(';', at);
    if (end == std::string::npos) break;
    std::string_view left = std::string_view(ptx).substr(at + kAddition.size(), end - at - kAddition.size());
    std::array<std::string, 3> operands;
    for (auto& operand : operands) {
      const auto comma = left.find(',');
      operand = trimmed(left.substr(0, comma));
      left = comma == std::string_view::npos ? std::string_view() : left.substr(comma + 1);
    }
    const std::string sums = fmt::format(
        "{{ .reg .b16 %low<2>, %high<2>; mov.b32 {{%low0, %high0}}, {1}; mov.b32 {{%low1, %high1}}, {2}; "
        "add.s16 %low0, %low0, %low1; add.s16 %high0, %high0, %high1; mov.b32 {0}, {{%low0, %high0}}; }}",
        operands[0], operands[1], operands[2]);
    ptx.replace(at, end + 1 - at, sums);
    at += sums.size();
  }
  return ptx;
}

}  // namespace anymetal::device::cuda
