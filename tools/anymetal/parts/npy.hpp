#pragma once
/// \file
/// NumPy's `.npy` files, format 1.0 to 3.0 (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html).

#include <anymetal/error.hpp>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "parts/element_type.hpp"

namespace anymetal::cli {

/// An array in C order, little-endian.
struct NpyArray {
  ElementType type = ElementType::F32;
  std::vector<std::size_t> shape;
  std::vector<std::byte> data;
};

/// Reads the bytes of a `.npy` file. `name` stands in messages. InvalidFile where a length, type or order is not ours.
Result<NpyArray> parse_npy(std::string_view bytes, std::string_view name);
Result<NpyArray> read_npy(const std::filesystem::path& path);

/// What stands before the data in a version 1.0 file; its length is a multiple of 64 bytes.
std::string npy_preamble(ElementType type, std::span<const std::size_t> shape);
/// Writes a whole file; `data` holds the product of `shape` elements.
Result<void> write_npy(const std::filesystem::path& path, ElementType type, std::span<const std::size_t> shape,
                       std::span<const std::byte> data);

}  // namespace anymetal::cli
