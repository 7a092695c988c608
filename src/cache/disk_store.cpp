#include "cache/disk_store.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <new>
#include <system_error>
#include <utility>

#include "cache/entry.hpp"
#include "cache/key_file.hpp"
#include "cache/private_directory.hpp"
#include "cache/seal.hpp"

namespace anymetal::cache {

using Clock = std::chrono::system_clock;

namespace {

constexpr std::string_view kTemporary = ".writing-";
constexpr std::chrono::minutes kAbandoned{10};  // no writer takes this long; its file is rubbish

// Only files with names this store gives are its own; anything else in the directory is not counted and never removed.
bool is_entry_name(std::string_view name) {
  constexpr std::size_t kDigits = 32;
  if (name.size() != kDigits + 1 || name[2] != '/') return false;
  const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  return std::ranges::all_of(name.substr(0, 2), is_digit) && std::ranges::all_of(name.substr(3), is_digit);
}

std::string temporary_name() {
  static std::atomic<unsigned> next{0};
  return std::string(kTemporary) + std::to_string(::getpid()) + '-' + std::to_string(next++) + '-' +
         std::to_string(std::chrono::steady_clock::now().time_since_epoch().count());
}

}  // namespace

struct DiskStore::Listed {
  std::string name;  // below the directory
  std::uint64_t bytes = 0;
  Clock::time_point used;
};

DiskStore::DiskStore(StoreSettings settings) : settings_(std::move(settings)) {}
DiskStore::~DiskStore() = default;

// Two digits of folder: a directory of many thousand files is slow to list on some file systems.
std::string DiskStore::Opened::file_of(std::string_view key) const {
  const auto id = entry_name(key, seal.get());
  return id.substr(0, 2) + '/' + id.substr(2);
}

const DiskStore::Opened* DiskStore::open() {
  const std::lock_guard lock(mutex_);
  if (tried_) return opened_ ? &*opened_ : nullptr;
  Opened opened;
  auto sharing = PrivateDirectory::Sharing::ThisUser;
  std::string problem;
  if (!settings_.key_file.empty()) {
    if (const auto key = read_key_file(settings_.key_file)) {
      opened.seal = std::make_shared<const Seal>(*key);
      sharing = PrivateDirectory::Sharing::Everybody;
    } else {
      problem = key.error();
    }
  }
  if (problem.empty()) {
    opened.directory = std::make_shared<const PrivateDirectory>(settings_.directory, sharing);
    problem = opened.directory->problem();
  }
  if (problem.empty()) {
    opened_ = std::move(opened);
    tried_ = true;  // only now: without memory for all this it is tried again
    return &*opened_;
  }
  warn_once(told_directory_, "no disk cache: " + problem);
  problem_ = std::move(problem);
  tried_ = true;
  return nullptr;
}

std::optional<std::string> DiskStore::get(std::string_view key) try {
  const auto* store = open();
  if (store == nullptr) {
    ++counts_.misses;
    return std::nullopt;
  }
  const auto name = store->file_of(key);
  const auto file = store->directory->read(name);
  using Found = PrivateDirectory::File::State;
  using State = DecodedEntry::State;
  DecodedEntry entry;
  if (file.state == Found::Read) entry = decode_entry(file.bytes, key, store->seal.get());
  if (entry.state == State::Good) {
    std::string payload(entry.payload);
    ++counts_.hits;
    counts_.bytes_read += file.bytes.size();
    return payload;
  }
  const bool damaged = entry.state == State::Damaged && file.state != Found::Missing && file.state != Found::Unread;
  if (damaged) discard(*store->directory, name);
  if (file.state == Found::Unread) warn_unread(file.problem);
  ++counts_.misses;
  return std::nullopt;
} catch (const std::bad_alloc&) {
  ++counts_.misses;
  return std::nullopt;
}

void DiskStore::put(std::string_view key, std::string_view payload) try {
  const auto* store = open();
  if (store == nullptr) return;
  const auto& directory = *store->directory;
  const auto file = encode_entry(key, payload, store->seal.get());
  if (file.size() > settings_.size_limit) {
    ++counts_.refused;
    warn_once(told_size_, "an entry of " + std::to_string(file.size()) + " bytes is larger than the disk cache " +
                              settings_.directory + " may be, " + std::to_string(settings_.size_limit) +
                              " bytes: it is not kept");
    return;
  }
  const auto name = store->file_of(key);
  const auto folder = name.substr(0, 2);
  const auto temporary = temporary_name();
  step(PublishStep::MakeFolder);
  auto problem = directory.make_folder(folder);
  if (!problem) problem = directory.create(temporary, file, [&](PublishStep now) { step(now); });
  if (!problem) {
    step(PublishStep::Rename);
    problem = directory.rename(temporary, name);
    // Something else may stand in the place of the file or of its folder.
    if (problem && (directory.remove(name) || directory.remove(folder))) {
      (void)directory.make_folder(folder);
      problem = directory.rename(temporary, name);
    }
    if (problem) directory.remove(temporary);
  }
  if (problem) {
    ++counts_.failed_writes;
    warn_once(told_write_, "cannot write to the disk cache " + settings_.directory + ": " + *problem);
    return;
  }
  step(PublishStep::MakeRoom);
  make_room(directory, name, file.size());
  ++counts_.writes;
  counts_.bytes_written += file.size();
} catch (const std::bad_alloc&) {
  ++counts_.failed_writes;
}

void DiskStore::reject(std::string_view key) try {
  if (const auto* store = open()) discard(*store->directory, store->file_of(key));
} catch (const std::bad_alloc&) {  // it is found unusable again
}

void DiskStore::discard(const PrivateDirectory& directory, const std::string& name) {
  ++counts_.corrupt;
  directory.remove(name);
  warn_once(told_corrupt_,
            "a damaged entry of the disk cache " + settings_.directory + " was dropped; it is made again");
}

std::vector<DiskStore::Listed> DiskStore::list(const PrivateDirectory& directory) const {
  std::vector<Listed> files;
  const auto now = Clock::now();
  const auto add = [&](std::string name, const PrivateDirectory::Entry& entry) {
    const bool future = entry.used > now + kAbandoned;
    if (name.starts_with(kTemporary)) {
      if (future || now - entry.used > kAbandoned) directory.remove(name);
      return;
    }
    // The clock was set back since: nobody knows when it was used, and it must not stay for ever.
    if (is_entry_name(name))
      files.push_back({std::move(name), entry.bytes, future ? Clock::time_point::min() : entry.used});
  };
  // Each folder by itself: one that cannot be read, or has gone meanwhile, does not hide those after it.
  const auto entries_of = [&](const std::string& folder) {
    auto listing = directory.list(folder);
    if (!listing.problem.empty()) warn_unread(listing.problem);
    return std::move(listing.entries);
  };
  for (const auto& outer : entries_of(".")) {
    if (outer.kind == PrivateDirectory::Entry::Kind::File) {
      add(outer.name, outer);
      continue;
    }
    for (const auto& inner : entries_of(outer.name)) {
      if (inner.kind == PrivateDirectory::Entry::Kind::File) add(outer.name + '/' + inner.name, inner);
    }
  }
  return files;
}

void DiskStore::make_room(const PrivateDirectory& directory, const std::string& name, std::uint64_t added) {
  const std::lock_guard lock(mutex_);
  if (known_bytes_ && *known_bytes_ + added <= settings_.size_limit) {
    *known_bytes_ += added;
    return;
  }
  auto files = list(directory);
  std::uint64_t bytes = 0;
  for (const auto& file : files) bytes += file.bytes;
  if (bytes > settings_.size_limit) {  // down to nine tenths, so that not every put has to list the files
    std::ranges::sort(files, {}, &Listed::used);
    for (const auto& file : files) {
      if (bytes <= settings_.size_limit / 10 * 9) break;
      if (file.name == name) continue;  // larger than that
      if (directory.remove(file.name)) ++counts_.evictions;
      bytes -= file.bytes;
    }
  }
  known_bytes_ = bytes;
}

StoreCounters DiskStore::counters() const {
  return {counts_.hits,          counts_.misses,    counts_.corrupt,    counts_.writes,
          counts_.failed_writes, counts_.refused,   counts_.evictions, counts_.bytes_read, counts_.bytes_written};
}

StoreUsage DiskStore::usage() {
  StoreUsage usage;
  const auto* store = open();
  usage.problem = problem_;
  if (store == nullptr) return usage;
  for (const auto& file : list(*store->directory)) {
    ++usage.entries;
    usage.bytes += file.bytes;
  }
  return usage;
}

StoreUsage DiskStore::verify() {
  StoreUsage usage;
  const auto* store = open();
  usage.problem = problem_;
  if (store == nullptr) return usage;
  for (const auto& file : list(*store->directory)) {
    const auto content = store->directory->read(file.name, PrivateDirectory::Touch::No);
    if (content.state == PrivateDirectory::File::State::Missing) continue;
    if (content.state == PrivateDirectory::File::State::Unread) {
      warn_unread(content.problem);
      continue;
    }
    const auto entry = decode_entry(content.bytes, store->seal.get());
    const bool good = entry.state == DecodedEntry::State::Good && store->file_of(entry.key) == file.name;
    if (!good) {
      ++usage.damaged;
      discard(*store->directory, file.name);
      continue;
    }
    ++usage.entries;
    usage.bytes += file.bytes;
  }
  return usage;
}

StoreUsage DiskStore::clear() {
  StoreUsage usage;
  const auto* store = open();
  usage.problem = problem_;
  if (store == nullptr) return usage;
  for (const auto& file : list(*store->directory)) {
    if (!store->directory->remove(file.name)) {
      std::error_code gone;  // another process may have been first
      if (std::filesystem::exists(std::filesystem::path(settings_.directory) / file.name, gone)) ++usage.left;
      continue;
    }
    ++usage.entries;
    usage.bytes += file.bytes;
  }
  const std::lock_guard lock(mutex_);
  known_bytes_.reset();
  return usage;
}

void DiskStore::warn_unread(const std::string& problem) const {
  warn_once(told_unread_, "cannot read from the disk cache " + settings_.directory + ": " + problem);
}

void DiskStore::warn_once(std::atomic<bool>& told, const std::string& text) const {
  if (told.exchange(true)) return;
  if (settings_.warn) {
    settings_.warn(text);
  } else {
    std::fprintf(stderr, "anymetal: warning: %s\n", text.c_str());
  }
}

void DiskStore::step(PublishStep now) const {
  if (settings_.on_step) settings_.on_step(now);
}

}  // namespace anymetal::cache
