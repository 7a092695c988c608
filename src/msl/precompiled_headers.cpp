#include "msl/precompiled_headers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace anymetal::msl {
namespace {

/// Takes what stands before the next `end` from a text, and the `end`.
std::string_view take(std::string_view& text, char end) {
  const std::size_t at = std::min(text.find(end), text.size());
  const std::string_view taken = text.substr(0, at);
  text.remove_prefix(std::min(at + 1, text.size()));
  return taken;
}

}  // namespace

Result<PrecompiledHeaders> PrecompiledHeaders::read(Target target, std::string_view pch, std::string_view manifest,
                                                    Texts given) {
  PrecompiledHeaders read{target, pch, std::move(given), {}};
  while (!manifest.empty()) {
    std::string_view line = take(manifest, '\n');
    Header header;
    header.name = take(line, ' ');
    const std::string_view size = take(line, ' ');
    const auto known = std::ranges::find(read.given, header.name, [](const auto& g) { return g.first; });
    if (known == read.given.end() ||
        std::from_chars(size.data(), size.data() + size.size(), header.rewritten_size).ec != std::errc()) {
      return fail(ErrorCode::InternalError,
                  fmt::format("the precompiled headers were made of others: '{}'", header.name));
    }
    header.text = known->second;
    while (!line.empty()) header.includes.push_back(take(line, ' '));
    read.headers.push_back(std::move(header));
  }
  std::ranges::sort(read.headers, {}, &Header::name);
  return read;
}

bool PrecompiledHeaders::serves(const SourceRequest& request) const {
  const SourceOptions& options = request.options;
  const SourceOptions plain;
  return request.target == target && !request.binding && options.defines.empty() &&
         options.include_directories.empty() && options.language_standard == plain.language_standard &&
         options.math_mode == plain.math_mode &&
         std::ranges::equal(options.include_files, given,
                            [](const auto& a, const auto& b) { return a.first == b.first && a.second == b.second; });
}

const PrecompiledHeaders::Header* PrecompiledHeaders::find(std::string_view name) const {
  const auto found = std::ranges::lower_bound(headers, name, {}, &Header::name);
  return found == headers.end() || found->name != name ? nullptr : &*found;
}

void PrecompiledHeaders::add_included(std::string_view name, std::set<std::string, std::less<>>& names) const {
  const Header* header = find(name);
  if (header == nullptr || !names.emplace(name).second) return;
  for (const std::string_view included : header->includes) add_included(included, names);
}

}  // namespace anymetal::msl
