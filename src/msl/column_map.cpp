#include "msl/column_map.hpp"

#include <algorithm>
#include <utility>

namespace anymetal::msl {

void ColumnMap::add(unsigned line, unsigned rewritten, unsigned original, bool verbatim) {
  segments_.push_back({line, rewritten, original, verbatim});
}

unsigned ColumnMap::original_column(unsigned line, unsigned column) const {
  const auto after = std::upper_bound(segments_.begin(), segments_.end(), std::pair(line, column),
                                      [](const auto& position, const Segment& s) {
                                        return position < std::pair(s.line, s.rewritten);
                                      });
  if (after == segments_.begin()) return column;
  const Segment& s = *(after - 1);
  if (s.line != line) return column;
  return s.verbatim ? s.original + (column - s.rewritten) : s.original;
}

}  // namespace anymetal::msl
