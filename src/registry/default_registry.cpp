#include <anymetal/registry.hpp>

#include "registry/compiler.hpp"

namespace anymetal {

KernelRegistry::KernelRegistry() : KernelRegistry(registry::make_clang_compiler()) {}

}  // namespace anymetal
