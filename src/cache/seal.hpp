#pragma once
/// \file
/// HMAC-SHA256: proof that an entry was written by somebody who has the key.

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>

namespace anymetal::cache {

/// RFC 2104 over FIPS 180-4, the latter as LLVM has it. Thread contract: immutable.
class Seal {
 public:
  static constexpr std::size_t kSize = 32;
  /// `key`: any bytes, best 32 random ones.
  explicit Seal(std::string_view key);
  /// kSize bytes, over the parts as if they stood together.
  [[nodiscard]] std::string of(std::initializer_list<std::string_view> parts) const;

 private:
  std::string inner_;
  std::string outer_;
};

/// In a time that does not tell where two strings of one length differ.
bool same_seal(std::string_view a, std::string_view b);

}  // namespace anymetal::cache
