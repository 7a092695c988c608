# Compiler settings shared by every target: C++23, strict warnings, optional sanitizers, ccache and mold where present.
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
# Debian has fmt's shared library only: a program to be carried away takes it from the headers instead.
set(ANYMETAL_FMT $<IF:$<BOOL:${ANYMETAL_STATIC_LLVM}>,fmt::fmt-header-only,fmt::fmt>)

find_program(ANYMETAL_CCACHE ccache)
if(ANYMETAL_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER AND PROJECT_IS_TOP_LEVEL)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${ANYMETAL_CCACHE})
endif()

find_program(ANYMETAL_MOLD mold)
add_library(anymetal_settings INTERFACE)
target_link_options(anymetal_settings INTERFACE $<$<BOOL:${ANYMETAL_MOLD}>:-fuse-ld=mold>)
target_compile_features(anymetal_settings INTERFACE cxx_std_23)
target_compile_options(anymetal_settings INTERFACE -Wall -Wextra -Wconversion -Wshadow -fvisibility=hidden
                                                   -fno-omit-frame-pointer $<$<BOOL:${ANYMETAL_WERROR}>:-Werror>)
# g++ 12 sees overlaps, overruns and dangling pointers in the standard library's own code once it optimises harder; the
# development build keeps these warnings.
target_compile_options(anymetal_settings INTERFACE
  "$<$<AND:$<CXX_COMPILER_ID:GNU>,$<NOT:$<CONFIG:Debug>>>:-Wno-restrict;-Wno-maybe-uninitialized;-Wno-stringop-overflow;-Wno-stringop-overread;-Wno-array-bounds;-Wno-dangling-pointer;-Wno-free-nonheap-object;-Wno-null-dereference>")
if(ANYMETAL_SANITIZE)
  target_compile_options(anymetal_settings INTERFACE -fsanitize=${ANYMETAL_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(anymetal_settings INTERFACE -fsanitize=${ANYMETAL_SANITIZE})
endif()
