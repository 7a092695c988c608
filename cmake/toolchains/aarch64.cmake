# AArch64 Linux, built on another machine with its clang-19 against what scripts/make_arm64_sysroot.sh unpacked, and run
# there under qemu's user-mode emulation, as the build's own tools are. ANYMETAL_ARM64: the folder of that script.
set(ANYMETAL_ARM64 $ENV{ANYMETAL_ARM64} CACHE PATH "Folder made by scripts/make_arm64_sysroot.sh")
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES ANYMETAL_ARM64)
if(NOT EXISTS ${ANYMETAL_ARM64}/root/usr/include)
  message(FATAL_ERROR "ANYMETAL_ARM64 names no folder made by scripts/make_arm64_sysroot.sh: '${ANYMETAL_ARM64}'")
endif()

set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_SYSROOT ${ANYMETAL_ARM64}/root)
set(CMAKE_CXX_COMPILER clang++-19)
set(CMAKE_CXX_COMPILER_TARGET aarch64-linux-gnu)
set(CMAKE_EXE_LINKER_FLAGS_INIT -fuse-ld=mold)  # binutils' linker knows its own machine only
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
set(CMAKE_CROSSCOMPILING_EMULATOR ${ANYMETAL_ARM64}/qemu-aarch64 -L ${CMAKE_SYSROOT})

# Programs from this machine, all else from the sysroot.
set(CMAKE_FIND_ROOT_PATH ${CMAKE_SYSROOT})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
