#include "device/cpu/shared_code.hpp"

#include <fmt/format.h>
#include <llvm/Bitcode/BitcodeWriter.h>
#include <llvm/IR/Module.h>
#include <llvm/Support/BLAKE3.h>
#include <llvm/Support/raw_ostream.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "device/cpu/runtime_constants.hpp"
#include "msl/compile_guard.hpp"

namespace anymetal::device::cpu {
namespace {

/// A kernel's runtime constants, taken out of its module, and what the code for any others depends on.
struct Separated {
  std::vector<std::uint32_t> values;
  std::string key;
};

Separated separate(msl::SpecialisedKernel& kernel, const Paths& paths) {
  Separated parts;
  parts.values = load_runtime_constants(*kernel.module);
  if (parts.values.empty()) return parts;
  llvm::SmallString<0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  llvm::WriteBitcodeToFile(*kernel.module, stream);
  stream << kernel.symbol << paths.lanes << paths.one_thread << kernel.reflection.any_threadgroup_size;
  for (const auto& argument : kernel.reflection.arguments)
    stream << ' ' << static_cast<unsigned>(argument.kind) << static_cast<unsigned>(argument.access);
  const auto hash =
      llvm::BLAKE3::hash(llvm::ArrayRef(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()));
  parts.key.assign(hash.begin(), hash.end());
  give_runtime_constants(*kernel.module, parts.values);
  return parts;
}

}  // namespace

Result<Artifact> SharedCode::compile(msl::SpecialisedKernel kernel, std::string_view label, const Paths& paths) {
  // No lock is held inside of a step, which may end anywhere.
  const auto subject = fmt::format("kernel '{}'", label);
  const auto compiled = [&] {
    return msl::run_step_for<Artifact>(subject, [&] { return compile_kernel(std::move(kernel), label, paths); });
  };
  if (!has_runtime_constants(*kernel.module)) return compiled();
  const auto parts = msl::run_step_for<Separated>(subject, [&] { return separate(kernel, paths); });
  if (!parts) {
    // What an abandoned step worked on is leaked.
    (void)kernel.module.release();
    (void)kernel.context.release();
    return std::unexpected(parts.error());
  }
  if (parts->values.empty()) return compiled();
  auto found = find(parts->key);
  if (!found) {
    auto made = compiled();
    if (made) keep(parts->key, *made);
    return made;
  }
  kernel.reflection.static_threadgroup_memory = found->reflection.static_threadgroup_memory;
  found->reflection = std::move(kernel.reflection);
  return msl::run_step_for<Artifact>(subject, [&]() -> Result<Artifact> {
    if (auto set = set_runtime_constants(found->code, parts->values); !set) return std::unexpected(set.error());
    return std::move(*found);
  });
}

std::size_t SharedCode::shared() const {
  const std::scoped_lock lock(mutex_);
  return shared_;
}

std::optional<Artifact> SharedCode::find(const std::string& key) {
  const std::scoped_lock lock(mutex_);
  const auto found = artifacts_.find(key);
  if (found == artifacts_.end()) return std::nullopt;
  ++shared_;
  return found->second;
}

void SharedCode::keep(const std::string& key, const Artifact& artifact) {
  if (!artifact.metadata.empty()) return;  // other forms are made of it, with these values
  const std::scoped_lock lock(mutex_);
  if (!artifacts_.emplace(key, artifact).second) return;
  order_.push_back(key);
  bytes_ += artifact.code.size();
  while (bytes_ > most_bytes_) {
    const auto first = artifacts_.find(order_.front());
    bytes_ -= first->second.code.size();
    artifacts_.erase(first);
    order_.pop_front();
  }
}

}  // namespace anymetal::device::cpu
