# Compiler settings shared by every target: C++23, strict warnings, optional sanitizers, ccache and mold where present.
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(LLVM 19.1 REQUIRED CONFIG HINTS /usr/lib/llvm-19/lib/cmake/llvm)

find_program(ANYMETAL_CCACHE ccache)
if(ANYMETAL_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER AND PROJECT_IS_TOP_LEVEL)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${ANYMETAL_CCACHE})
endif()

add_library(anymetal_settings INTERFACE)
target_compile_features(anymetal_settings INTERFACE cxx_std_23)
target_compile_options(anymetal_settings INTERFACE -Wall -Wextra -Wconversion -Wshadow -Werror -fvisibility=hidden
                                                   -fno-omit-frame-pointer)
if(ANYMETAL_SANITIZE)
  target_compile_options(anymetal_settings INTERFACE -fsanitize=${ANYMETAL_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(anymetal_settings INTERFACE -fsanitize=${ANYMETAL_SANITIZE})
endif()

# LLVM's headers are not warning-clean: system includes. libLLVM and libclang-cpp are one shared object each in Debian.
add_library(anymetal_llvm INTERFACE)
target_include_directories(anymetal_llvm SYSTEM INTERFACE ${LLVM_INCLUDE_DIRS})
target_link_libraries(anymetal_llvm INTERFACE LLVM)
target_link_directories(anymetal_llvm INTERFACE ${LLVM_LIBRARY_DIRS})
target_compile_definitions(anymetal_llvm INTERFACE _GNU_SOURCE __STDC_CONSTANT_MACROS __STDC_FORMAT_MACROS __STDC_LIMIT_MACROS)
