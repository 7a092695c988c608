# anymetal_llvm: Clang and LLVM 19 as libraries, for the rooms that include their headers and for whoever links libanymetal.
# By default one shared object each, as Debian ships them; ANYMETAL_STATIC_LLVM puts the archives into the executable, so
# that it can be carried to a machine without LLVM.
if(TARGET anymetal_llvm)
  return()
endif()
find_package(LLVM 19.1 REQUIRED CONFIG HINTS /usr/lib/llvm-19/lib/cmake/llvm)

if(ANYMETAL_STATIC_LLVM)
  # Only what the code generators for the host and for NVIDIA need: every other target of LLVM stays out. llvm-config lists
  # the archives in link order; Polly, which Debian plugs into its own tools, is none of them.
  execute_process(
    COMMAND ${LLVM_TOOLS_BINARY_DIR}/llvm-config --link-static --libs
            core support irreader bitreader bitwriter linker passes ipo coroutines orcjit jitlink x86 nvptx option
            frontendopenmp frontenddriver frontendhlsl frontendoffloading lto coverage windowsdriver
    OUTPUT_VARIABLE flags COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX MATCHALL "LLVM[A-Za-z0-9]+" names "${flags}")
  list(TRANSFORM names REPLACE "(.+)" "${LLVM_LIBRARY_DIRS}/lib\\1.a" OUTPUT_VARIABLE llvm_archives)
  set(clang_archives "")
  foreach(name IN ITEMS FrontendTool Frontend Driver Serialization CodeGen Parse Sema APINotes Analysis Support Edit
                        ASTMatchers AST Lex Basic)
    list(APPEND clang_archives ${LLVM_LIBRARY_DIRS}/libclang${name}.a)
  endforeach()
  set(ANYMETAL_LLVM_LIBRARIES -Wl,--start-group ${clang_archives} -Wl,--end-group ${llvm_archives}
                              -Wl,-Bstatic -lzstd -lz -ltinfo -Wl,-Bdynamic -lm
                              -static-libstdc++ -static-libgcc -Wl,--gc-sections -Wl,-s)
else()
  find_file(ANYMETAL_CLANG_CPP NAMES libclang-cpp.so.${LLVM_VERSION_MAJOR}.${LLVM_VERSION_MINOR} libclang-cpp.so
            PATHS ${LLVM_LIBRARY_DIRS} NO_DEFAULT_PATH REQUIRED)
  set(ANYMETAL_LLVM_LIBRARIES ${ANYMETAL_CLANG_CPP} LLVM)
endif()

# Their headers are not warning-clean: system includes.
add_library(anymetal_llvm INTERFACE)
target_include_directories(anymetal_llvm SYSTEM INTERFACE ${LLVM_INCLUDE_DIRS})
target_link_libraries(anymetal_llvm INTERFACE ${ANYMETAL_LLVM_LIBRARIES})
# g++ 12 takes LLVM's class-level `operator new` of globals for a mismatch with their `operator delete`.
target_compile_options(anymetal_llvm INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-mismatched-new-delete>)
