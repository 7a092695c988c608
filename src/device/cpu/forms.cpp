#include "device/cpu/forms.hpp"

namespace anymetal::device::cpu {

std::string_view name_of(Form form) {
  static constexpr std::array<std::string_view, kFormCount> kNames{
      "rows of 32", "rows of 16", "rows of 8", "ends of 32", "ends of 16", "ends of 8", "general"};
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
    default:
      return {};
  }
}

Form form_for(const GroupShape& shape, bool in_simdgroups) {
  const auto common = shape.row | shape.dispatched;
  if (common % kSimdWidth == 0) return Form::Rows32;
  if (in_simdgroups) return shape.is_one_row ? Form::Ends32 : Form::General;
  if (common % 16 == 0) return Form::Rows16;
  if (common % 8 == 0) return Form::Rows8;
  return shape.row > 8 ? Form::Ends16 : Form::Ends8;
}

}  // namespace anymetal::device::cpu
