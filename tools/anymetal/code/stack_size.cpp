#include "code/stack_size.hpp"

#include <llvm/Object/ObjectFile.h>
#include <llvm/Support/LEB128.h>
#include <llvm/Support/MemoryBufferRef.h>

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace anymetal::cli {

namespace {

/// Section `.stack_sizes`: for each function its address, 8 bytes that the linker fills in, and its frame as ULEB128.
std::size_t largest_frame(llvm::StringRef section) {
  constexpr std::size_t kAddressBytes = 8;
  const auto* at = section.bytes_begin();
  const auto* const end = section.bytes_end();
  std::uint64_t largest = 0;
  while (end - at > static_cast<std::ptrdiff_t>(kAddressBytes)) {
    unsigned length = 0;
    const char* problem = nullptr;
    largest = std::max(largest, llvm::decodeULEB128(at + kAddressBytes, &length, end, &problem));
    if (problem != nullptr) break;
    at += kAddressBytes + length;
  }
  return largest;
}

std::size_t local_memory(std::string_view ptx) {
  constexpr std::string_view kDepot = "__local_depot";
  std::size_t largest = 0;
  for (std::size_t at = ptx.find(kDepot); at != std::string_view::npos; at = ptx.find(kDepot, at + 1)) {
    const std::size_t open = ptx.find_first_of("[;\n", at);
    if (open == std::string_view::npos || ptx[open] != '[') continue;
    std::size_t bytes = 0;
    std::from_chars(ptx.data() + open + 1, ptx.data() + ptx.size(), bytes);
    largest = std::max(largest, bytes);
  }
  return largest;
}

}  // namespace

std::size_t stack_size(std::string_view code) {
  auto object = llvm::object::ObjectFile::createObjectFile(llvm::MemoryBufferRef(llvm::StringRef(code), "kernel"));
  if (!object) {
    llvm::consumeError(object.takeError());
    return local_memory(code);
  }
  for (const auto& section : (*object)->sections()) {
    auto name = section.getName();
    auto contents = name && *name == ".stack_sizes" ? section.getContents() : llvm::Expected<llvm::StringRef>("");
    if (!name) llvm::consumeError(name.takeError());
    if (!contents) {
      llvm::consumeError(contents.takeError());
    } else if (!contents->empty()) {
      return largest_frame(*contents);
    }
  }
  return 0;
}

}  // namespace anymetal::cli
