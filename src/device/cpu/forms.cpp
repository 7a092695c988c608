#include "device/cpu/forms.hpp"

#include <algorithm>

namespace anymetal::device::cpu {
namespace {

/// Forms in which several groups of lanes run as one, the best first.
struct Merged {
  Form form;
  unsigned width, along_x, along_y;
  bool is_group;
};
constexpr std::array kMerged{Merged{Form::Group256, 32, 8, 1, true},   Merged{Form::Group128, 32, 4, 1, true},
                             Merged{Form::Group64, 32, 2, 1, true},    Merged{Form::Group32x8, 32, 1, 8, true},
                             Merged{Form::Group32x4, 32, 1, 4, true},  Merged{Form::Group16x16, 16, 1, 16, true},
                             Merged{Form::Group16x8, 16, 1, 8, true},  Merged{Form::Group8x8, 8, 1, 8, true},
                             Merged{Form::Parts256, 32, 8, 1, false},  Merged{Form::Parts32x8, 32, 1, 8, false},
                             Merged{Form::Parts16x8, 16, 1, 8, false}, Merged{Form::Parts128, 32, 4, 1, false},
                             Merged{Form::Parts32x4, 32, 1, 4, false}, Merged{Form::Parts16x4, 16, 1, 4, false}};

const Merged* merged(Form form) {
  const auto* found = std::ranges::find(kMerged, form, &Merged::form);
  return found == kMerged.end() ? nullptr : found;
}

}  // namespace

std::string_view name_of(Form form) {
  static constexpr std::array<std::string_view, kFormCount> kNames{
      "rows of 32",   "rows of 16",    "rows of 8",     "ends of 32",     "ends of 16",    "ends of 8",
      "folded",       "folded ends",   "large",         "general",        "group of 256",  "group of 128",
      "group of 64",  "group of 32x8", "group of 32x4", "group of 16x16", "group of 16x8", "group of 8x8",
      "parts of 256", "parts of 128",  "parts of 32x8", "parts of 32x4",  "parts of 16x8", "parts of 16x4"};
  return kNames[static_cast<std::size_t>(form)];
}

LaneRows rows_of(Form form) {
  if (const auto* found = merged(form))
    return {.width = found->width, .merged_x = found->along_x, .merged_y = found->along_y, .is_group = found->is_group};
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

std::optional<Form> merged_form_for(const std::array<std::size_t, 3>& size, const KernelTable& kernel) {
  const auto fits = [&](const Merged& one) {
    const auto x = std::size_t{one.width} * one.along_x;
    if (one.along_x > kernel.along_x || one.along_y > kernel.along_y) return false;
    if (x * one.along_y > kernel.merged_lanes) return false;
    if (kernel.in_simdgroups != 0 && one.width != kSimdWidth) return false;
    if (one.is_group) return size[0] == x && size[1] == one.along_y && size[2] == 1;
    return size[0] % x == 0 && size[1] % one.along_y == 0;
  };
  const auto* found = std::ranges::find_if(kMerged, fits);
  return found == kMerged.end() ? std::nullopt : std::optional(found->form);
}

Form unmerged(Form form) {
  const auto* found = merged(form);
  if (!found) return form;
  return found->width == 32 ? Form::Rows32 : found->width == 16 ? Form::Rows16 : Form::Rows8;
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
