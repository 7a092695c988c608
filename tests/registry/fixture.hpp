#pragma once

#include <anymetal/registry.hpp>

#include "support/fake_compiler.hpp"
#include "support/fake_device.hpp"

#include <gtest/gtest.h>

namespace anymetal::testing {

/// A registry that compiles with FakeCompiler for a FakeBackend.
class RegistryTest : public ::testing::Test {
 protected:
  std::shared_ptr<FakeCompiler> compiler = std::make_shared<FakeCompiler>();
  std::shared_ptr<FakeBackend> backend = std::make_shared<FakeBackend>();
  Device device{backend};
  KernelRegistry registry{compiler};
};

}  // namespace anymetal::testing
