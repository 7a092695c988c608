#pragma once
/// \file
/// What the code of a kernel takes of a device for each thread.

#include <cstddef>
#include <optional>
#include <string_view>

namespace anymetal::cli {

struct CodeResources {
  std::size_t stack_bytes = 0;        ///< the largest frame; 0 where the code does not say
  std::optional<unsigned> registers;  ///< known for NVIDIA machine code only: PTX has as many as it likes
};

/// Reads an object (`.stack_sizes`), a cubin (`.nv.info`) or PTX (its local memory).
CodeResources code_resources(std::string_view code);

/// The same from the attributes of a cubin's `.nv.info` section: format, attribute, length, value, one after the other.
CodeResources nv_info_resources(std::string_view section);

}  // namespace anymetal::cli
