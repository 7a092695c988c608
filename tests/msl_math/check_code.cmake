# Compiles SOURCE for MACHINE to LLVM IR and looks at it: cmake -DCLANGXX= -DMACHINE=host|nvptx -DFLAGS= -DSOURCE= -P.
if(MACHINE STREQUAL nvptx)
  set(target_flags -target nvptx64-nvidia-cuda -D__MSL_NVPTX__)
elseif(CMAKE_HOST_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  set(target_flags -mavx2 -mfma)
endif()
list(REMOVE_ITEM FLAGS -fPIC)
execute_process(COMMAND ${CLANGXX} ${FLAGS} ${target_flags} -DEVALUATORS=table -S -emit-llvm ${SOURCE} -o -
                OUTPUT_VARIABLE ir ERROR_VARIABLE errors RESULT_VARIABLE result)
if(result)
  message(FATAL_ERROR "${errors}")
endif()

# Only the functions a back end lowers may be called.
string(REGEX MATCHALL "call [^\n]*@[A-Za-z_][A-Za-z0-9_.]*\\(" calls "${ir}")
list(LENGTH calls count)
if(count EQUAL 0)
  message(FATAL_ERROR "no calls at all: the search is broken")
endif()
foreach(call IN LISTS calls)
  if(NOT call MATCHES
     "@llvm\\.(fma|sqrt|floor|trunc|rint|round|fabs|copysign|minnum|maxnum|[su]?(min|max)|fsh[lr]|lifetime|is\\.fpclass|experimental\\.noalias|masked)"
     AND NOT call MATCHES "@__msl_fast_")
    message(FATAL_ERROR "a call that no back end resolves: ${call}")
  endif()
endforeach()

if(MACHINE STREQUAL host)
  string(REGEX MATCHALL "<[0-9]+ x float> @llvm.fma" wide "${ir}")
  list(LENGTH wide wide_count)
  if(wide_count LESS 500)
    message(FATAL_ERROR "loops over the library are not vectorised: ${wide_count} vector fma")
  endif()
endif()
message(STATUS "${MACHINE}: ${count} calls, all known")
