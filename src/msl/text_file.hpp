#pragma once
/// \file
/// Files below the include directories, as they are read from the disk.

#include <llvm/Support/ErrorOr.h>
#include <llvm/Support/MemoryBuffer.h>

#include <memory>
#include <string>

namespace anymetal::msl {

/// A text longer than this is refused: no program is.
inline constexpr std::size_t kLongestText = 16U << 20U;

/// What a regular file of at most kLongestText bytes holds. No other is opened: a pipe waits for who writes it and a device
/// has no end. The error's text says which of these it is.
llvm::ErrorOr<std::unique_ptr<llvm::MemoryBuffer>> read_text_file(const std::string& path);

}  // namespace anymetal::msl
