// Build step: turns kernels/ into constant data of the library.
//
//   embed_kernels KERNELS_FOLDER OUTPUT.cpp
//
// Every kernels/<family>/*.metal becomes a built-in file, every kernels/<device>/<family>/*.metal the file of kernels that
// replace those of the same names on that device, every *.h below kernels/ a header. The names a file declares come from its lines "// kernels: name name ..."; a file without such a line is scanned for host_name("...") and
// "kernel void name(", which is enough where no macro makes names.

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

namespace fs = std::filesystem;

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + path.string());
  return {std::istreambuf_iterator<char>(in), {}};
}

bool is_name(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

std::vector<std::string> declared_names(const std::string& text) {
  constexpr std::string_view kMark = "// kernels:";
  std::vector<std::string> names;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(kMark)) continue;
    std::istringstream words(line.substr(kMark.size()));
    names.insert(names.end(), std::istream_iterator<std::string>(words), {});
  }
  return names;
}

// What precedes `at`, without white space and without a [[...]] attribute list, ends in a template header's '>'.
bool follows_template_header(std::string_view text, std::size_t at) {
  const auto trim = [&] {
    while (at > 0 && std::isspace(static_cast<unsigned char>(text[at - 1])) != 0) --at;
  };
  trim();
  while (at >= 2 && text.substr(at - 2, 2) == "]]") {
    at = text.rfind("[[", at);
    if (at == std::string_view::npos) return false;
    trim();
  }
  return at > 0 && text[at - 1] == '>';
}

std::vector<std::string> scanned_names(std::string_view text) {
  std::vector<std::string> names;
  constexpr std::string_view kHostName = "host_name(\"";
  constexpr std::string_view kKernel = "kernel void ";
  for (std::size_t at = text.find(kHostName); at != std::string_view::npos; at = text.find(kHostName, at + 1)) {
    const std::size_t begin = at + kHostName.size();
    const std::size_t end = text.find('"', begin);
    if (end != std::string_view::npos && text.substr(end, 2) == "\")") names.emplace_back(text.substr(begin, end - begin));
  }
  for (std::size_t at = text.find(kKernel); at != std::string_view::npos; at = text.find(kKernel, at + 1)) {
    std::size_t end = at + kKernel.size();
    while (end < text.size() && is_name(text[end])) ++end;
    const bool plain = end < text.size() && text[end] == '(';
    const std::size_t line = text.rfind('\n', at) + 1;
    const bool renamed = text.substr(line, at - line).find("host_name") != std::string_view::npos;
    const bool comment = text.substr(line, at - line).find("//") != std::string_view::npos;
    if (!plain || renamed || comment || (at > 0 && is_name(text[at - 1])) || follows_template_header(text, at)) continue;
    names.emplace_back(text.substr(at + kKernel.size(), end - at - kKernel.size()));
  }
  return names;
}

// The device a file below kernels/ is for; empty: all.
std::string device_of(const std::string& below) {
  const std::string folder = below.substr(0, below.find('/'));
  return folder == "cpu" || folder == "cuda" ? folder : "";
}

/// With its length: counting the characters of all files takes more steps than Clang gives a constant expression.
std::string raw_literal(std::string_view text) { return "R\"anymetal~(" + std::string(text) + ")anymetal~\"sv"; }

void write_catalogue(const fs::path& kernels, std::ostream& out) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(kernels)) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  std::ranges::sort(files);

  std::map<std::string, std::size_t> file_of_kernel;
  std::map<std::pair<std::string, std::string>, std::size_t> file_of_variant;  // by device and name
  std::ostringstream file_rows;
  std::ostringstream header_rows;
  std::size_t file_count = 0;
  std::size_t header_count = 0;
  for (const auto& path : files) {
    const std::string below = fs::relative(path, kernels).generic_string();
    const std::string text = read_file(path);
    if (path.extension() == ".h") {
      header_rows << "    {\"" << below << "\", " << raw_literal(text) << "},\n";
      ++header_count;
    }
    if (path.extension() != ".metal") continue;
    auto names = declared_names(text);
    if (names.empty()) names = scanned_names(text);
    const std::string device = device_of(below);
    for (const auto& name : names) {
      const bool added = device.empty() ? file_of_kernel.emplace(name, file_count).second
                                        : file_of_variant.emplace(std::pair(device, name), file_count).second;
      if (!added) {
        throw std::runtime_error("kernel '" + name + "' is declared twice, the second time in " + path.string());
      }
    }
    const std::size_t family = device.empty() ? 0 : device.size() + 1;
    file_rows << "    {\"" << below << "\", \"" << below.substr(family, below.find('/', family) - family) << "\", \"" << device << "\", " << raw_literal(text) << "},\n";
    ++file_count;
  }

  for (const auto& [variant, file] : file_of_variant) {
    if (!file_of_kernel.contains(variant.second)) {
      throw std::runtime_error("'" + variant.second + "' has a form for " + variant.first + " and none for all devices");
    }
  }

  out << "// Generated from kernels/ by embed_kernels; do not edit.\n#include \"registry/builtin_catalogue.hpp\"\n\n"
         "#include <array>\n\nnamespace anymetal::registry {\nnamespace {\n\nusing namespace std::string_view_literals;\n\n"
      << "constexpr std::array<BuiltinFile, " << file_count << "> kFiles{{\n" << file_rows.str() << "}};\n\n"
      << "constexpr std::array<BuiltinKernel, " << file_of_kernel.size() << "> kKernels{{\n";
  for (const auto& [name, file] : file_of_kernel) out << "    {\"" << name << "\", " << file << "},\n";
  out << "}};\n\nconstexpr std::array<BuiltinVariant, " << file_of_variant.size() << "> kVariants{{\n";
  for (const auto& [variant, file] : file_of_variant) {
    out << "    {\"" << variant.first << "\", \"" << variant.second << "\", " << file << "},\n";
  }
  out << "}};\n\nconstexpr std::array<BuiltinHeader, " << header_count << "> kHeaders{{\n" << header_rows.str() << "}};\n\n"
      << "}  // namespace\n\n"
         "std::span<const BuiltinFile> builtin_files() { return kFiles; }\n"
         "std::span<const BuiltinKernel> builtin_kernels() { return kKernels; }\n"
         "std::span<const BuiltinVariant> builtin_variants() { return kVariants; }\n"
         "std::span<const BuiltinHeader> builtin_headers() { return kHeaders; }\n\n"
         "}  // namespace anymetal::registry\n";
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) {
    std::cerr << "usage: embed_kernels KERNELS_FOLDER OUTPUT.cpp\n";
    return 2;
  }
  try {
    std::ostringstream catalogue;
    write_catalogue(arguments[1], catalogue);
    std::ofstream out(arguments[2], std::ios::binary);
    out << catalogue.str();
    if (!out.flush()) throw std::runtime_error(std::string("cannot write ") + arguments[2]);
  } catch (const std::exception& e) {
    std::cerr << "embed_kernels: " << e.what() << '\n';
    return 1;
  }
  return 0;
}
