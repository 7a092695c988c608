#include "prepared_thread.hpp"

#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>

namespace anymetal::test {

PreparedThread prepare_thread(msl::SpecialisedKernel kernel) {
  auto generator = device::cpu::CodeGenerator::create().value();
  auto& entry = *kernel.module->getFunction("kernel");
  generator.retarget(*kernel.module);
  generator.simplify(entry);
  auto thread = device::cpu::make_thread_function(*kernel.module, entry).value();
  return {std::move(kernel), std::move(generator), std::move(thread)};
}

PreparedThread prepare_as_written(std::string_view ir, const device::cpu::HostTarget& target) {
  auto kernel = parse_kernel(ir);
  auto generator = device::cpu::CodeGenerator::create(target).value();
  generator.retarget(*kernel.module);
  auto thread = device::cpu::make_thread_function(*kernel.module, *kernel.module->getFunction("kernel")).value();
  generator.regularise(*thread.function);
  return {std::move(kernel), std::move(generator), std::move(thread)};
}

}  // namespace anymetal::test
