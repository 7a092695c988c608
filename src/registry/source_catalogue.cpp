#include "registry/source_catalogue.hpp"

#include <algorithm>
#include <utility>

namespace anymetal::registry {

namespace {

const BuiltinKernel* find_builtin(std::string_view name) {
  const auto kernels = builtin_kernels();
  const auto at = std::ranges::lower_bound(kernels, name, {}, &BuiltinKernel::name);
  return at != kernels.end() && at->name == name ? &*at : nullptr;
}

const BuiltinVariant* find_variant(std::string_view device, std::string_view name) {
  const auto variants = builtin_variants();
  const auto key = [](const BuiltinVariant& variant) { return std::pair(variant.device, variant.name); };
  const auto at = std::ranges::lower_bound(variants, std::pair(device, name), {}, key);
  return at != variants.end() && key(*at) == std::pair(device, name) ? &*at : nullptr;
}

std::shared_ptr<Source> make_builtin(const BuiltinFile& file) {
  SourceOptions options;
  for (const auto& header : builtin_headers()) options.include_files.emplace_back(header.name, header.text);
  return std::make_shared<Source>("kernels/" + std::string(file.path), std::string(file.text), std::move(options), Source::Kind::Builtin);
}

bool same(const SourceOptions& a, const SourceOptions& b) {
  return a.file_name == b.file_name && a.defines == b.defines && a.include_files == b.include_files && a.include_directories == b.include_directories &&
         a.language_standard == b.language_standard && a.math_mode == b.math_mode && a.max_errors == b.max_errors;
}

}  // namespace

void SourceCatalogue::put(std::string name, std::string text, SourceOptions options) {
  const std::size_t hash = std::hash<std::string_view>{}(text);
  std::shared_ptr<Source> source;
  auto [at, end] = by_text_.equal_range(hash);
  while (at != end) {
    auto candidate = at->second.lock();
    if (candidate == nullptr) {
      at = by_text_.erase(at);
      continue;
    }
    if (candidate->text() == text && same(candidate->options(), options)) source = std::move(candidate);
    ++at;
  }
  if (source == nullptr) {
    const std::string& shown = options.file_name.empty() ? name : options.file_name;
    source = std::make_shared<Source>(std::string(shown), std::move(text), std::move(options));
    by_text_.emplace(hash, source);
  }
  registered_.insert_or_assign(std::move(name), std::move(source));
}

std::shared_ptr<Source> SourceCatalogue::find(std::string_view name, std::string_view variants) {
  if (const auto at = registered_.find(name); at != registered_.end()) return at->second;
  const BuiltinKernel* kernel = find_builtin(name);
  if (kernel == nullptr) return nullptr;
  const BuiltinVariant* variant = find_variant(variants, name);
  const auto file = variant != nullptr ? variant->file : kernel->file;
  auto& source = files_[file];
  if (source == nullptr) source = make_builtin(builtin_files()[file]);
  return source;
}

std::size_t SourceCatalogue::size() const {
  const auto hidden = std::ranges::count_if(registered_, [](const auto& r) { return find_builtin(r.first) != nullptr; });
  return builtin_kernels().size() + registered_.size() - static_cast<std::size_t>(hidden);
}

std::vector<std::string> SourceCatalogue::names() const {
  std::vector<std::string> all;
  all.reserve(builtin_kernels().size() + registered_.size());
  for (const auto& kernel : builtin_kernels()) all.emplace_back(kernel.name);
  for (const auto& [name, source] : registered_) all.push_back(name);
  std::ranges::sort(all);
  const auto repeats = std::ranges::unique(all);
  all.erase(repeats.begin(), repeats.end());
  return all;
}

const BuiltinFile* SourceCatalogue::builtin_file(std::string_view name) const {
  if (registered_.contains(name)) return nullptr;
  const BuiltinKernel* kernel = find_builtin(name);
  return kernel != nullptr ? &builtin_files()[kernel->file] : nullptr;
}

}  // namespace anymetal::registry
