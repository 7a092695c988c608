#include "device/cpu/forms.hpp"

namespace anymetal::device::cpu {

std::string_view name_of(Form form) {
  static constexpr std::array<std::string_view, kFormCount> kNames{
      "rows of 32", "rows of 16", "rows of 8",   "ends of 32", "ends of 16",
      "ends of 8",  "folded",     "folded ends", "large",      "general"};
  return kNames[static_cast<std::size_t>(form)];
}

LaneRows rows_of(Form form) {
  switch (form) {
    case Form::Rows16:
      return {.width = 16};
    case Form::Rows8:
      return {.width = 8};
    case Form::Ends32:  // asked for where simdgroups matter: they are whole in threadgroups of one row only
      return {.width = 32, .whole = false, .one = true};
    case Form::Ends16:
      return {.width = 16, .whole = false};
    case Form::Ends8:
      return {.width = 8, .whole = false};
    case Form::Folded:
      return {.one = true, .folded = true};
    case Form::FoldedEnds:
      return {.whole = false, .one = true, .folded = true};
    default:
      return {};
  }
}

Form form_for(const GroupShape& shape, bool in_simdgroups) {
  const auto common = shape.row | shape.dispatched;
  if (common % kSimdWidth == 0) return Form::Rows32;
  if (in_simdgroups && shape.is_one_row) return Form::Ends32;
  if (in_simdgroups) return shape.threads != 0 && shape.threads % kSimdWidth == 0 ? Form::Folded : Form::FoldedEnds;
  if (common % 16 == 0) return Form::Rows16;
  if (common % 8 == 0) return Form::Rows8;
  return shape.row > 8 ? Form::Ends16 : Form::Ends8;
}

}  // namespace anymetal::device::cpu
