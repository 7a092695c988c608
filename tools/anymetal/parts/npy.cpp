#include "parts/npy.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <bit>
#include <optional>
#include <utility>

#include "parts/file.hpp"
#include "parts/npy_header.hpp"

namespace anymetal::cli {

static_assert(std::endian::native == std::endian::little, "arrays are taken from files as they lie");

namespace {

using namespace std::string_view_literals;

constexpr std::string_view kMagic = "\x93NUMPY"sv;
constexpr std::size_t kAlignment = 64;  // of the data in a file we write, as NumPy does

constexpr std::array<std::pair<std::string_view, ElementType>, 12> kDescriptors{{
    {"<f4", ElementType::F32},
    {"<f2", ElementType::F16},
    {"|i1", ElementType::I8},
    {"<i2", ElementType::I16},
    {"<i4", ElementType::I32},
    {"<i8", ElementType::I64},
    {"|u1", ElementType::U8},
    {"<u2", ElementType::U16},
    {"<u4", ElementType::U32},
    {"<u8", ElementType::U64},
    {"<i1", ElementType::I8},
    {"|b1", ElementType::U8},
}};

std::optional<ElementType> type_of(std::string_view descr) {
  for (const auto& [text, type] : kDescriptors) {
    if (text == descr) return type;
  }
  return std::nullopt;
}

std::string_view descriptor_of(ElementType type) {
  for (const auto& [text, known] : kDescriptors) {
    if (known == type) return text;
  }
  std::unreachable();
}

std::size_t little_endian(std::string_view bytes) {
  std::size_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

/// Elements times their size, or nothing where that does not fit in 64 bits.
std::optional<std::size_t> byte_count(std::span<const std::size_t> shape, ElementType type) {
  std::size_t bytes = size_of(type);
  for (const std::size_t extent : shape) {
    if (__builtin_mul_overflow(bytes, extent, &bytes)) return std::nullopt;
  }
  return bytes;
}

}  // namespace

Result<NpyArray> parse_npy(std::string_view bytes, std::string_view name) {
  const auto malformed = [&](std::string_view what) {
    return fail(ErrorCode::InvalidFile, fmt::format("{}: {}", name, what));
  };
  if (!bytes.starts_with(kMagic)) return malformed("not a .npy file (its first six bytes are not \\x93NUMPY)");
  if (bytes.size() < 8) return malformed("truncated .npy file: it ends inside the version");
  const auto version = static_cast<unsigned char>(bytes[6]);
  if (version < 1 || version > 3) return malformed(fmt::format(".npy format version {} is not supported", version));
  const std::size_t length_size = version == 1 ? 2 : 4;
  if (bytes.size() < 8 + length_size) return malformed("truncated .npy file: it ends inside the header length");
  const std::size_t header_size = little_endian(bytes.substr(8, length_size));
  const std::string_view rest = bytes.substr(8 + length_size);
  if (rest.size() < header_size) return malformed("truncated .npy file: it ends inside the header");

  const auto header = parse_npy_header(rest.substr(0, header_size));
  if (!header) return malformed("malformed .npy header");
  const auto type = type_of(header->descr);
  if (!type) {
    return malformed(fmt::format(
        "elements of type '{}' are not supported (f32, f16, i8 to i64, u8 to u64 in little-endian order are)",
        header->descr));
  }
  if (header->fortran_order && header->shape.size() > 1) {
    return malformed("Fortran order is not supported; save numpy.ascontiguousarray(a)");
  }
  const auto expected = byte_count(header->shape, *type);
  const std::string_view data = rest.substr(header_size);
  if (!expected || data.size() < *expected) {
    return malformed(fmt::format("truncated .npy file: shape ({}) of {} does not fit in the {} data bytes there are",
                                 fmt::join(header->shape, ", "), name_of(*type), data.size()));
  }
  if (data.size() > *expected) {
    return malformed(fmt::format("{} stray bytes after the array", data.size() - *expected));
  }
  const auto raw = std::as_bytes(std::span(data.data(), data.size()));
  return NpyArray{*type, header->shape, {raw.begin(), raw.end()}};
}

Result<NpyArray> read_npy(const std::filesystem::path& path) {
  const auto bytes = read_file(path);
  if (!bytes) return std::unexpected(bytes.error());
  return parse_npy(*bytes, path.string());
}

std::string npy_preamble(ElementType type, std::span<const std::size_t> shape) {
  std::string header = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}{}), }}", descriptor_of(type),
                                   fmt::join(shape, ", "), shape.size() == 1 ? "," : "");
  constexpr std::size_t kFixed = 10;  // magic, version and header length
  header.append((kAlignment - (kFixed + header.size() + 1) % kAlignment) % kAlignment, ' ');
  header += '\n';
  std::string bytes(kMagic);
  bytes += {'\1', '\0', static_cast<char>(header.size() & 0xff), static_cast<char>(header.size() >> 8)};
  return bytes + header;
}

Result<void> write_npy(const std::filesystem::path& path, ElementType type, std::span<const std::size_t> shape,
                       std::span<const std::byte> data) {
  auto file = FileWriter::create(path);
  if (!file) return std::unexpected(file.error());
  const std::string preamble = npy_preamble(type, shape);
  if (auto written = file->append(std::as_bytes(std::span(preamble.data(), preamble.size()))); !written) return written;
  if (auto written = file->append(data); !written) return written;
  return file->finish();
}

}  // namespace anymetal::cli
