#pragma once
/// \file
/// A limit of the system's for as long as a test needs it.

#include <sys/resource.h>

namespace anymetal::test {

/// While it lives the process, and programs it starts, have `limit` of a resource (`RLIMIT_...`).
class ResourceLimit {
 public:
  ResourceLimit(decltype(RLIMIT_AS) resource, rlim_t limit) : resource_(resource) {
    ::getrlimit(resource_, &before_);
    const rlimit now{limit, before_.rlim_max};
    ::setrlimit(resource_, &now);
  }
  ~ResourceLimit() { ::setrlimit(resource_, &before_); }
  ResourceLimit(const ResourceLimit&) = delete;
  ResourceLimit& operator=(const ResourceLimit&) = delete;

 private:
  decltype(RLIMIT_AS) resource_;
  rlimit before_{};
};

}  // namespace anymetal::test
