#include "parts/specs.hpp"

#include <fmt/format.h>

#include <cctype>
#include <limits>
#include <optional>
#include <random>
#include <span>

#include "parts/file.hpp"
#include "parts/text.hpp"

namespace anymetal::cli {

namespace {

std::unexpected<Error> expected_form(std::string_view option, std::string_view text, std::string_view form) {
  return fail(ErrorCode::InvalidArgument, fmt::format("{} {}: expected {}", option, text, form));
}

struct Indexed {
  unsigned index = 0;
  std::string_view value;
};

std::optional<Indexed> split_index(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos || equals + 1 == text.size()) return std::nullopt;
  const auto index = parse_number<unsigned>(text.substr(0, equals));
  if (!index) return std::nullopt;
  return Indexed{*index, text.substr(equals + 1)};
}

void fill_random(ElementType type, std::span<std::byte> bytes) {
  std::mt19937_64 generator(0x616e796d6574616cULL);
  if (type == ElementType::F32 || type == ElementType::F16) {
    std::uniform_real_distribution<float> unit(-1.0F, 1.0F);
    std::vector<std::byte> element;
    for (std::size_t at = 0; at < bytes.size(); at += element.size()) {
      const float value = unit(generator);
      const auto half = static_cast<_Float16>(value);
      const auto raw =
          type == ElementType::F32 ? std::as_bytes(std::span(&value, 1)) : std::as_bytes(std::span(&half, 1));
      element.assign(raw.begin(), raw.end());
      std::copy(element.begin(), element.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at));
    }
  } else {
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(generator() & 0xff);
  }
}

/// `zeros:TYPE:COUNT` and `random:TYPE:COUNT`; nothing where the text is no such thing.
std::optional<Result<NpyArray>> generated_array(std::string_view text) {
  const auto parts = split(text, ':');
  if (parts.size() != 3 || (parts[0] != "zeros" && parts[0] != "random")) return std::nullopt;
  const auto type = element_type_from_name(parts[1]);
  const auto count = parse_number<std::size_t>(parts[2]);
  if (!type || !count || *count > std::numeric_limits<std::size_t>::max() / 16) {
    return expected_form("--buffer", text, "zeros:TYPE:COUNT, TYPE one of f32 f16 i8 i16 i32 i64 u8 u16 u32 u64");
  }
  NpyArray array{*type, {*count}, {}};
  try {
    array.data.resize(*count * size_of(*type));
  } catch (const std::bad_alloc&) {
    return fail(ErrorCode::OutOfMemory, fmt::format("--buffer {}: not enough memory", text));
  }
  if (parts[0] == "random") fill_random(*type, array.data);
  return array;
}

}  // namespace

Result<BufferSpec> parse_buffer(std::string_view text) {
  const auto indexed = split_index(text);
  if (!indexed) return expected_form("--buffer", text, "INDEX=FILE.npy[+OFFSET] or INDEX=zeros:TYPE:COUNT[+OFFSET]");
  BufferSpec spec{indexed->index, {}, 0};
  std::string_view source = indexed->value;
  std::error_code ignored;
  if (const std::size_t plus = source.rfind('+');
      plus != std::string_view::npos && !std::filesystem::exists(std::filesystem::path(source), ignored)) {
    const auto offset = parse_number<std::size_t>(source.substr(plus + 1));
    if (!offset) return expected_form("--buffer", text, "a number of bytes after '+'");
    spec.offset = *offset;
    source = source.substr(0, plus);
  }
  const auto generated = generated_array(source);
  auto content = generated ? *generated : read_npy(std::filesystem::path(source));
  if (!content) return std::unexpected(content.error());
  spec.content = std::move(*content);
  return spec;
}

Result<BytesSpec> parse_bytes(std::string_view text) {
  constexpr std::string_view kForm = "INDEX=TYPE:VALUE[,VALUE...] or INDEX=@FILE";
  const auto indexed = split_index(text);
  if (!indexed) return expected_form("--bytes", text, kForm);
  BytesSpec spec{indexed->index, {}};
  if (indexed->value.starts_with('@')) {
    const auto content = read_file(std::filesystem::path(indexed->value.substr(1)));
    if (!content) return std::unexpected(content.error());
    const auto raw = std::as_bytes(std::span(content->data(), content->size()));
    spec.bytes.assign(raw.begin(), raw.end());
    return spec;
  }
  const std::size_t colon = indexed->value.find(':');
  const auto type = element_type_from_name(indexed->value.substr(0, colon));
  if (colon == std::string_view::npos || !type) return expected_form("--bytes", text, kForm);
  auto bytes = parse_values(*type, indexed->value.substr(colon + 1));
  if (!bytes) return std::unexpected(bytes.error().with_context(fmt::format("--bytes {}", text)));
  spec.bytes = std::move(*bytes);
  return spec;
}

Result<Size> parse_size(std::string_view text) {
  Size size;
  const auto parts = split(text, 'x');
  if (parts.size() > 3) return expected_form("size", text, "X, XxY or XxYxZ");
  std::size_t* const extents[] = {&size.x, &size.y, &size.z};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto extent = parse_number<std::size_t>(parts[i]);
    if (!extent) return expected_form("size", text, "X, XxY or XxYxZ, e.g. 4x1x1");
    *extents[i] = *extent;
  }
  return size;
}

Result<ThreadgroupMemorySpec> parse_threadgroup_memory(std::string_view text) {
  const auto indexed = split_index(text);
  const auto bytes = indexed ? parse_number<std::size_t>(indexed->value) : std::nullopt;
  if (!bytes) return expected_form("--threadgroup-memory", text, "INDEX=BYTES");
  return ThreadgroupMemorySpec{indexed->index, *bytes};
}

Result<DumpSpec> parse_dump(std::string_view text) {
  const auto indexed = split_index(text);
  if (!indexed) return expected_form("--dump", text, "INDEX=FILE.npy");
  return DumpSpec{indexed->index, std::filesystem::path(indexed->value)};
}

Result<std::pair<std::string, std::string>> parse_define(std::string_view text) {
  const std::size_t equals = text.find('=');
  const std::string_view name = text.substr(0, equals);
  if (name.empty() || std::isdigit(static_cast<unsigned char>(name.front())) != 0 ||
      name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") !=
          std::string_view::npos) {
    return expected_form("-D", text, "NAME or NAME=VALUE");
  }
  return std::pair{std::string(name), equals == std::string_view::npos ? "1" : std::string(text.substr(equals + 1))};
}

}  // namespace anymetal::cli
