#include "device/cuda/driver.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <dlfcn.h>

namespace anymetal::device::cuda {

namespace {

constexpr int kOldestDriver = 11080;  // PTX 7.8

}  // namespace

bool is_sticky(CUresult result) noexcept {
  return (result >= kErrorIllegalAddress && result <= kErrorLaunchFailed && result != kErrorLaunchOutOfResources) ||
         result == 46 /* device unavailable */ || result == 214 /* uncorrectable ECC */;
}

Result<const Driver*> Driver::open_library() {
  const char* override_path = std::getenv("ANYMETAL_CUDA_DRIVER");
  const char* path = override_path != nullptr && *override_path != '\0' ? override_path : "libcuda.so.1";
  void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    return fail(ErrorCode::DeviceNotFound,
                fmt::format("no NVIDIA driver: {} cannot be loaded ({}); install the NVIDIA driver, no toolkit is needed",
                            path, dlerror()));
  }
  static Driver driver;
#define ANYMETAL_CUDA_LOAD(member, symbol, parameters)                                                                 \
  driver.member = reinterpret_cast<CUresult(*) parameters>(dlsym(library, symbol));                                    \
  if (driver.member == nullptr) {                                                                                      \
    return fail(ErrorCode::DeviceNotFound,                                                                             \
                fmt::format("the NVIDIA driver in {} is too old: it has no {}; update it to CUDA 11.8 or newer", path,   \
                            symbol));                                                                                  \
  }
  ANYMETAL_CUDA_FUNCTIONS(ANYMETAL_CUDA_LOAD)
#undef ANYMETAL_CUDA_LOAD
#define ANYMETAL_CUDA_FIND(member, symbol, parameters) driver.member = reinterpret_cast<CUresult(*) parameters>(dlsym(library, symbol));
  ANYMETAL_CUDA_NEWER_FUNCTIONS(ANYMETAL_CUDA_FIND)
#undef ANYMETAL_CUDA_FIND
  if (CUresult r = driver.init(0); r != kSuccess) {
    return fail(ErrorCode::DeviceNotFound,
                fmt::format("the NVIDIA driver does not start: {}{}", driver.describe(r),
                            r == kErrorNoDevice ? "; no NVIDIA GPU is visible (check CUDA_VISIBLE_DEVICES)" : ""));
  }
  if (CUresult r = driver.driver_get_version(&driver.version_); r != kSuccess) return driver.failure(r, "reading the driver version");
  if (driver.version_ < kOldestDriver) {
    return fail(ErrorCode::DeviceNotFound, fmt::format("the NVIDIA driver supports CUDA {}.{}; anymetal needs {}.{} or newer",
                                                       driver.version_ / 1000, driver.version_ % 1000 / 10,
                                                       kOldestDriver / 1000, kOldestDriver % 1000 / 10));
  }
  return &driver;
}

Result<const Driver*> Driver::load() {
  static const Result<const Driver*> driver = open_library();
  return driver;
}

std::string Driver::describe(CUresult result) const {
  const char* name = nullptr;
  const char* text = nullptr;
  if (get_error_name(result, &name) != kSuccess || name == nullptr) return fmt::format("CUDA error {}", result);
  if (get_error_string(result, &text) != kSuccess || text == nullptr) return name;
  return fmt::format("{} ({})", name, text);
}

std::unexpected<Error> Driver::failure(CUresult result, std::string_view doing) const {
  ErrorCode code = result == kErrorOutOfMemory ? ErrorCode::OutOfMemory
                   : is_sticky(result)         ? ErrorCode::DeviceLost
                                               : ErrorCode::InternalError;
  return fail(code, fmt::format("{}: {}", doing, describe(result)));
}

}  // namespace anymetal::device::cuda
