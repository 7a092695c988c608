#pragma once
/// \file
/// Where a position of rewritten text came from in the user's own text.

#include <vector>

namespace anymetal::msl {

/// Lines are preserved by the pre-pass, columns are not: this maps them back. Lines and columns are 1-based, columns
/// count bytes. Thread contract: immutable once built.
class ColumnMap {
 public:
  /// Says that on `line` the rewritten text from `rewritten` on comes from `original` on: byte by byte where
  /// `verbatim`, else as one lump that stands at `original`. Calls come in ascending order of position.
  void add(unsigned line, unsigned rewritten, unsigned original, bool verbatim);
  /// The user's column of a rewritten column; identity on lines without rewrites.
  [[nodiscard]] unsigned original_column(unsigned line, unsigned column) const;

 private:
  struct Segment {
    unsigned line;
    unsigned rewritten;
    unsigned original;
    bool verbatim;
  };
  std::vector<Segment> segments_;
};

}  // namespace anymetal::msl
