#pragma once
/// \file
/// The device that programs with known answers run on.

#include <anymetal/anymetal.hpp>

#include <cstdlib>
#include <string_view>

namespace anymetal::test {

/// Whether memory of the host has the same addresses there.
inline bool shares_host_addresses(const char* named = std::getenv("ANYMETAL_DEVICE")) {
  return named == nullptr || std::string_view(named).empty() || std::string_view(named) == "cpu";
}

/// The one that ANYMETAL_DEVICE names (`cuda:0`); the processor where it names none.
inline Result<Device> test_device() {
  const char* named = std::getenv("ANYMETAL_DEVICE");
  return Device::open(shares_host_addresses(named) ? "cpu" : named);
}

}  // namespace anymetal::test
