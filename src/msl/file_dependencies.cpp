#include "msl/file_dependencies.hpp"

#include "msl/text_file.hpp"

#include <llvm/ADT/ArrayRef.h>
#include <llvm/ADT/StringExtras.h>
#include <llvm/Support/FileSystem.h>
#include <llvm/Support/SHA256.h>

namespace anymetal::msl {

std::string content_digest(std::string_view text) {
  return llvm::toHex(llvm::SHA256::hash(llvm::arrayRefFromStringRef(llvm::StringRef(text))), true);
}

bool is_unchanged(const FileDependency& dependency) {
  if (dependency.digest.empty()) return !llvm::sys::fs::exists(dependency.path);
  const auto buffer = read_text_file(dependency.path);
  return buffer && content_digest(std::string_view((*buffer)->getBuffer())) == dependency.digest;
}

}  // namespace anymetal::msl
