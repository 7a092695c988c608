// The file format, and that its reader believes nothing.

#include "cache/entry.hpp"

#include <gtest/gtest.h>

#include <random>

namespace anymetal::cache {
namespace {

using State = DecodedEntry::State;

TEST(Entry, RoundTrip) {
  for (const std::string& payload : {std::string(), std::string("x"), std::string(100000, '\0')}) {
    for (const std::string& key : {std::string(), std::string("key"), std::string("\0\xff", 2)}) {
      const auto file = encode_entry(key, payload);
      const auto entry = decode_entry(file, key);
      ASSERT_EQ(entry.state, State::Good);
      EXPECT_EQ(entry.key, key);
      EXPECT_EQ(entry.payload, payload);
      EXPECT_EQ(decode_entry(file, key + "!").state, State::OtherKey);
      EXPECT_TRUE(decode_entry(file, key + "!").payload.empty());
    }
  }
}

TEST(Entry, EveryFlippedBitIsSeen) {
  const auto good = encode_entry("the key", "the payload");
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    auto bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_EQ(decode_entry(bad).state, State::Damaged) << "bit " << bit;
  }
}

TEST(Entry, EveryTruncationAndAnythingAppendedIsSeen) {
  const auto good = encode_entry("the key", "the payload");
  for (std::size_t size = 0; size < good.size(); ++size) EXPECT_EQ(decode_entry(good.substr(0, size)).state, State::Damaged);
  EXPECT_EQ(decode_entry(good + "x").state, State::Damaged);
  EXPECT_EQ(decode_entry(good + good).state, State::Damaged);
}

TEST(Entry, HugeLengthsReadNothingOutside) {
  const auto good = encode_entry("the key", "the payload");
  for (std::size_t field : {std::size_t{12}, std::size_t{20}}) {
    for (const char byte : {'\x7f', '\xff'}) {
      auto bad = good;
      for (std::size_t i = 0; i < 8; ++i) bad[field + i] = byte;
      EXPECT_EQ(decode_entry(bad).state, State::Damaged);
    }
  }
  auto sums_to_the_truth = good;  // lengths that wrap around to the right sum
  sums_to_the_truth[12] = static_cast<char>(sums_to_the_truth[12] + 1);
  EXPECT_EQ(decode_entry(sums_to_the_truth).state, State::Damaged);
}

TEST(Entry, RandomBytesAreDamaged) {
  std::mt19937 random(7);
  for (int round = 0; round < 20000; ++round) {
    std::string bytes = round % 2 == 0 ? encode_entry("k", "payload") : std::string(random() % 100, '\0');
    const auto changes = 1 + random() % 4;
    const auto before = bytes;
    for (unsigned i = 0; i < changes && !bytes.empty(); ++i) bytes[random() % bytes.size()] = static_cast<char>(random());
    const bool still_good = round % 2 == 0 && bytes == before;
    EXPECT_EQ(decode_entry(bytes).state, still_good ? State::Good : State::Damaged);
  }
}

}  // namespace
}  // namespace anymetal::cache
