#pragma once
/// \file
/// The only functions outside its own object that generated code may call.

#include <cstdint>
#include <span>
#include <string_view>

namespace anymetal::device::cpu {

struct RuntimeSymbol {
  std::string_view name;
  std::uint64_t address;
};

/// Memory functions and the helpers LLVM calls where an instruction set lacks an operation.
std::span<const RuntimeSymbol> runtime_symbols();

}  // namespace anymetal::device::cpu
