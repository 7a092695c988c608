#include <fmt/format.h>

#include <bit>
#include <limits>

#include "model/gguf.hpp"
#include "model/gguf_cursor.hpp"
#include "model/mapped_file.hpp"

namespace anymetal::model {

namespace {

constexpr std::uint32_t kMagic = 0x46554747;  // "GGUF"
constexpr std::uint32_t kOldestVersion = 2;
constexpr std::uint32_t kNewestVersion = 3;
constexpr std::uint32_t kDefaultAlignment = 32;
constexpr unsigned kDeepestArray = 4;
// Smallest encodings: an empty key and a one-byte value; an empty name with no dimensions.
constexpr std::size_t kSmallestPair = 8 + 4 + 1;
constexpr std::size_t kSmallestTensor = 8 + 4 + 4 + 8;

std::unexpected<Error> invalid(std::string message) {
  return fail(ErrorCode::InvalidFile, "not a sound GGUF file: " + std::move(message));
}

/// Fewest bytes an element of this type can take.
std::size_t smallest_size(GgufType type) {
  switch (type) {
    case GgufType::UInt8:
    case GgufType::Int8:
    case GgufType::Bool:
      return 1;
    case GgufType::UInt16:
    case GgufType::Int16:
      return 2;
    case GgufType::UInt32:
    case GgufType::Int32:
    case GgufType::Float32:
      return 4;
    case GgufType::UInt64:
    case GgufType::Int64:
    case GgufType::Float64:
    case GgufType::String:
      return 8;
    case GgufType::Array:
      return 12;
  }
  return 1;
}

/// False where the product does not fit.
bool multiply(std::size_t& product, std::size_t factor) { return !__builtin_mul_overflow(product, factor, &product); }

}  // namespace

/// One pass over the bytes. Nothing is allocated by a count before the bytes it announces are known to be there.
class GgufParser {
 public:
  explicit GgufParser(std::span<const std::byte> bytes) : cursor_(bytes), bytes_(bytes) {}

  Result<Gguf> run(std::shared_ptr<const void> owner) {
    file_.owner_ = std::move(owner);
    file_.bytes_ = bytes_;
    for (const auto step :
         {&GgufParser::header, &GgufParser::metadata, &GgufParser::tensor_list, &GgufParser::place_tensors}) {
      if (auto done = (this->*step)(); !done) return std::unexpected(done.error());
    }
    return std::move(file_);
  }

 private:
  Result<void> header() {
    const auto magic = cursor_.read<std::uint32_t>();
    if (cursor_.failed() || magic != kMagic) return invalid("it does not begin with 'GGUF'");
    file_.version_ = cursor_.read<std::uint32_t>();
    tensor_count_ = cursor_.read<std::uint64_t>();
    value_count_ = cursor_.read<std::uint64_t>();
    if (cursor_.failed()) return truncated("its header");
    const auto version = file_.version_;
    if (version != 0 && (version & 0xFFFF) == 0) return invalid("it is big-endian, which is not supported");
    if (version < kOldestVersion || version > kNewestVersion) {
      return invalid(
          fmt::format("version {} is not supported (versions {} to {} are)", version, kOldestVersion, kNewestVersion));
    }
    if (!cursor_.has_room_for(value_count_, kSmallestPair)) {
      return invalid(
          fmt::format("it announces {} metadata values, more than fit in {} bytes", value_count_, bytes_.size()));
    }
    if (!cursor_.has_room_for(tensor_count_, kSmallestTensor)) {
      return invalid(fmt::format("it announces {} tensors, more than fit in {} bytes", tensor_count_, bytes_.size()));
    }
    return {};
  }

  Result<void> metadata() {
    for (std::uint64_t i = 0; i < value_count_; ++i) {
      const auto key = cursor_.read_string();
      const auto type = cursor_.read<std::uint32_t>();
      if (cursor_.failed()) return truncated(fmt::format("the key of metadata value {}", i));
      auto value = read_value(key, type);
      if (!value) return std::unexpected(value.error());
      if (!file_.values_.emplace(key, *value).second) return invalid(fmt::format("key '{}' appears twice", key));
      file_.keys_.push_back(key);
    }
    return {};
  }

  Result<GgufValue> read_value(std::string_view key, std::uint32_t type) {
    if (type >= kGgufTypes) return invalid(fmt::format("key '{}' has unknown value type {}", key, type));
    auto value = read_known_value(key, static_cast<GgufType>(type));
    if (value && cursor_.failed()) return truncated(fmt::format("the value of key '{}'", key));
    return value;
  }

  Result<GgufValue> read_known_value(std::string_view key, GgufType type) {
    switch (type) {
      case GgufType::UInt8:
        return cursor_.read<std::uint8_t>();
      case GgufType::Int8:
        return cursor_.read<std::int8_t>();
      case GgufType::UInt16:
        return cursor_.read<std::uint16_t>();
      case GgufType::Int16:
        return cursor_.read<std::int16_t>();
      case GgufType::UInt32:
        return cursor_.read<std::uint32_t>();
      case GgufType::Int32:
        return cursor_.read<std::int32_t>();
      case GgufType::Float32:
        return cursor_.read<float>();
      case GgufType::Bool: {
        const auto byte = cursor_.read<std::uint8_t>();
        if (byte > 1) return invalid(fmt::format("key '{}' is a bool with value {}", key, byte));
        return byte == 1;
      }
      case GgufType::String:
        return cursor_.read_string();
      case GgufType::Array: {
        const auto array = read_array(key, 1);
        if (!array) return std::unexpected(array.error());
        return *array;
      }
      case GgufType::UInt64:
        return cursor_.read<std::uint64_t>();
      case GgufType::Int64:
        return cursor_.read<std::int64_t>();
      case GgufType::Float64:
        return cursor_.read<double>();
    }
    return invalid(fmt::format("key '{}' has an unknown value type", key));
  }

  /// Walks every element once, so that later readers may trust the lengths inside.
  Result<GgufArray> read_array(std::string_view key, unsigned depth) {
    const auto type = cursor_.read<std::uint32_t>();
    const auto count = cursor_.read<std::uint64_t>();
    if (cursor_.failed()) return truncated(fmt::format("the array of key '{}'", key));
    if (type >= kGgufTypes) return invalid(fmt::format("the array of key '{}' has unknown type {}", key, type));
    if (depth > kDeepestArray) return invalid(fmt::format("the arrays of key '{}' nest too deeply", key));
    const auto element = static_cast<GgufType>(type);
    if (!cursor_.has_room_for(count, smallest_size(element))) {
      return invalid(fmt::format("the array of key '{}' announces {} elements of type {}, more than the file holds",
                                 key, count, to_string(element)));
    }
    const auto start = cursor_.position();
    if (element == GgufType::String) {
      for (std::uint64_t i = 0; i < count && !cursor_.failed(); ++i) (void)cursor_.read_string();
    } else if (element == GgufType::Array) {
      for (std::uint64_t i = 0; i < count; ++i) {
        if (auto inner = read_array(key, depth + 1); !inner) return inner;
      }
    } else {
      (void)cursor_.take(count * smallest_size(element));
    }
    if (cursor_.failed()) return truncated(fmt::format("the array of key '{}'", key));
    return GgufArray{element, static_cast<std::size_t>(count), bytes_.subspan(start, cursor_.position() - start)};
  }

  Result<void> tensor_list() {
    // Metadata has used up bytes since the header was checked.
    if (!cursor_.has_room_for(tensor_count_, kSmallestTensor)) return truncated("the tensor list");
    file_.tensors_.reserve(static_cast<std::size_t>(tensor_count_));
    for (std::uint64_t i = 0; i < tensor_count_; ++i) {
      GgufTensor tensor;
      tensor.name = cursor_.read_string();
      tensor.dimensions = cursor_.read<std::uint32_t>();
      if (cursor_.failed()) return truncated(fmt::format("the name of tensor {}", i));
      if (tensor.dimensions == 0 || tensor.dimensions > tensor.shape.size()) {
        return invalid(fmt::format("tensor '{}' has {} dimensions", tensor.name, tensor.dimensions));
      }
      for (unsigned d = 0; d < tensor.dimensions; ++d) {
        tensor.shape[d] = static_cast<std::size_t>(cursor_.read<std::uint64_t>());
      }
      const auto type = cursor_.read<std::uint32_t>();
      tensor.file_offset = static_cast<std::size_t>(cursor_.read<std::uint64_t>());
      if (cursor_.failed()) return truncated(fmt::format("the description of tensor '{}'", tensor.name));
      if (!find_tensor_type(type)) {
        return invalid(fmt::format("tensor '{}' has unknown element type {}", tensor.name, type));
      }
      tensor.type = static_cast<TensorType>(type);
      if (!file_.tensor_index_.emplace(tensor.name, file_.tensors_.size()).second) {
        return invalid(fmt::format("tensor '{}' appears twice", tensor.name));
      }
      file_.tensors_.push_back(tensor);
    }
    return {};
  }

  Result<void> place_tensors() {
    std::size_t alignment = kDefaultAlignment;
    if (file_.find("general.alignment") != nullptr) {
      const auto stated = file_.integer("general.alignment");
      if (!stated) return std::unexpected(stated.error());
      if (!std::has_single_bit(*stated) || *stated > (1U << 20)) {
        return invalid(fmt::format("alignment {} is not a power of two up to 1048576", *stated));
      }
      alignment = static_cast<std::size_t>(*stated);
    }
    const auto end = cursor_.position();
    file_.data_offset_ = end + (alignment - end % alignment) % alignment;
    if (file_.tensors_.empty()) return {};
    if (file_.data_offset_ > bytes_.size()) return truncated("the padding before its tensor data");
    const auto data = bytes_.subspan(file_.data_offset_);
    for (auto& tensor : file_.tensors_) {
      if (auto placed = place(tensor, data, alignment); !placed) return placed;
    }
    return {};
  }

  Result<void> place(GgufTensor& tensor, std::span<const std::byte> data, std::size_t alignment) const {
    const auto format = traits(tensor.type);
    std::size_t elements = 1;
    for (const auto extent : tensor.shape) {
      if (extent == 0) return invalid(fmt::format("tensor '{}' has an extent of 0", tensor.name));
      if (!multiply(elements, extent)) return invalid(fmt::format("tensor '{}' is absurdly large", tensor.name));
    }
    if (tensor.columns() % format.block_elements != 0) {
      return invalid(fmt::format("tensor '{}' has rows of {} elements, not a multiple of the {} of a {} block",
                                 tensor.name, tensor.columns(), format.block_elements, format.name));
    }
    std::size_t size = elements / format.block_elements;
    if (!multiply(size, format.block_bytes)) return invalid(fmt::format("tensor '{}' is absurdly large", tensor.name));
    const auto offset = tensor.file_offset;
    if (offset % alignment != 0) {
      return invalid(fmt::format("tensor '{}' is at offset {}, not a multiple of {}", tensor.name, offset, alignment));
    }
    if (offset > data.size() || size > data.size() - offset) {
      return invalid(fmt::format("the file is truncated: tensor '{}' needs {} bytes at offset {} of {} bytes of data",
                                 tensor.name, size, offset, data.size()));
    }
    tensor.data = data.subspan(offset, size);
    tensor.file_offset = file_.data_offset_ + offset;
    return {};
  }

  std::unexpected<Error> truncated(std::string_view where) const {
    return invalid(fmt::format("it is truncated in {} (file of {} bytes)", where, bytes_.size()));
  }

  GgufCursor cursor_;
  std::span<const std::byte> bytes_;
  Gguf file_;
  std::uint64_t tensor_count_ = 0;
  std::uint64_t value_count_ = 0;
};

Result<Gguf> Gguf::parse(std::span<const std::byte> bytes, std::shared_ptr<const void> owner) {
  return GgufParser(bytes).run(std::move(owner));
}

Result<Gguf> Gguf::open(const std::string& path) {
  const auto file = MappedFile::open(path);
  if (!file) return std::unexpected(file.error());
  auto parsed = parse((*file)->bytes(), *file);
  if (!parsed) return std::unexpected(parsed.error().with_context(fmt::format("'{}'", path)));
  return parsed;
}

}  // namespace anymetal::model
