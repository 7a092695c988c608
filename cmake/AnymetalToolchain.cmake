# Compiler settings shared by every target: C++23, strict warnings, optional sanitizers, ccache and mold where present.
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
# Debian has fmt's shared library only: a program to be carried away takes it from the headers instead.
set(ANYMETAL_FMT $<IF:$<BOOL:${ANYMETAL_STATIC_LLVM}>,fmt::fmt-header-only,fmt::fmt>)

find_program(ANYMETAL_CCACHE ccache)
if(ANYMETAL_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER AND PROJECT_IS_TOP_LEVEL)
  # Precompiled headers carry the time they were made; ccache is told not to mind.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${ANYMETAL_CCACHE})
endif()

find_program(ANYMETAL_MOLD mold)
add_library(anymetal_settings INTERFACE)
target_link_options(anymetal_settings INTERFACE $<$<BOOL:${ANYMETAL_MOLD}>:-fuse-ld=mold>)
target_compile_features(anymetal_settings INTERFACE cxx_std_23)
target_compile_options(anymetal_settings INTERFACE -Wall -Wextra -Wconversion -Wshadow -fvisibility=hidden
                                                   -fno-omit-frame-pointer $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>
                                                   $<$<BOOL:${ANYMETAL_WERROR}>:-Werror>)
# g++ 12 sees overlaps and overruns in std::string (GCC bug 105651), and once it optimises harder, dangling pointers and
# uninitialised values in the standard library's own code; the development build keeps the latter.
target_compile_options(anymetal_settings INTERFACE
  "$<$<CXX_COMPILER_ID:GNU>:-Wno-restrict;-Wno-array-bounds;-Wno-stringop-overread;-Wno-stringop-overflow>"
  "$<$<AND:$<CXX_COMPILER_ID:GNU>,$<NOT:$<CONFIG:Debug>>>:-Wno-maybe-uninitialized;-Wno-dangling-pointer;-Wno-free-nonheap-object;-Wno-null-dereference>")
# libstdc++ 12's std::stable_sort uses what C++20 deprecates.
target_compile_options(anymetal_settings INTERFACE $<$<CXX_COMPILER_ID:Clang>:-Wno-deprecated-declarations>)
if(ANYMETAL_SANITIZE)
  # Not vptr: it needs the type information that Debian's LLVM is built without.
  target_compile_options(anymetal_settings INTERFACE -fsanitize=${ANYMETAL_SANITIZE} -fno-sanitize=vptr
                                                     -fno-sanitize-recover=all
    # g++ 12 with a sanitizer takes the standard library's own variables for ones that longjmp may overwrite.
    $<$<CXX_COMPILER_ID:GNU>:-Wno-clobbered>)
  target_link_options(anymetal_settings INTERFACE -fsanitize=${ANYMETAL_SANITIZE})
endif()
if(ANYMETAL_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    message(FATAL_ERROR "ANYMETAL_FUZZ needs Clang: its libFuzzer")
  endif()
  # Coverage for the fuzzer in all objects, also linked by programs without it.
  target_compile_options(anymetal_settings INTERFACE -fsanitize=fuzzer-no-link)
  target_link_options(anymetal_settings INTERFACE -fsanitize=fuzzer-no-link)
endif()
