#include "parts/npy_header.hpp"

#include <charconv>

namespace anymetal::cli {

namespace {

/// A cursor over the literal; every `take` either consumes what it names or leaves the cursor alone.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : rest_(text) {}

  bool take(std::string_view token) {
    skip_space();
    if (!rest_.starts_with(token)) return false;
    rest_.remove_prefix(token.size());
    return true;
  }

  std::optional<std::string> take_string() {
    skip_space();
    if (rest_.empty() || (rest_.front() != '\'' && rest_.front() != '"')) return std::nullopt;
    const std::size_t end = rest_.find(rest_.front(), 1);
    if (end == std::string_view::npos) return std::nullopt;
    std::string value(rest_.substr(1, end - 1));
    rest_.remove_prefix(end + 1);
    return value;
  }

  std::optional<bool> take_bool() {
    if (take("True")) return true;
    if (take("False")) return false;
    return std::nullopt;
  }

  std::optional<std::size_t> take_size() {
    skip_space();
    std::size_t value = 0;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (error != std::errc{}) return std::nullopt;
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    return value;
  }

  std::optional<std::vector<std::size_t>> take_shape() {
    if (!take("(")) return std::nullopt;
    std::vector<std::size_t> shape;
    while (!take(")")) {
      const auto extent = take_size();
      if (!extent) return std::nullopt;
      shape.push_back(*extent);
      if (!take(",")) {
        if (!take(")")) return std::nullopt;
        break;
      }
    }
    return shape;
  }

  bool at_end() {
    skip_space();
    return rest_.empty();
  }

 private:
  void skip_space() {
    const std::size_t first = rest_.find_first_not_of(" \t\n\r");
    rest_.remove_prefix(first == std::string_view::npos ? rest_.size() : first);
  }

  std::string_view rest_;
};

}  // namespace

std::optional<NpyHeader> parse_npy_header(std::string_view text) {
  Cursor cursor(text);
  std::optional<std::string> descr;
  std::optional<bool> fortran_order;
  std::optional<std::vector<std::size_t>> shape;
  if (!cursor.take("{")) return std::nullopt;
  while (!cursor.take("}")) {
    const auto key = cursor.take_string();
    if (!key || !cursor.take(":")) return std::nullopt;
    if (key == "descr" && !descr) {
      descr = cursor.take_string();
      if (!descr) return std::nullopt;
    } else if (key == "fortran_order" && !fortran_order) {
      fortran_order = cursor.take_bool();
      if (!fortran_order) return std::nullopt;
    } else if (key == "shape" && !shape) {
      shape = cursor.take_shape();
      if (!shape) return std::nullopt;
    } else {
      return std::nullopt;
    }
    if (!cursor.take(",")) {
      if (!cursor.take("}")) return std::nullopt;
      break;
    }
  }
  if (!cursor.at_end() || !descr || !fortran_order || !shape) return std::nullopt;
  return NpyHeader{std::move(*descr), *fortran_order, std::move(*shape)};
}

}  // namespace anymetal::cli
