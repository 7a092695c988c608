# Precompiled headers: half of what a file of this project costs to compile is parsing the standard library and GoogleTest.
# One set of headers a kind of target, compiled once; sources still include what they use (a build with
# -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON shows it). LLVM's, nlohmann-json's and CLI11's headers stay out: g++ 12 walks all it
# has loaded at the end of each file, and with those it takes longer than parsing the few that the file needs.
#
# anymetal_pch(TARGET KIND): KIND is `library`, `program` or `test`. The first target of a kind owns the headers; the others
# must have its compiler flags, position independence among them.
set(ANYMETAL_PCH_library <algorithm> <array> <atomic> <bit> <cmath> <cstddef> <cstdint> <cstring> <limits> <map> <memory>
                         <mutex> <optional> <set> <span> <string> <string_view> <unordered_map> <utility> <vector>
                         <fmt/format.h>)
set(ANYMETAL_PCH_program ${ANYMETAL_PCH_library})
set(ANYMETAL_PCH_test ${ANYMETAL_PCH_library} <fstream> <random> <gmock/gmock.h> <gtest/gtest.h>)

function(anymetal_pch TARGET KIND)
  get_property(owner GLOBAL PROPERTY ANYMETAL_PCH_OWNER_${KIND})
  if(owner)
    target_precompile_headers(${TARGET} REUSE_FROM ${owner})
  else()
    set_property(GLOBAL PROPERTY ANYMETAL_PCH_OWNER_${KIND} ${TARGET})
    target_precompile_headers(${TARGET} PRIVATE ${ANYMETAL_PCH_${KIND}})
  endif()
endfunction()

# anymetal_unity(TARGET): with ANYMETAL_UNITY eight sources are compiled as one. Most of what a file of these targets costs is LLVM's and
# Clang's headers and the templates of the standard library, once more for each. Names in the unnamed namespaces of a folder must differ.
# Who edits the same file again and again is served better by -DANYMETAL_UNITY=OFF.
function(anymetal_unity TARGET)
  set_target_properties(${TARGET} PROPERTIES UNITY_BUILD ${ANYMETAL_UNITY} UNITY_BUILD_BATCH_SIZE 8)
endfunction()
