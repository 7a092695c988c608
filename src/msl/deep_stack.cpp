#include "msl/deep_stack.hpp"

#include <clang/Basic/Stack.h>
#include <llvm/Support/thread.h>

namespace anymetal::msl {

void on_deep_stack(const std::function<void()>& work) {
  // Clang moves to a further thread by itself when it has used up 8 MiB.
  constexpr std::optional<unsigned> kStackBytes = 64U << 20U;
  llvm::thread thread(kStackBytes, [&work] {
    clang::noteBottomOfStack();
    work();
  });
  thread.join();
}

}  // namespace anymetal::msl
