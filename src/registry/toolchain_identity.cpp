#include "registry/toolchain_identity.hpp"

#include <elf.h>
#include <fmt/format.h>
#include <link.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <vector>

namespace anymetal::registry {

namespace {

// The NT_GNU_BUILD_ID note in hexadecimal digits; empty where there is none.
std::string build_id(const dl_phdr_info& object) {
  for (const ElfW(Phdr) & segment : std::span(object.dlpi_phdr, object.dlpi_phnum)) {
    if (segment.p_type != PT_NOTE) continue;
    const char* at = reinterpret_cast<const char*>(object.dlpi_addr + segment.p_vaddr);
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

struct Found {
  std::vector<std::string> libraries;
  std::string program;
};

int visit(dl_phdr_info* object, std::size_t, void* found_at) {
  auto& found = *static_cast<Found*>(found_at);
  const std::string_view path(object->dlpi_name != nullptr ? object->dlpi_name : "");
  const auto name = path.substr(path.rfind('/') + 1);                            // npos + 1 is 0
  if (path.empty() && found.program.empty()) found.program = build_id(*object);  // the program itself has no name
  if (!name.starts_with("libLLVM") && !name.starts_with("libclang-cpp")) return 0;
  const auto id = build_id(*object);
  found.libraries.push_back(fmt::format("{} {}\n", name, id.empty() ? size_and_time(object->dlpi_name) : id));
  return 0;
}

std::string find() {
  Found found;
  ::dl_iterate_phdr(&visit, &found);
  if (found.libraries.empty()) return "within " + found.program;
  std::ranges::sort(found.libraries);
  std::string all;
  for (const auto& library : found.libraries) all += library;
  return all;
}

}  // namespace

std::string_view toolchain_identity() {
  static const std::string identity = find();
  return identity;
}

}  // namespace anymetal::registry
