#pragma once
/// \file
/// Kernel names to sources: the built-in ones and those registered at run time.

#include <anymetal/source_options.hpp>

#include "registry/builtin_catalogue.hpp"
#include "registry/source.hpp"

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace anymetal::registry {

/// Names registered with equal text and options share one Source, as the kernels of one built-in file do, so that it is
/// parsed once. Thread contract: the caller's lock guards it.
class SourceCatalogue {
 public:
  /// Adds a name or replaces its source, built-in or not.
  void put(std::string name, std::string text, SourceOptions options);
  /// nullptr where no source has this name. A built-in kernel comes in its form for the device `variants` where there is
  /// one. Makes the Source of a built-in file when its first kernel is asked for.
  [[nodiscard]] std::shared_ptr<Source> find(std::string_view name, std::string_view variants);
  [[nodiscard]] std::size_t size() const;
  /// Sorted.
  [[nodiscard]] std::vector<std::string> names() const;
  /// The built-in file that still serves this name, nullptr where there is none.
  [[nodiscard]] const BuiltinFile* builtin_file(std::string_view name) const;

 private:
  std::map<std::string, std::shared_ptr<Source>, std::less<>> registered_;
  std::unordered_multimap<std::size_t, std::weak_ptr<Source>> by_text_;
  std::unordered_map<std::uint32_t, std::shared_ptr<Source>> files_;
};

}  // namespace anymetal::registry
