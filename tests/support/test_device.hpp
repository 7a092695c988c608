#pragma once
/// \file
/// The device that programs with known answers run on.

#include <anymetal/anymetal.hpp>

#include <cstdlib>

namespace anymetal::test {

/// The one that ANYMETAL_DEVICE names (`cuda:0`); the processor where it names none.
inline Result<Device> test_device() {
  const char* named = std::getenv("ANYMETAL_DEVICE");
  return Device::open(named == nullptr || *named == '\0' ? "cpu" : named);
}

}  // namespace anymetal::test
