#pragma once
/// \file
/// Relocatable host objects as readable assembly.

#include <anymetal/error.hpp>
#include <string>
#include <string_view>

namespace anymetal::cli {

/// Every function of `object` with its instructions.
Result<std::string> disassemble(std::string_view object);

}  // namespace anymetal::cli
