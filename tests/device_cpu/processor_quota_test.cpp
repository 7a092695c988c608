// Quotas of control groups, from files as the kernel writes them.

#include "device/cpu/processor_quota.hpp"

#include <gtest/gtest.h>
#include <sched.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <string>
#include <thread>

#include "cache/temporary_directory.hpp"
#include "device/cpu/host.hpp"

namespace anymetal::test {
namespace {

struct Case {
  const char* name;
  std::map<std::string, std::string> files;  ///< under the hierarchy
  std::string groups;                        ///< /proc/self/cgroup
  std::optional<double> quota;
};

void PrintTo(const Case& c, std::ostream* stream) { *stream << c.name; }

class Quota : public ::testing::TestWithParam<Case> {};

TEST_P(Quota, IsTheSmallestOnTheWay) {
  const testing::TemporaryDirectory root;
  const auto hierarchy = root.path() / "cgroup";
  for (const auto& [name, text] : GetParam().files) {
    std::filesystem::create_directories((hierarchy / name).parent_path());
    std::ofstream(hierarchy / name) << text;
  }
  std::ofstream(root.path() / "self") << GetParam().groups;
  EXPECT_EQ(device::cpu::processor_quota({hierarchy, root.path() / "self"}), GetParam().quota);
}

const Case kCases[] = {
    {"nothing there", {}, "", std::nullopt},
    {"version 2, no quota", {{"cpu.max", "max 100000\n"}}, "0::/\n", std::nullopt},
    {"version 2, of a container", {{"cpu.max", "150000 100000\n"}}, "0::/\n", 1.5},
    {"version 2, of the group", {{"a.slice/b/cpu.max", "50000 100000\n"}}, "0::/a.slice/b\n", 0.5},
    {"version 2, of a parent",
     {{"a.slice/cpu.max", "200000 100000\n"}, {"a.slice/b/cpu.max", "max 100000\n"}},
     "0::/a.slice/b\n",
     2.0},
    {"version 2, smallest of both",
     {{"a.slice/cpu.max", "200000 100000\n"}, {"a.slice/b/cpu.max", "300000 100000\n"}},
     "0::/a.slice/b\n",
     2.0},
    {"version 2, another group's", {{"other/cpu.max", "50000 100000\n"}}, "0::/a.slice\n", std::nullopt},
    {"version 2, path of the host", {{"cpu.max", "400000 100000\n"}}, "0::/docker/0123\n", 4.0},
    {"version 2, path outside", {{"cpu.max", "400000 100000\n"}}, "0::/../x\n", 4.0},
    {"version 2, damaged", {{"cpu.max", "many 100000\n"}}, "0::/\n", std::nullopt},
    {"version 2, cut short", {{"cpu.max", "100000\n"}}, "0::/\n", std::nullopt},
    {"version 2, period of zero", {{"cpu.max", "100000 0\n"}}, "0::/\n", std::nullopt},
    {"version 1, no quota",
     {{"cpu/cpu.cfs_quota_us", "-1\n"}, {"cpu/cpu.cfs_period_us", "100000\n"}},
     "4:cpu:/\n",
     std::nullopt},
    {"version 1, of a container",
     {{"cpu/cpu.cfs_quota_us", "250000\n"}, {"cpu/cpu.cfs_period_us", "100000\n"}},
     "",
     2.5},
    {"version 1, of the group",
     {{"cpu,cpuacct/x/cpu.cfs_quota_us", "100000\n"}, {"cpu,cpuacct/x/cpu.cfs_period_us", "50000\n"}},
     "5:memory:/y\n4:cpu,cpuacct:/x\n",
     2.0},
    {"both versions",
     {{"cpu/x/cpu.cfs_quota_us", "100000\n"}, {"cpu/x/cpu.cfs_period_us", "100000\n"}, {"cpu.max", "300000 100000\n"}},
     "4:cpu:/x\n0::/x\n",
     1.0},
};
INSTANTIATE_TEST_SUITE_P(ControlGroups, Quota, ::testing::ValuesIn(kCases));

TEST(UsableThreads, FollowTheAffinityMask) {
  ::unsetenv("ANYMETAL_THREADS");
  unsigned threads = 0;
  std::jthread([&] {  // a mask is a thread's own
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<unsigned>(sched_getcpu()), &one);
    ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
    threads = device::cpu::usable_threads();
  })
      .join();
  EXPECT_EQ(threads, 1u);
}

}  // namespace
}  // namespace anymetal::test
