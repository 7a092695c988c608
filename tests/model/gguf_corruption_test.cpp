// Damaged GGUF files: each is refused with InvalidFile, and none is read outside its bytes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <memory>

#include "model/gguf.hpp"
#include "model/gguf_writer.hpp"

namespace anymetal::test {
namespace {

using model::Gguf;
using model::GgufType;
using model::TensorType;
using ::testing::HasSubstr;

/// Parses a copy that ends exactly where its allocation does, so that AddressSanitizer sees any read past it.
Result<Gguf> parse_exact(const Bytes& bytes, std::size_t size) {
  const std::shared_ptr<std::byte[]> copy(new std::byte[size]);
  std::copy_n(bytes.begin(), size, copy.get());
  return Gguf::parse({copy.get(), size}, copy);
}
Result<Gguf> parse_exact(const Bytes& bytes) { return parse_exact(bytes, bytes.size()); }

GgufWriter small_file() {
  GgufWriter writer;
  writer.text("general.architecture", "toy").u32("toy.n", 3).texts("words", {"a", "bc"});
  writer.array<float>("floats", GgufType::Float32, {1.0F, 2.0F}).flag("flag", true);
  writer.tensor("w", TensorType::F32, {2, 2}, Bytes(16)).tensor("q", TensorType::Q4_K, {256}, Bytes(144));
  return writer;
}

TEST(GgufCorruption, TruncatedAtEveryByte) {
  const auto bytes = small_file().bytes();
  ASSERT_TRUE(parse_exact(bytes));
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto file = parse_exact(bytes, size);
    ASSERT_FALSE(file) << "a file cut at byte " << size << " of " << bytes.size() << " was accepted";
    EXPECT_EQ(file.error().code(), ErrorCode::InvalidFile) << size;
  }
}

TEST(GgufCorruption, EveryByteOfTheHeaderFlipped) {
  const auto writer = small_file();
  const auto bytes = writer.bytes();
  std::size_t refused = 0;
  for (std::size_t at = 0; at < writer.header_size(); ++at) {
    for (const int mask : {0x01, 0x80, 0xFF}) {
      auto damaged = bytes;
      damaged[at] ^= static_cast<std::byte>(mask);
      const auto file = parse_exact(damaged);
      if (file) continue;  // a changed letter or number can still be a sound file
      ++refused;
      EXPECT_EQ(file.error().code(), ErrorCode::InvalidFile);
    }
  }
  EXPECT_GT(refused, writer.header_size());
}

TEST(GgufCorruption, EveryWordOfTheHeaderMadeHuge) {
  const auto writer = small_file();
  const auto bytes = writer.bytes();
  for (std::size_t at = 0; at + 8 <= writer.header_size(); ++at) {
    for (const std::uint64_t huge : {std::numeric_limits<std::uint64_t>::max(), std::uint64_t{1} << 63,
                                     std::uint64_t{1} << 61, std::uint64_t{1} << 32}) {
      auto damaged = bytes;
      std::memcpy(damaged.data() + at, &huge, sizeof huge);
      const auto file = parse_exact(damaged);
      // Sound files are possible: a long array may just have lost a value.
      EXPECT_TRUE(file || file.error().code() == ErrorCode::InvalidFile) << at;
    }
  }
}

struct Case {
  const char* name;
  Bytes bytes;
  const char* message;  ///< part of what the error must say
};

Bytes header(std::uint64_t tensors, std::uint64_t values, const Bytes& rest = {}) {
  ByteWriter writer;
  writer.put<std::uint32_t>(0x46554747).put<std::uint32_t>(3).put(tensors).put(values).append(rest);
  return writer.bytes();
}

Bytes one_tensor(std::string_view name, std::vector<std::uint64_t> shape, std::uint32_t type, std::uint64_t offset,
                 std::size_t data_size) {
  ByteWriter writer;
  writer.put<std::uint32_t>(0x46554747).put<std::uint32_t>(3).put<std::uint64_t>(1).put<std::uint64_t>(0);
  writer.text(name).put(static_cast<std::uint32_t>(shape.size()));
  for (const auto extent : shape) writer.put(extent);
  writer.put(type).put(offset).pad(32);
  for (std::size_t i = 0; i < data_size; ++i) writer.put<std::uint8_t>(0);
  return writer.bytes();
}

Bytes nested_arrays(unsigned depth) {
  ByteWriter writer;
  writer.text("deep").put<std::uint32_t>(9);
  for (unsigned i = 0; i < depth; ++i) writer.put<std::uint32_t>(9).put<std::uint64_t>(1);
  writer.put<std::uint32_t>(0).put<std::uint64_t>(0);
  return header(0, 1, writer.bytes());
}

std::vector<Case> cases() {
  ByteWriter long_array;
  long_array.text("a").put<std::uint32_t>(9).put<std::uint32_t>(8).put<std::uint64_t>(1ULL << 60);
  ByteWriter long_text;
  long_text.text("a").put<std::uint32_t>(8).put<std::uint64_t>(1ULL << 60).put<std::uint64_t>(0);
  ByteWriter strange_value;
  strange_value.text("a").put<std::uint32_t>(13).put<std::uint64_t>(0);
  ByteWriter strange_element;
  strange_element.text("a").put<std::uint32_t>(9).put<std::uint32_t>(99).put<std::uint64_t>(0);
  ByteWriter strange_bool;
  strange_bool.text("a").put<std::uint32_t>(7).put<std::uint8_t>(2).put<std::uint64_t>(0);
  constexpr auto kMax = std::numeric_limits<std::uint64_t>::max();
  return {
      {"magic", GgufWriter().bytes(), nullptr},
      {"version 1", GgufWriter().version(1).bytes(), "version 1"},
      {"version 4", GgufWriter().version(4).bytes(), "version 4"},
      {"version 0", GgufWriter().version(0).bytes(), "version 0"},
      {"big-endian", GgufWriter().version(0x03000000).bytes(), "big-endian"},
      {"absurd tensor count", header(kMax, 0), "tensors"},
      {"absurd value count", header(0, kMax), "metadata values"},
      {"absurd array count", header(0, 1, long_array.bytes()), "'a'"},
      {"absurd text length", header(0, 1, long_text.bytes()), "'a'"},
      {"unknown value type", header(0, 1, strange_value.bytes()), "unknown value type 13"},
      {"unknown element type", header(0, 1, strange_element.bytes()), "unknown type 99"},
      {"bool of 2", header(0, 1, strange_bool.bytes()), "bool"},
      {"arrays too deep", nested_arrays(10), "nest"},
      {"key twice", GgufWriter().u32("k", 1).u32("k", 2).bytes(), "'k' appears twice"},
      {"tensor twice",
       GgufWriter().tensor("t", TensorType::F32, {1}, Bytes(4)).tensor("t", TensorType::F32, {1}, Bytes(4)).bytes(),
       "'t' appears twice"},
      {"alignment 0", GgufWriter().u32("general.alignment", 0).bytes(), "alignment"},
      {"alignment 24", GgufWriter().u32("general.alignment", 24).bytes(), "alignment"},
      {"alignment a text", GgufWriter().text("general.alignment", "32").bytes(), "general.alignment"},
      {"unknown tensor type", one_tensor("t", {1}, 4, 0, 64), "unknown element type 4"},
      {"absurd tensor type", one_tensor("t", {1}, 0xFFFFFFFF, 0, 64), "unknown element type"},
      {"no dimensions", one_tensor("t", {}, 0, 0, 64), "0 dimensions"},
      {"five dimensions", one_tensor("t", {1, 1, 1, 1, 1}, 0, 0, 64), "5 dimensions"},
      {"empty extent", one_tensor("t", {4, 0}, 0, 0, 64), "extent of 0"},
      {"element count overflows", one_tensor("t", {1ULL << 33, 1ULL << 33}, 0, 0, 64), "absurdly large"},
      {"byte count overflows", one_tensor("t", {1ULL << 63}, 0, 0, 64), "absurdly large"},
      {"partial block", one_tensor("t", {33}, 8, 0, 64), "33"},
      {"misaligned offset", one_tensor("t", {1}, 0, 4, 64), "offset 4"},
      {"offset past the end", one_tensor("t", {1}, 0, 4096, 64), "truncated"},
      {"offset near 2^64", one_tensor("t", {16}, 0, kMax - 31, 64), "truncated"},
      {"data past the end", one_tensor("t", {17}, 0, 0, 64), "needs 68 bytes"},
  };
}

TEST(GgufCorruption, Table) {
  for (auto& c : cases()) {
    SCOPED_TRACE(c.name);
    if (c.message == nullptr) {
      c.bytes[0] = std::byte{'g'};
      c.message = "'GGUF'";
    }
    const auto file = parse_exact(c.bytes);
    ASSERT_FALSE(file);
    EXPECT_EQ(file.error().code(), ErrorCode::InvalidFile);
    EXPECT_THAT(file.error().message(), HasSubstr(c.message));
  }
}

}  // namespace
}  // namespace anymetal::test
