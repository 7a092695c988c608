#pragma once
/// \file
/// Headers that sources of one kind include, precompiled while the library is built.

#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "msl/parsed_source.hpp"

namespace anymetal::msl {

/// What was precompiled behind the library's own headers, for default options without function constants' values.
struct PrecompiledHeaders {
  struct Header {
    std::string_view name;                   ///< as in include_files
    std::string_view text;                   ///< as it was precompiled
    std::size_t rewritten_size = 0;          ///< of its text behind the pre-pass, by which Clang knows it again
    std::vector<std::string_view> includes;  ///< names of those it includes itself
  };

  using Texts = std::vector<std::pair<std::string_view, std::string_view>>;  ///< by name

  Target target = Target::Host;
  std::string_view pch;         ///< Clang's file
  Texts given;                  ///< all headers there were when it was made
  std::vector<Header> headers;  ///< those in it, sorted by name

  /// `manifest`: a line for each header in it, its name, `rewritten_size` and `includes`, with a space between any two.
  /// InternalError where it does not fit `given`.
  static Result<PrecompiledHeaders> read(Target target, std::string_view pch, std::string_view manifest, Texts given);

  /// Whether the request would read these very texts, in the way in which they were read then.
  [[nodiscard]] bool serves(const SourceRequest& request) const;
  /// nullptr where this header is not in it.
  [[nodiscard]] const Header* find(std::string_view name) const;
  /// Adds the name and those of all headers that it includes.
  void add_included(std::string_view name, std::set<std::string, std::less<>>& names) const;
};

}  // namespace anymetal::msl
