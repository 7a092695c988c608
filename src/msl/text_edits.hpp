#pragma once
/// \file
/// A set of replacements in one text, applied at once with a record of where every column came from.

#include "msl/prepass.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace anymetal::msl {

/// Offsets are into the text given to the constructor, which outlives this. An edit within what another replaces is dropped. None inserts
/// a newline, and those in what is replaced stay, at the end of the replacement.
class TextEdits {
 public:
  explicit TextEdits(std::string_view text) : text_(text) {}
  void replace(std::size_t begin, std::size_t end, std::string replacement);
  void insert(std::size_t at, std::string insertion) { replace(at, at, std::move(insertion)); }
  void blank(std::size_t begin, std::size_t end) { replace(begin, end, std::string(end - begin, ' ')); }
  [[nodiscard]] Prepassed apply();

 private:
  struct Edit {
    std::size_t begin;
    std::size_t end;
    std::size_t order;  ///< of the calls, for insertions at one place
    std::string replacement;
  };
  std::string_view text_;
  std::vector<Edit> edits_;
};

}  // namespace anymetal::msl
