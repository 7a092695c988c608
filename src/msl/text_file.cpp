#include "msl/text_file.hpp"

#include <llvm/Support/FileSystem.h>

#include <fmt/format.h>

#include <system_error>

namespace anymetal::msl {
namespace {

enum class Refusal { NotRegular = 1, TooLong };

class Refusals : public std::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "text file"; }
  [[nodiscard]] std::string message(int which) const override {
    if (static_cast<Refusal>(which) == Refusal::TooLong) return fmt::format("it has more than {} bytes", kLongestText);
    return "it is a pipe or a device, not a regular file";
  }
};

std::error_code refused(Refusal why) {
  static const Refusals refusals;
  return {static_cast<int>(why), refusals};
}

}  // namespace

llvm::ErrorOr<std::unique_ptr<llvm::MemoryBuffer>> read_text_file(const std::string& path) {
  llvm::sys::fs::file_status status;
  if (const std::error_code failure = llvm::sys::fs::status(path, status)) return failure;
  if (status.type() != llvm::sys::fs::file_type::regular_file) return refused(Refusal::NotRegular);
  if (status.getSize() > kLongestText) return refused(Refusal::TooLong);
  return llvm::MemoryBuffer::getFile(path);
}

}  // namespace anymetal::msl
