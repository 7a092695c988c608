#include "cache/seal.hpp"

#include <llvm/ADT/StringRef.h>
#include <llvm/Support/SHA256.h>

#include <algorithm>

namespace anymetal::cache {

namespace {

constexpr std::size_t kBlock = 64;  // bytes SHA-256 takes at a time

std::string sha256(std::initializer_list<std::string_view> parts) {
  llvm::SHA256 hash;
  for (const auto part : parts) hash.update(llvm::StringRef(part));
  const auto digest = hash.final();
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

std::string padded(std::string key, char pad) {
  key.resize(kBlock, '\0');
  std::ranges::transform(key, key.begin(), [pad](char c) { return static_cast<char>(c ^ pad); });
  return key;
}

}  // namespace

Seal::Seal(std::string_view key) {
  const auto whole = key.size() > kBlock ? sha256({key}) : std::string(key);
  inner_ = padded(whole, 0x36);
  outer_ = padded(whole, 0x5c);
}

std::string Seal::of(std::initializer_list<std::string_view> parts) const {
  llvm::SHA256 hash;
  hash.update(llvm::StringRef(inner_));
  for (const auto part : parts) hash.update(llvm::StringRef(part));
  const auto digest = hash.final();
  return sha256({outer_, {reinterpret_cast<const char*>(digest.data()), digest.size()}});
}

bool same_seal(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) difference |= static_cast<unsigned char>(a[i] ^ b[i]);
  return difference == 0;
}

}  // namespace anymetal::cache
