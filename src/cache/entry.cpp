#include "cache/entry.hpp"

#include "cache/bytes.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <array>
#include <cstring>

namespace anymetal::cache {

namespace {

constexpr std::string_view kMagic = "anymetal";
constexpr std::size_t kDigestSize = 16;
constexpr std::size_t kFieldsSize = 4 + 8 + 8;
constexpr std::size_t kHeaderSize = kMagic.size() + kFieldsSize + kDigestSize;

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

}  // namespace

std::string encode_entry(std::string_view key, std::string_view payload) {
  ByteWriter fields;
  fields.number(kFormatVersion);
  fields.number(static_cast<std::uint64_t>(key.size()));
  fields.number(static_cast<std::uint64_t>(payload.size()));
  const std::string header = fields.take();
  std::string body;
  body.reserve(key.size() + payload.size());
  body.append(key).append(payload);
  return std::string(kMagic) + header + digest(header, body) + body;
}

DecodedEntry decode_entry(std::string_view file) {
  if (file.size() < kHeaderSize || !file.starts_with(kMagic)) return {};
  const auto fields = file.substr(kMagic.size(), kFieldsSize);
  const auto body = file.substr(kHeaderSize);
  ByteReader reader(fields);
  const auto version = reader.number<std::uint32_t>();
  const auto key_size = reader.number<std::uint64_t>();
  const auto payload_size = reader.number<std::uint64_t>();
  if (version != kFormatVersion || key_size > body.size() || payload_size != body.size() - key_size) return {};
  if (file.substr(kMagic.size() + kFieldsSize, kDigestSize) != digest(fields, body)) return {};
  const auto split = static_cast<std::size_t>(key_size);
  return {DecodedEntry::State::Good, body.substr(0, split), body.substr(split)};
}

DecodedEntry decode_entry(std::string_view file, std::string_view expected_key) {
  auto entry = decode_entry(file);
  if (entry.state == DecodedEntry::State::Good && entry.key != expected_key) {
    entry.state = DecodedEntry::State::OtherKey;
    entry.payload = {};
  }
  return entry;
}

std::string hex_digest(std::string_view key) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string id;
  for (const char c : canonical(XXH3_128bits(key.data(), key.size()))) {
    const auto byte = static_cast<unsigned char>(c);
    id += kDigits[byte >> 4];
    id += kDigits[byte & 15];
  }
  return id;
}

}  // namespace anymetal::cache
