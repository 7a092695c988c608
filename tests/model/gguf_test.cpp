// What a sound GGUF file gives.
#include "model/gguf.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "model/gguf_writer.hpp"

namespace anymetal::test {
namespace {

using model::Gguf;
using model::GgufType;
using model::TensorType;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Bytes counting(std::size_t size) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 7 + 1);
  return bytes;
}

GgufWriter every_type() {
  GgufWriter writer;
  writer.value<std::uint8_t>("u8", GgufType::UInt8, 200).value<std::int8_t>("i8", GgufType::Int8, -3);
  writer.value<std::uint16_t>("u16", GgufType::UInt16, 60000).value<std::int16_t>("i16", GgufType::Int16, -300);
  writer.u32("u32", 4000000000U).value<std::int32_t>("i32", GgufType::Int32, 5);
  writer.value<std::uint64_t>("u64", GgufType::UInt64, 1ULL << 40).value<std::int64_t>("i64", GgufType::Int64, -1);
  writer.f32("f32", 1.5F).value<double>("f64", GgufType::Float64, 2.25).flag("yes", true).flag("no", false);
  writer.text("text", "h\u00e9llo").texts("texts", {"a", "", "long enough to leave the small buffer"});
  writer.array<float>("floats", GgufType::Float32, {0.5F, -1.0F}).array<std::int32_t>("ints", GgufType::Int32, {7, -7});
  writer.array<std::uint8_t>("empty", GgufType::UInt8, {});
  writer.tensor("a", TensorType::F32, {3}, counting(12)).tensor("b", TensorType::Q8_0, {64, 3}, counting(204));
  return writer;
}

Result<Gguf> parse(const Bytes& bytes) { return Gguf::parse(bytes, nullptr); }

TEST(Gguf, ReadsEveryMetadataType) {
  const auto bytes = every_type().bytes();
  const auto file = parse(bytes);
  ASSERT_TRUE(file) << file.error().message();
  EXPECT_EQ(file->keys().size(), 17U);
  EXPECT_EQ(*file->integer("u8"), 200U);
  EXPECT_EQ(*file->integer("u16"), 60000U);
  EXPECT_EQ(*file->integer("u32"), 4000000000U);
  EXPECT_EQ(*file->integer("u64"), 1ULL << 40);
  EXPECT_EQ(*file->integer("i32"), 5U);
  EXPECT_EQ(*file->number("i8"), -3.0);
  EXPECT_EQ(*file->number("i16"), -300.0);
  EXPECT_EQ(*file->number("i64"), -1.0);
  EXPECT_EQ(*file->number("f32"), 1.5);
  EXPECT_EQ(*file->number("f64"), 2.25);
  EXPECT_TRUE(*file->boolean("yes"));
  EXPECT_FALSE(*file->boolean("no"));
  EXPECT_EQ(*file->text("text"), "h\u00e9llo");
  EXPECT_THAT(*file->texts("texts"), ElementsAre("a", "", "long enough to leave the small buffer"));
  EXPECT_THAT(*file->floats("floats"), ElementsAre(0.5F, -1.0F));
  EXPECT_THAT(*file->integers("ints"), ElementsAre(7, -7));
}

TEST(Gguf, PlacesTensors) {
  const auto bytes = every_type().bytes();
  const auto file = parse(bytes);
  ASSERT_TRUE(file) << file.error().message();
  const auto b = file->tensor("b");
  ASSERT_TRUE(b);
  EXPECT_EQ(b->type, TensorType::Q8_0);
  EXPECT_EQ(b->columns(), 64U);
  EXPECT_EQ(b->rows(), 3U);
  EXPECT_EQ(b->file_offset, file->data_offset() + 32);
  EXPECT_THAT(Bytes(b->data.begin(), b->data.end()), ::testing::ContainerEq(counting(204)));
  EXPECT_EQ(file->find_tensor("c"), nullptr);
  const auto missing = file->tensor("c");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), ErrorCode::InvalidFile);
  EXPECT_THAT(missing.error().message(), HasSubstr("'c'"));
}

TEST(Gguf, TypedLookUpsNameKeyAndTypes) {
  const auto bytes = every_type().bytes();
  const auto file = parse(bytes);
  ASSERT_TRUE(file);
  const auto expect = [](const auto& result, std::initializer_list<const char*> parts) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code(), ErrorCode::InvalidFile);
    for (const auto* part : parts) EXPECT_THAT(result.error().message(), HasSubstr(part));
  };
  expect(file->integer("text"), {"'text'", "string", "integer"});
  expect(file->integer("i64"), {"'i64'", "not negative"});
  expect(file->integer("yes"), {"'yes'", "bool"});
  expect(file->number("texts"), {"'texts'", "array of string"});
  expect(file->boolean("u8"), {"'u8'", "uint8"});
  expect(file->text("u8"), {"'u8'", "uint8"});
  expect(file->texts("floats"), {"'floats'", "array of float32"});
  expect(file->floats("nowhere"), {"'nowhere'"});
  expect(file->integers("f32"), {"'f32'"});
}

TEST(Gguf, HonoursAlignment) {
  GgufWriter writer;
  writer.u32("general.alignment", 8).tensor("a", TensorType::F32, {2}, counting(8));
  const auto bytes = writer.bytes();
  const auto file = parse(bytes);
  ASSERT_TRUE(file) << file.error().message();
  EXPECT_EQ(file->data_offset(), (writer.header_size() + 7) / 8 * 8);
}

TEST(Gguf, OpensFilesAndSaysWhyNot) {
  const auto folder = std::filesystem::temp_directory_path() / "anymetal-gguf-test";
  std::filesystem::create_directories(folder);
  const auto path = folder / "sound.gguf";
  const auto bytes = every_type().bytes();
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  EXPECT_TRUE(Gguf::open(path));
  const auto directory = Gguf::open(folder);
  ASSERT_FALSE(directory);
  EXPECT_EQ(directory.error().code(), ErrorCode::IoError);
  EXPECT_THAT(directory.error().message(), HasSubstr("directory"));
  const auto missing = Gguf::open(folder / "missing.gguf");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), ErrorCode::IoError);
  const auto device = Gguf::open("/dev/null");
  ASSERT_FALSE(device);
  EXPECT_EQ(device.error().code(), ErrorCode::IoError);
  std::ofstream(folder / "empty.gguf").close();
  const auto empty = Gguf::open(folder / "empty.gguf");
  ASSERT_FALSE(empty);
  EXPECT_EQ(empty.error().code(), ErrorCode::InvalidFile);
  EXPECT_THAT(empty.error().message(), HasSubstr("empty.gguf"));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace anymetal::test
