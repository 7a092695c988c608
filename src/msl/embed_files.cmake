# Files as bytes inside the program: an assembler directive reads them, a table in C++ names them.
function(incbin_text OUT SYMBOL FILE)
  set(${OUT} "asm(\".section .rodata,\\\"a\\\"\\n.balign 16\\n${SYMBOL}:\\n.incbin \\\"${FILE}\\\"\\n${SYMBOL}_end:\\n.byte 0\\n.text\");
extern \"C\" __attribute__((visibility(\"hidden\"))) const char ${SYMBOL}[];
extern \"C\" __attribute__((visibility(\"hidden\"))) const char ${SYMBOL}_end[];
asm(\".hidden ${SYMBOL}\\n.hidden ${SYMBOL}_end\\n.globl ${SYMBOL}\\n.globl ${SYMBOL}_end\");
" PARENT_SCOPE)
endfunction()

# embed_headers(OUTPUT files...): defines embedded_headers(); names are relative to include/.
function(embed_headers OUTPUT)
  set(number 0)
  foreach(file IN LISTS ARGN)
    incbin_text(text anymetal_header_${number} ${CMAKE_CURRENT_SOURCE_DIR}/${file})
    string(APPEND blobs "${text}")
    string(REGEX REPLACE "^include/" "" name ${file})
    string(APPEND table "    {\"${name}\", {anymetal_header_${number}, static_cast<std::size_t>(anymetal_header_${number}_end - anymetal_header_${number})}},\n")
    list(APPEND paths ${CMAKE_CURRENT_SOURCE_DIR}/${file})
    math(EXPR number "${number} + 1")
  endforeach()
  file(GENERATE OUTPUT ${OUTPUT} CONTENT "// Generated: the library headers.
#include \"msl/embedded_files.hpp\"
#include <array>
${blobs}
namespace anymetal::msl {
std::span<const EmbeddedFile> embedded_headers() {
  static const std::array<EmbeddedFile, ${number}> files = {{
${table}  }};
  return files;
}
}  // namespace anymetal::msl
")
  # A file compiled with others as one loses what it depends on.
  set_source_files_properties(${OUTPUT} PROPERTIES OBJECT_DEPENDS "${paths}" SKIP_UNITY_BUILD_INCLUSION ON)
endfunction()

# embed_pch(OUTPUT host-file nvptx-file): defines embedded_pch().
function(embed_pch OUTPUT HOST NVPTX)
  incbin_text(host anymetal_pch_host ${HOST})
  incbin_text(nvptx anymetal_pch_nvptx ${NVPTX})
  file(GENERATE OUTPUT ${OUTPUT} CONTENT "// Generated: the precompiled library headers.
#include \"msl/embedded_files.hpp\"
${host}${nvptx}
namespace anymetal::msl {
std::string_view embedded_pch(Target target) {
  if (target == Target::Nvptx) return {anymetal_pch_nvptx, static_cast<std::size_t>(anymetal_pch_nvptx_end - anymetal_pch_nvptx)};
  return {anymetal_pch_host, static_cast<std::size_t>(anymetal_pch_host_end - anymetal_pch_host)};
}
}  // namespace anymetal::msl
")
  set_source_files_properties(${OUTPUT} PROPERTIES OBJECT_DEPENDS "${HOST};${NVPTX}")
endfunction()

# embed_precompiled_headers(OUTPUT host-file host-manifest nvptx-file nvptx-manifest): defines registry::embedded_pch().
function(embed_precompiled_headers OUTPUT HOST HOST_MANIFEST NVPTX NVPTX_MANIFEST)
  incbin_text(host anymetal_kernels_host ${HOST})
  incbin_text(host_manifest anymetal_kernels_host_manifest ${HOST_MANIFEST})
  incbin_text(nvptx anymetal_kernels_nvptx ${NVPTX})
  incbin_text(nvptx_manifest anymetal_kernels_nvptx_manifest ${NVPTX_MANIFEST})
  file(GENERATE OUTPUT ${OUTPUT} CONTENT "// Generated: the precompiled headers of kernels/.
#include \"registry/precompiled_kernels.hpp\"
#include <cstddef>
${host}${host_manifest}${nvptx}${nvptx_manifest}
namespace anymetal::registry {
namespace {
std::string_view text(const char* begin, const char* end) { return {begin, static_cast<std::size_t>(end - begin)}; }
}  // namespace
EmbeddedPch embedded_pch(msl::Target target) {
  if (target == msl::Target::Nvptx) return {text(anymetal_kernels_nvptx, anymetal_kernels_nvptx_end), text(anymetal_kernels_nvptx_manifest, anymetal_kernels_nvptx_manifest_end)};
  return {text(anymetal_kernels_host, anymetal_kernels_host_end), text(anymetal_kernels_host_manifest, anymetal_kernels_host_manifest_end)};
}
}  // namespace anymetal::registry
")
  set_source_files_properties(${OUTPUT} PROPERTIES OBJECT_DEPENDS "${HOST};${HOST_MANIFEST};${NVPTX};${NVPTX_MANIFEST}" SKIP_UNITY_BUILD_INCLUSION ON)
endfunction()
