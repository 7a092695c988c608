#include "code/code_resources.hpp"

#include <llvm/Object/ObjectFile.h>
#include <llvm/Support/LEB128.h>
#include <llvm/Support/MemoryBufferRef.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstring>

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

CodeResources nv_info_resources(std::string_view section) {
  constexpr std::uint8_t kSizedValue =
      0x04;  // a format: two bytes of length and as many of value follow, else two bytes of value
  constexpr std::uint8_t kFrameSize = 0x11;
  constexpr std::uint8_t kRegisterCount = 0x2f;
  CodeResources resources;
  const auto number = [&]<class T>(std::size_t at, T value) {
    std::memcpy(&value, section.data() + at, sizeof(T));
    return value;
  };
  constexpr std::size_t kHead = 4;
  for (std::size_t at = 0; at + kHead <= section.size();) {
    const auto format = static_cast<std::uint8_t>(section[at]);
    const auto attribute = static_cast<std::uint8_t>(section[at + 1]);
    const std::size_t length = format == kSizedValue ? number(at + 2, std::uint16_t{}) : 0;
    at += kHead;
    if (at + length > section.size()) break;
    if (length >= 8) {  // the function's symbol, then the number
      const auto value = number(at + 4, std::uint32_t{});
      if (attribute == kRegisterCount) resources.registers = std::max(resources.registers.value_or(0), value);
      if (attribute == kFrameSize) resources.stack_bytes = std::max<std::size_t>(resources.stack_bytes, value);
    }
    at += length;
  }
  return resources;
}

CodeResources code_resources(std::string_view code) {
  auto object = llvm::object::ObjectFile::createObjectFile(llvm::MemoryBufferRef(llvm::StringRef(code), "kernel"));
  if (!object) {
    llvm::consumeError(object.takeError());
    return {local_memory(code), std::nullopt};
  }
  for (const auto& section : (*object)->sections()) {
    auto name = section.getName();
    const bool is_known = name && (*name == ".stack_sizes" || *name == ".nv.info");
    auto contents = is_known ? section.getContents() : llvm::Expected<llvm::StringRef>("");
    if (!name) llvm::consumeError(name.takeError());
    if (!contents) {
      llvm::consumeError(contents.takeError());
    } else if (!contents->empty()) {
      return *name == ".nv.info" ? nv_info_resources(*contents) : CodeResources{largest_frame(*contents), std::nullopt};
    }
  }
  return {};
}

}  // namespace anymetal::cli
