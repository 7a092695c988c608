// Directories that others may write to: entries are believed for their seal alone.

#include <sys/stat.h>

#include "cache/entry.hpp"
#include "cache/fixture.hpp"
#include "cache/key_file.hpp"
#include "cache/seal.hpp"

namespace anymetal::testing {
namespace {

using cache::DiskStore;
using cache::Seal;

std::string hexadecimal(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    for (const int shift : {4, 0}) text += "0123456789abcdef"[(static_cast<unsigned char>(c) >> shift) & 15];
  }
  return text;
}

// RFC 4231, test cases 1, 2, 3, 6 and 7.
TEST(SealVectors, OfTheStandard) {
  const struct {
    std::string key, text, digest;
  } kCases[] = {
      {std::string(20, '\x0b'), "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
      {"Jefe", "what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
      {std::string(20, '\xaa'), std::string(50, '\xdd'),
       "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
      {std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First",
       "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
      {std::string(131, '\xaa'),
       "This is a test using a larger than block-size key and a larger than block-size data. The key needs to be "
       "hashed before "
       "being used by the HMAC algorithm.",
       "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
  };
  for (const auto& c : kCases) {
    const std::string_view text = c.text;
    EXPECT_EQ(hexadecimal(Seal(c.key).of({text})), c.digest);
    EXPECT_EQ(hexadecimal(Seal(c.key).of({text.substr(0, 3), text.substr(3)})), c.digest) << "parts are one text";
  }
}

TEST(SealVectors, Comparison) {
  EXPECT_TRUE(cache::same_seal("abc", "abc"));
  for (const char* other : {"abd", "bbc", "ab", "abcd", ""}) EXPECT_FALSE(cache::same_seal("abc", other)) << other;
}

class Sealed : public StoreTest {
 protected:
  cache::StoreSettings with_key(const std::string& key) {
    auto sealed = settings();
    sealed.key_file = (root.path() / ("key-" + key)).string();
    replace(sealed.key_file, "0123456789 secret " + key);
    ::chmod(sealed.key_file.c_str(), 0600);
    return sealed;
  }
};

TEST_F(Sealed, WhoHasTheKeyFindsTheEntry) {
  DiskStore(with_key("1")).put("a", "payload");
  EXPECT_EQ(DiskStore(with_key("1")).get("a"), "payload");
  EXPECT_EQ(DiskStore(with_key("1")).verify().entries, 1u);
  EXPECT_EQ(DiskStore(with_key("2")).get("a"), std::nullopt);
  EXPECT_EQ(DiskStore(settings()).get("a"), std::nullopt);
  EXPECT_EQ(DiskStore(with_key("1")).get("a"), "payload") << "those who ask without the key leave it alone";
  EXPECT_TRUE(warnings.empty());
}

TEST_F(Sealed, AForgedEntryIsDropped) {
  const cache::Seal wrong("another secret");
  for (const auto* seal : {static_cast<const cache::Seal*>(nullptr), &wrong}) {
    DiskStore store(with_key("1"));
    store.put("a", "payload");
    ASSERT_EQ(files().size(), 1u);
    const auto entry = files()[0];
    replace(entry, cache::encode_entry("a", "evil code", seal));
    EXPECT_EQ(store.get("a"), std::nullopt);
    EXPECT_EQ(store.counters().corrupt, 1u);
    EXPECT_FALSE(fs::exists(entry));
  }
}

TEST_F(Sealed, ADirectoryOthersWriteToIsUsedAndKeepsItsPermissions) {
  const auto cache = root.path() / "cache";
  fs::create_directory(cache);
  ::chmod(cache.c_str(), 02775);
  DiskStore open_to_others(settings());
  open_to_others.put("a", "payload");
  EXPECT_EQ(open_to_others.counters().writes, 0u) << "not without a key";
  warnings.clear();

  DiskStore store(with_key("1"));
  store.put("a", "payload");
  EXPECT_EQ(store.get("a"), "payload");
  for (const auto& entry : fs::recursive_directory_iterator(cache)) {
    struct stat info {};
    ASSERT_EQ(::stat(entry.path().c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777, entry.is_directory() ? 02775u : 0664u) << entry.path();
  }
  EXPECT_TRUE(warnings.empty());
}

TEST_F(Sealed, WithoutAProperKeyThereIsNoCache) {
  const auto path = root.path() / "key";
  const struct {
    const char* name;
    std::string content;
    mode_t mode;
  } kCases[] = {{"short", "0123456789abcde", 0600},
                {"long", std::string(5000, 'x'), 0600},
                {"read by all", std::string(32, 'x'), 0644},
                {"written by the group", std::string(32, 'x'), 0660}};
  for (const auto& c : kCases) {
    replace(path, c.content);
    ::chmod(path.c_str(), c.mode);
    auto sealed = settings();
    sealed.key_file = path.string();
    warnings.clear();
    DiskStore store(sealed);
    store.put("a", "payload");
    EXPECT_EQ(store.get("a"), std::nullopt) << c.name;
    EXPECT_EQ(warnings.size(), 1u) << c.name;
    EXPECT_FALSE(fs::exists(root.path() / "cache"));
  }
  EXPECT_FALSE(cache::read_key_file((root.path() / "missing").string()));
  EXPECT_FALSE(cache::read_key_file(root.path().string()));
  replace(path, std::string("\0binary\n\r 0123456789", 20));
  ::chmod(path.c_str(), 0640);
  EXPECT_EQ(cache::read_key_file(path.string()).value().size(), 20u);
}

TEST(SealedEntry, EveryFlippedBitIsSeenAndAnotherKeyIsNone) {
  const Seal seal("secret");
  const auto good = cache::encode_entry("the key", "the payload", &seal);
  using State = cache::DecodedEntry::State;
  EXPECT_EQ(cache::decode_entry(good, "the key", &seal).state, State::Good);
  EXPECT_EQ(cache::decode_entry(good, "the key").state, State::Damaged);
  EXPECT_EQ(cache::decode_entry(cache::encode_entry("the key", "the payload"), "the key", &seal).state, State::Damaged);
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    auto bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_EQ(cache::decode_entry(bad, &seal).state, State::Damaged) << "bit " << bit;
  }
}

}  // namespace
}  // namespace anymetal::testing
