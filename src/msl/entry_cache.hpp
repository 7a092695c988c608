#pragma once
/// \file
/// What a parsed source keeps of the entries it has made.

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "msl/parsed_source.hpp"

namespace anymetal::msl {

/// The IR of entries already made, as much as kMostBytes of it: a file may have thousands of entries, each asked for once.
class EntryCache {
 public:
  using Entry = Result<std::shared_ptr<const EntryModule>>;

  [[nodiscard]] const Entry* find(std::string_view name) const {
    const auto known = entries_.find(name);
    return known == entries_.end() ? nullptr : &known->second;
  }

  void keep(std::string name, const Entry& entry) {
    constexpr std::size_t kMostBytes = 64U << 20U;
    bytes_ += size_of(entry);
    order_.push_back(name);
    entries_.emplace(std::move(name), entry);
    while (bytes_ > kMostBytes && order_.size() > 1) {
      const auto oldest = entries_.find(order_.front());
      bytes_ -= size_of(oldest->second);
      entries_.erase(oldest);
      order_.pop_front();
    }
  }

 private:
  static std::size_t size_of(const Entry& entry) { return entry ? (*entry)->bitcode.size() : 0; }

  std::map<std::string, Entry, std::less<>> entries_;
  std::deque<std::string> order_;  ///< oldest first
  std::size_t bytes_ = 0;
};

}  // namespace anymetal::msl
