#pragma once
/// \file
/// Labels back into names and constants: the lines of a manifest.

#include <anymetal/error.hpp>
#include <anymetal/function_constant.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace anymetal::registry {

struct ParsedLabel {
  std::string name;
  std::vector<FunctionConstant> constants;
};

/// The inverse of make_label. InvalidArgument tells what is wrong.
Result<ParsedLabel> parse_label(std::string_view label);

}  // namespace anymetal::registry
