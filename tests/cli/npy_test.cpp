#include "parts/npy.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <string_view>

namespace anymetal::cli {
namespace {

using namespace std::string_view_literals;
using namespace std::string_literals;
using ::testing::HasSubstr;

/// A version 1.0 file around this header and data.
std::string file_with(std::string_view header, std::string_view data) {
  std::string bytes = "\x93NUMPY\1"s + '\0';
  bytes += static_cast<char>(header.size() & 0xff);
  bytes += static_cast<char>(header.size() >> 8);
  return bytes.append(header).append(data);
}

constexpr auto kHeader = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n"sv;
constexpr auto kData = "012345678901234567890123"sv;

TEST(Npy, ReadsWhatNumpyWrites) {
  const auto array = parse_npy(file_with(kHeader, kData), "x.npy");
  ASSERT_TRUE(array) << array.error().message();
  EXPECT_EQ(array->type, ElementType::F32);
  EXPECT_THAT(array->shape, ::testing::ElementsAre(2, 3));
  EXPECT_EQ(array->data.size(), 24U);
  EXPECT_EQ(array->data[5], std::byte{'5'});
}

TEST(Npy, KeysMayComeInAnyOrderAndQuotes) {
  const auto array = parse_npy(file_with(R"({"shape":(24,),"descr":"|u1","fortran_order":False})", kData), "x.npy");
  ASSERT_TRUE(array) << array.error().message();
  EXPECT_EQ(array->type, ElementType::U8);
  EXPECT_THAT(array->shape, ::testing::ElementsAre(24));
}

TEST(Npy, ReadsVersionsTwoAndThree) {
  for (const char version : {'\2', '\3'}) {
    std::string bytes = "\x93NUMPY"s + version + '\0';
    bytes += static_cast<char>(kHeader.size());
    bytes.append(3, '\0').append(kHeader).append(kData);
    EXPECT_TRUE(parse_npy(bytes, "x.npy"));
  }
}

TEST(Npy, AScalarHasNoExtents) {
  const auto array =
      parse_npy(file_with("{'descr': '<i8', 'fortran_order': False, 'shape': (), }", "12345678"), "x.npy");
  ASSERT_TRUE(array) << array.error().message();
  EXPECT_TRUE(array->shape.empty());
  EXPECT_EQ(array->data.size(), 8U);
}

TEST(Npy, EveryTypeSurvivesARoundTrip) {
  const auto path = std::filesystem::path(::testing::TempDir()) / "anymetal_round_trip.npy";
  for (const auto type : {ElementType::F32, ElementType::F16, ElementType::I8, ElementType::I16, ElementType::I32,
                          ElementType::I64, ElementType::U8, ElementType::U16, ElementType::U32, ElementType::U64}) {
    const std::vector<std::size_t> shape{3, 5};
    std::vector<std::byte> data(15 * size_of(type));
    for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<std::byte>(i * 37);
    ASSERT_TRUE(write_npy(path, type, shape, data));
    const auto array = read_npy(path);
    ASSERT_TRUE(array) << array.error().message();
    EXPECT_EQ(array->type, type);
    EXPECT_EQ(array->shape, shape);
    EXPECT_EQ(array->data, data);
  }
  std::filesystem::remove(path);
}

TEST(Npy, WritesDataAtAMultipleOf64Bytes) {
  const std::vector<std::size_t> shape{1};
  EXPECT_EQ(npy_preamble(ElementType::U8, shape).size() % 64, 0U);
}

TEST(Npy, EveryTruncationIsAnError) {
  const std::string whole = file_with(kHeader, kData);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto array = parse_npy(std::string_view(whole).substr(0, size), "x.npy");
    ASSERT_FALSE(array) << "first " << size << " bytes were accepted";
    EXPECT_EQ(array.error().code(), ErrorCode::InvalidFile);
    EXPECT_THAT(array.error().message(), HasSubstr("x.npy"));
  }
}

struct Refused {
  std::string_view header;
  std::string_view reason;
};

class NpyRefuses : public ::testing::TestWithParam<Refused> {};

TEST_P(NpyRefuses, WithAReason) {
  const auto array = parse_npy(file_with(GetParam().header, kData), "x.npy");
  ASSERT_FALSE(array);
  EXPECT_EQ(array.error().code(), ErrorCode::InvalidFile);
  EXPECT_THAT(array.error().message(), HasSubstr(std::string(GetParam().reason)));
}

INSTANTIATE_TEST_SUITE_P(
    Headers, NpyRefuses,
    ::testing::Values(Refused{"{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }", "'<f8' are not supported"},
                      Refused{"{'descr': '>f4', 'fortran_order': False, 'shape': (6,), }", "'>f4' are not supported"},
                      Refused{"{'descr': '|O', 'fortran_order': False, 'shape': (3,), }", "'|O' are not supported"},
                      Refused{"{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }", "Fortran order"},
                      Refused{"{'descr': '<f4', 'fortran_order': False, 'shape': (7,), }", "does not fit"},
                      Refused{"{'descr': '<f4', 'fortran_order': False, 'shape': (5,), }", "4 stray bytes"},
                      Refused{"{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }",
                              "does not fit"},
                      Refused{"{'descr': '<f4', 'fortran_order': False, 'shape': (-6,), }", "malformed"},
                      Refused{"{'descr': '<f4', 'fortran_order': False, 'shape': (6 }", "malformed"},
                      Refused{"{'descr': '<f4', 'fortran_order': 0, 'shape': (6,), }", "malformed"},
                      Refused{"{'descr': '<f4', 'shape': (6,), }", "malformed"},
                      Refused{"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (6,), }", "malformed"},
                      Refused{"{'descr': '<f4, 'fortran_order': False, 'shape': (6,), }", "malformed"},
                      Refused{"{'descr': '<f4', 'fortran_order': False, 'shape': (6,), } x", "malformed"},
                      Refused{"{'descr': '<f4', 'fortran_order': False, 'shape': (6,), 'more': 1}", "malformed"},
                      Refused{"", "malformed"}));

TEST(Npy, OtherFilesAreNamedAsSuch) {
  EXPECT_THAT(parse_npy("PK\3\4 a zip file", "x.npz").error().message(), HasSubstr("not a .npy file"));
  EXPECT_THAT(parse_npy("\x93NUMPY\4\0\0\0"sv, "x.npy").error().message(), HasSubstr("version 4"));
}

TEST(Npy, MissingFilesAndDirectoriesAreIoErrors) {
  const auto missing = read_npy("/nonexistent/x.npy");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), ErrorCode::IoError);
  EXPECT_THAT(missing.error().message(), HasSubstr("no such file"));
  const auto directory = read_npy(::testing::TempDir());
  ASSERT_FALSE(directory);
  EXPECT_EQ(directory.error().code(), ErrorCode::IoError);
  EXPECT_THAT(directory.error().message(), HasSubstr("is a directory"));
}

}  // namespace
}  // namespace anymetal::cli
