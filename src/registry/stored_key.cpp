#include "registry/stored_key.hpp"

#include "cache/bytes.hpp"
#include "cache/entry.hpp"
#include "registry/toolchain_identity.hpp"

#include <cstdint>

namespace anymetal::registry {

namespace {

/// What decides a parse, but for files.
void add_source(cache::ByteWriter& key, const Source& source, msl::Target target) {
  const SourceOptions& options = source.options();
  key.text(library_identity());
  key.text(toolchain_identity());
  key.text(source.file_name());
  key.text(source.text());
  key.number(static_cast<std::uint64_t>(options.defines.size()));
  for (const auto& [name, value] : options.defines) {
    key.text(name);
    key.text(value);
  }
  key.number(static_cast<std::uint64_t>(options.include_files.size()));
  for (const auto& [name, text] : options.include_files) {  // by digest: headers are long and every entry keeps its key
    key.text(name);
    key.number(static_cast<std::uint64_t>(text.size()));
    key.text(cache::hex_digest(text));
  }
  key.number(static_cast<std::uint64_t>(options.include_directories.size()));
  for (const auto& directory : options.include_directories) key.text(directory);
  key.text(options.language_standard);
  key.number(options.math_mode);
  key.number(options.max_errors);
  key.number(target);
}

}  // namespace

std::string files_key(const Source& source, msl::Target target) {
  cache::ByteWriter key;
  key.text("files");
  add_source(key, source, target);
  return key.take();
}

std::string entry_key(const Source& source, msl::Target target, std::string_view kernel, std::span<const msl::FileDependency> files) {
  cache::ByteWriter key;
  key.text("entry");
  add_source(key, source, target);
  key.number(static_cast<std::uint64_t>(files.size()));
  for (const auto& [path, digest] : files) {
    key.text(path);
    key.text(digest);
  }
  key.text(kernel);
  return key.take();
}

std::string pipeline_key(std::string_view entry_key, std::span<const KeyConstant> constants, std::string_view device_identity) {
  cache::ByteWriter key;
  key.text("pipeline");
  key.text(entry_key);
  key.number(static_cast<std::uint64_t>(constants.size()));
  for (const auto& constant : constants) {
    key.number(constant.index);
    key.number(constant.type);
    key.number(constant.components);
    key.text({reinterpret_cast<const char*>(constant.bytes.data()), constant.bytes.size()});
  }
  key.text(device_identity);
  return key.take();
}

std::string form_key(std::string_view pipeline_key, std::string_view form) {
  cache::ByteWriter key;
  key.text("form");
  key.text(pipeline_key);
  key.text(form);
  return key.take();
}

}  // namespace anymetal::registry
