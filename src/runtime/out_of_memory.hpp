#pragma once
/// \file
/// Where an exception of the standard library becomes an error.

#include <anymetal/error.hpp>

#include <fmt/format.h>

#include <expected>
#include <new>
#include <string_view>
#include <type_traits>
#include <utility>

namespace anymetal::detail {

/// What `step` gives, or OutOfMemory where it finds no memory "to do something".
template <class Step>
std::invoke_result_t<Step> or_out_of_memory(std::string_view purpose, Step&& step) {
  try {
    return std::forward<Step>(step)();
  } catch (const std::bad_alloc&) {
    return std::unexpected(Error(ErrorCode::OutOfMemory, fmt::format("no memory left {}", purpose)));
  }
}

}  // namespace anymetal::detail
