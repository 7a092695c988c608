#pragma once
/// \file
/// The format of one file of the disk cache.
///
/// | bytes | field |
/// |---|---|
/// | 8 | magic "anymetal" |
/// | 4 | format version |
/// | 8 | length of the key |
/// | 8 | length of the payload |
/// | 16 | XXH3-128 of the three fields before, the key and the payload |
/// | 32 | HMAC-SHA256 of all the rest; zeros where no key is used |
/// | ... | key, whole: two keys with one hash are told apart |
/// | ... | payload |

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace anymetal::cache {

class Seal;

inline constexpr std::uint32_t kFormatVersion = 2;

/// The file for a key and its payload; `seal` is nullptr where no secret is used, here and below.
std::string encode_entry(std::string_view key, std::string_view payload, const Seal* seal = nullptr);

/// What a file holds, or why it is not to be trusted.
struct DecodedEntry {
  enum class State : std::uint8_t { Good, Damaged, OtherKey };
  State state = State::Damaged;
  std::string_view key;      ///< Good and OtherKey; points into the file's bytes
  std::string_view payload;  ///< Good; points into the file's bytes
};

/// Never reads outside of `file`, whatever it says about lengths.
DecodedEntry decode_entry(std::string_view file, std::string_view expected_key, const Seal* seal = nullptr);
/// The same where any key will do.
DecodedEntry decode_entry(std::string_view file, const Seal* seal = nullptr);

/// XXH3-128 in 32 hexadecimal digits.
std::string hex_digest(std::string_view bytes);
/// 32 hexadecimal digits that name a key's file; another secret gives other names.
std::string entry_name(std::string_view key, const Seal* seal = nullptr);

}  // namespace anymetal::cache
