#pragma once
/// \file
/// A compiler that makes nothing: to see which pipelines are asked for.

#include <anymetal/anymetal.hpp>
#include <memory>
#include <string>
#include <vector>

#include "support/fake_compiler.hpp"

namespace anymetal::testing {

/// Finds every built-in kernel in every source; none of them has arguments.
class AnythingCompiler final : public registry::Compiler {
 public:
  AnythingCompiler() : names_(KernelRegistry(DiskCacheOptions{.enabled = false}).names()) {}

  Result<std::shared_ptr<const registry::ParsedUnit>> parse(msl::SourceRequest) const override {
    auto unit = std::make_shared<FakeUnit>();
    unit->names = names_;
    return unit;
  }
  Result<device::Artifact> generate(const msl::EntryModule& entry, std::span<const FunctionConstant>,
                                    const device::Backend&, std::string_view label) const override {
    device::Artifact artifact;
    artifact.code = label;
    artifact.reflection = entry.reflection;
    return artifact;
  }

 private:
  std::vector<std::string> names_;
};

}  // namespace anymetal::testing
