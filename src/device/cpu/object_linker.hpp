#pragma once
/// \file
/// Links a kernel's object into this process.

#include "device/cpu/kernel_abi.hpp"

#include <anymetal/error.hpp>

#include <memory>
#include <string_view>

namespace anymetal::device::cpu {

/// A linked object. Thread contract: immutable; its code is freed when the last owner lets go of it.
class LinkedKernel {
 public:
  virtual ~LinkedKernel() = default;
  [[nodiscard]] const KernelTable& table() const { return table_; }

 protected:
  KernelTable table_;
};

/// Thread contract: safe from any thread.
class ObjectLinker {
 public:
  virtual ~ObjectLinker() = default;
  static Result<std::shared_ptr<ObjectLinker>> create();
  /// InternalError where the bytes are no object of this back end or refer to a symbol that is not in
  /// runtime_symbols().
  virtual Result<std::shared_ptr<const LinkedKernel>> link(std::string_view object, std::string_view label) = 0;
};

}  // namespace anymetal::device::cpu
