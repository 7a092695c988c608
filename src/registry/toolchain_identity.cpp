#include "registry/toolchain_identity.hpp"

#include <elf.h>
#include <fmt/format.h>
#include <link.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace anymetal::registry {

namespace {

std::string_view name_of(std::string_view path) { return path.substr(path.rfind('/') + 1); }  // npos + 1 is 0

/// A part of this process that stays loaded as long as it runs.
struct Object {
  const char* path = nullptr;
  ElfW(Addr) address = 0;
  std::span<const ElfW(Phdr)> segments;
};

struct Found {
  std::array<Object, 8> libraries;
  std::size_t library_count = 0;
  std::optional<Object> program;
};

/// Notes the program and the compiler's libraries. Allocates nothing: an exception that passes glibc's frames makes it
/// load the unwinder, and it aborts where there is no memory for that.
int note(dl_phdr_info* object, std::size_t, void* found_at) {
  auto& found = *static_cast<Found*>(found_at);
  const std::string_view path(object->dlpi_name != nullptr ? object->dlpi_name : "");
  const Object noted{object->dlpi_name, object->dlpi_addr, {object->dlpi_phdr, object->dlpi_phnum}};
  if (path.empty() && !found.program) found.program = noted;  // the program itself has no name
  const auto name = name_of(path);
  const bool is_compiler = name.starts_with("libLLVM") || name.starts_with("libclang-cpp");
  if (is_compiler && found.library_count < found.libraries.size()) found.libraries[found.library_count++] = noted;
  return 0;
}

// The NT_GNU_BUILD_ID note in hexadecimal digits; empty where there is none.
std::string build_id(const Object& object) {
  for (const ElfW(Phdr) & segment : object.segments) {
    if (segment.p_type != PT_NOTE) continue;
    const char* at = reinterpret_cast<const char*>(object.address + segment.p_vaddr);
    const char* const end = at + segment.p_memsz;
    const auto padded = [](std::size_t size) { return (size + 3) / 4 * 4; };
    while (at + sizeof(ElfW(Nhdr)) <= end) {
      ElfW(Nhdr) note;
      std::memcpy(&note, at, sizeof note);
      const char* const name = at + sizeof note;
      const auto* const id = reinterpret_cast<const unsigned char*>(name + padded(note.n_namesz));
      if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && std::memcmp(name, "GNU", 4) == 0) {
        std::string digits;
        for (const unsigned char byte : std::span(id, note.n_descsz)) digits += fmt::format("{:02x}", byte);
        return digits;
      }
      at = reinterpret_cast<const char*>(id) + padded(note.n_descsz);
    }
  }
  return {};
}

// Of a library without a build id: another file has another size or time.
std::string size_and_time(const char* path) {
  struct stat info {};
  if (::stat(path, &info) != 0) return "unknown";
  return fmt::format("{}:{}.{}", info.st_size, info.st_mtim.tv_sec, info.st_mtim.tv_nsec);
}

std::string find() {
  Found found;
  ::dl_iterate_phdr(&note, &found);
  if (found.library_count == 0) return "within " + (found.program ? build_id(*found.program) : std::string());
  std::vector<std::string> lines;
  for (const Object& library : std::span(found.libraries).first(found.library_count)) {
    const auto id = build_id(library);
    lines.push_back(fmt::format("{} {}\n", name_of(library.path), id.empty() ? size_and_time(library.path) : id));
  }
  std::ranges::sort(lines);
  std::string all;
  for (const auto& line : lines) all += line;
  return all;
}

}  // namespace

std::string_view toolchain_identity() {
  static const std::string identity = find();
  return identity;
}

}  // namespace anymetal::registry
