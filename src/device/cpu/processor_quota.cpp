#include "device/cpu/processor_quota.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace anymetal::device::cpu {
namespace {

namespace fs = std::filesystem;

/// The numbers of a one-line file; empty where a word is none, such as "max".
std::vector<double> numbers_in(const fs::path& file) {
  std::vector<double> numbers;
  std::ifstream stream(file);
  for (std::string word; stream >> word;) {
    double value = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (error != std::errc() || end != word.data() + word.size()) return {};
    numbers.push_back(value);
  }
  return numbers;
}

std::optional<double> quotient(const std::vector<double>& quota, const std::vector<double>& period) {
  // Version 1 writes -1 where there is no quota.
  if (quota.empty() || period.empty() || quota.front() <= 0 || period.back() <= 0) return std::nullopt;
  return quota.front() / period.back();
}

std::optional<double> quota_of_group(const fs::path& group) {
  if (const auto numbers = numbers_in(group / "cpu.max"); numbers.size() == 2) return quotient(numbers, numbers);
  return quotient(numbers_in(group / "cpu.cfs_quota_us"), numbers_in(group / "cpu.cfs_period_us"));
}

void take_smaller(std::optional<double>& smallest, std::optional<double> quota) {
  if (quota && (!smallest || *quota < *smallest)) smallest = quota;
}

/// The smallest of `group` and its parents, up to `root`. In a container the path may be the host's, which is not
/// there: then the root is the container's own group.
std::optional<double> smallest_quota(const fs::path& root, const fs::path& group) {
  auto smallest = quota_of_group(root);
  auto path = root;
  for (const auto& part : group.relative_path()) {
    if (part == "..") return smallest;
    path /= part;
    take_smaller(smallest, quota_of_group(path));
  }
  return smallest;
}

bool lists_cpu(const std::string& controllers) {
  std::istringstream list(controllers);
  for (std::string one; std::getline(list, one, ',');)
    if (one == "cpu") return true;
  return false;
}

}  // namespace

std::optional<double> processor_quota(const ControlGroupFiles& files) {
  std::optional<double> smallest;
  const auto consider = [&](const fs::path& root, const fs::path& group) {
    take_smaller(smallest, smallest_quota(root, group));
  };
  // The roots themselves, should the process's groups not be readable.
  for (const auto& root : {files.hierarchy, files.hierarchy / "cpu", files.hierarchy / "cpu,cpuacct"})
    consider(root, {});
  // hierarchy:controllers:path, without controllers in version 2
  std::ifstream groups(files.of_process);
  for (std::string line; std::getline(groups, line);) {
    const auto first = line.find(':');
    const auto second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const auto controllers = line.substr(first + 1, second - first - 1);
    const fs::path group = line.substr(second + 1);
    if (controllers.empty()) {
      consider(files.hierarchy, group);
    } else if (lists_cpu(controllers)) {
      for (const auto& mount : {std::string("cpu"), controllers}) consider(files.hierarchy / mount, group);
    }
  }
  return smallest;
}

}  // namespace anymetal::device::cpu
