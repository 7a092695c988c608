#include "cache/entry.hpp"

#include "cache/bytes.hpp"
#include "cache/seal.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <array>
#include <cstring>

namespace anymetal::cache {

namespace {

constexpr std::string_view kMagic = "anymetal";
constexpr std::size_t kDigestSize = 16;
constexpr std::size_t kFieldsSize = 4 + 8 + 8;
constexpr std::size_t kSealAt = kMagic.size() + kFieldsSize + kDigestSize;
constexpr std::size_t kHeaderSize = kSealAt + Seal::kSize;

std::string canonical(XXH128_hash_t hash) {
  XXH128_canonical_t bytes;
  XXH128_canonicalFromHash(&bytes, hash);
  return {reinterpret_cast<const char*>(bytes.digest), sizeof bytes.digest};
}

// Over the fields and the body as if they stood together.
std::string digest(std::string_view fields, std::string_view body) {
  const auto seed = XXH3_64bits(fields.data(), fields.size());
  return canonical(XXH3_128bits_withSeed(body.data(), body.size(), seed));
}

std::string sealed(const Seal* seal, std::string_view head, std::string_view body) {
  return seal != nullptr ? seal->of({head, body}) : std::string(Seal::kSize, '\0');
}

std::string hexadecimal(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string digits;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    digits += kDigits[byte >> 4];
    digits += kDigits[byte & 15];
  }
  return digits;
}

}  // namespace

std::string encode_entry(std::string_view key, std::string_view payload, const Seal* seal) {
  ByteWriter fields;
  fields.number(kFormatVersion);
  fields.number(static_cast<std::uint64_t>(key.size()));
  fields.number(static_cast<std::uint64_t>(payload.size()));
  std::string head(kMagic);
  head += fields.take();
  std::string body;
  body.reserve(key.size() + payload.size());
  body.append(key).append(payload);
  head += digest(std::string_view(head).substr(kMagic.size()), body);
  return head + sealed(seal, head, body) + body;
}

DecodedEntry decode_entry(std::string_view file, const Seal* seal) {
  if (file.size() < kHeaderSize || !file.starts_with(kMagic)) return {};
  const auto fields = file.substr(kMagic.size(), kFieldsSize);
  const auto body = file.substr(kHeaderSize);
  ByteReader reader(fields);
  const auto version = reader.number<std::uint32_t>();
  const auto key_size = reader.number<std::uint64_t>();
  const auto payload_size = reader.number<std::uint64_t>();
  if (version != kFormatVersion || key_size > body.size() || payload_size != body.size() - key_size) return {};
  if (file.substr(kMagic.size() + kFieldsSize, kDigestSize) != digest(fields, body)) return {};
  if (!same_seal(file.substr(kSealAt, Seal::kSize), sealed(seal, file.substr(0, kSealAt), body))) return {};
  const auto split = static_cast<std::size_t>(key_size);
  return {DecodedEntry::State::Good, body.substr(0, split), body.substr(split)};
}

DecodedEntry decode_entry(std::string_view file, std::string_view expected_key, const Seal* seal) {
  auto entry = decode_entry(file, seal);
  if (entry.state == DecodedEntry::State::Good && entry.key != expected_key) {
    entry.state = DecodedEntry::State::OtherKey;
    entry.payload = {};
  }
  return entry;
}

std::string hex_digest(std::string_view bytes) { return hexadecimal(canonical(XXH3_128bits(bytes.data(), bytes.size()))); }

std::string entry_name(std::string_view key, const Seal* seal) {
  if (seal == nullptr) return hex_digest(key);
  return hexadecimal(std::string_view(seal->of({"name", key})).substr(0, kDigestSize));
}

}  // namespace anymetal::cache
