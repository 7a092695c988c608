#pragma once
/// \file
/// The Python dictionary literal in the head of a `.npy` file.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace anymetal::cli {

struct NpyHeader {
  std::string descr;
  bool fortran_order = false;
  std::vector<std::size_t> shape;
};

/// Reads `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`, keys in any order, each exactly once.
/// Nothing where the text is anything else.
std::optional<NpyHeader> parse_npy_header(std::string_view text);

}  // namespace anymetal::cli
