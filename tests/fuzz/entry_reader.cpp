// What is read back from the disk cache: the entry's frame, and the two payloads behind a checksum that a fuzzer would
// never meet.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "cache/entry.hpp"
#include "cache/seal.hpp"
#include "registry/stored_form.hpp"

namespace {

using namespace anymetal;  // NOLINT(google-build-using-namespace): a program, not a header
using State = cache::DecodedEntry::State;

void expect(bool condition) {
  if (!condition) std::abort();
}

bool inside(std::string_view part, std::string_view whole) {
  return part.empty() || (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

void any_bytes(std::string_view bytes) {
  static const cache::Seal seal("a secret of the fuzzer");
  for (const auto* with : {static_cast<const cache::Seal*>(nullptr), &seal}) {
    const auto entry = cache::decode_entry(bytes, with);
    expect(inside(entry.key, bytes) && inside(entry.payload, bytes));
    // The checksum is sound: bytes that pass are those that would be written.
    if (entry.state == State::Good) expect(cache::encode_entry(entry.key, entry.payload, with) == bytes);
  }
}

// A sound entry of the first bytes, spoilt in one place as the last bytes say.
void nearly_an_entry(std::string_view bytes) {
  if (bytes.size() < 4) return;
  const auto key = bytes.substr(0, static_cast<unsigned char>(bytes[0]) % bytes.size());
  const auto payload = bytes.substr(key.size());
  auto file = cache::encode_entry(key, payload);
  const auto whole = cache::decode_entry(file, key);
  expect(whole.state == State::Good && whole.payload == payload);
  const auto at = (static_cast<unsigned char>(bytes[1]) * 256U + static_cast<unsigned char>(bytes[2])) % file.size();
  if (bytes.back() == 0) {
    file.resize(at);
  } else {
    file[at] = static_cast<char>(file[at] ^ bytes.back());
  }
  expect(cache::decode_entry(file, key).state == State::Damaged);
}

// Whatever is read is written back as the same bytes, or not read at all; NaN and the like have no place in these
// forms.
void payloads(std::string_view bytes) {
  if (const auto pipeline = registry::pipeline_from_bytes(bytes)) {
    const auto again = registry::pipeline_from_bytes(registry::to_bytes(*pipeline));
    expect(again && again->artifact.code == pipeline->artifact.code &&
           registry::to_bytes(*again) == registry::to_bytes(*pipeline));
  }
  if (const auto entry = registry::entry_from_bytes(bytes)) {
    const auto again = registry::entry_from_bytes(registry::to_bytes(*entry));
    expect(again && registry::to_bytes(*again) == registry::to_bytes(*entry));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  any_bytes(bytes);
  nearly_an_entry(bytes);
  payloads(bytes);
  return 0;
}
