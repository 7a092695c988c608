#include "msl/text_edits.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace anymetal::msl {

void TextEdits::replace(std::size_t begin, std::size_t end, std::string replacement) {
  // The lines between the first token and the last one stay; they are those of a directive if they are spliced.
  for (std::size_t i = text_.find('\n', begin); i < end; i = text_.find('\n', i + 1)) {
    const bool is_spliced = i > 0 && (text_[i - 1] == '\\' || (i > 1 && text_[i - 1] == '\r' && text_[i - 2] == '\\'));
    replacement += is_spliced ? "\\\n" : "\n";
  }
  edits_.push_back({begin, end, edits_.size(), std::move(replacement)});
}

Prepassed TextEdits::apply() {
  std::ranges::sort(edits_, {}, [](const Edit& e) { return std::tuple(e.begin, e.end, e.order); });
  Prepassed result;
  unsigned line = 1;
  std::size_t line_begin = 0;            // of the current line, in the user's text
  std::size_t rewritten_line_begin = 0;  // the same in the result
  std::size_t at = 0;
  const auto copy_to = [&](std::size_t end) {
    for (; at < end; ++at) {
      result.text.push_back(text_[at]);
      if (text_[at] != '\n') continue;
      ++line;
      line_begin = at + 1;
      rewritten_line_begin = result.text.size();
    }
  };
  const auto map = [&](std::size_t original, bool verbatim) {
    result.columns.add(line, static_cast<unsigned>(result.text.size() - rewritten_line_begin + 1),
                       static_cast<unsigned>(original - line_begin + 1), verbatim);
  };
  for (const Edit& edit : edits_) {
    if (edit.begin < at) continue;  // what it would change is gone
    copy_to(edit.begin);
    const auto lines = static_cast<unsigned>(std::ranges::count(edit.replacement, '\n'));
    if (edit.replacement.size() != edit.end - edit.begin || lines != 0) {
      map(edit.begin, false);
      result.text += edit.replacement;
      at = edit.end;
      if (lines != 0) {
        line += lines;
        line_begin = text_.rfind('\n', at - 1) + 1;
        rewritten_line_begin = result.text.size();
      }
      map(at, true);
    } else {
      result.text += edit.replacement;
      at = edit.end;
    }
  }
  copy_to(text_.size());
  return result;
}

}  // namespace anymetal::msl
