# Compiles SOURCE for MACHINE to LLVM IR and looks at it: cmake -DCLANGXX= -DMACHINE=host|nvptx -DFLAGS= -DNATIVE= -DSOURCE= -P.
if(MACHINE STREQUAL nvptx)
  list(APPEND FLAGS -target nvptx64-nvidia-cuda -D__MSL_NVPTX__)
else()
  list(APPEND FLAGS ${NATIVE} -Rpass=loop-vectorize -Rpass-missed=loop-vectorize)
endif()
list(REMOVE_ITEM FLAGS -fPIC)
execute_process(COMMAND ${CLANGXX} ${FLAGS} -DEVALUATORS=table -S -emit-llvm ${SOURCE} -o -
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

# Of the evaluators' loops only that over fmod, a loop itself, stays scalar.
if(MACHINE STREQUAL host)
  string(REGEX MATCHALL "remark: vectorized loop" vectorised "${errors}")
  list(LENGTH vectorised vectorised_count)
  if(vectorised_count LESS 60)
    message(FATAL_ERROR "only ${vectorised_count} loops are vectorised")
  endif()
  string(REGEX MATCHALL "evaluators.cpp:[0-9]+:[0-9]+: remark: loop not vectorized" scalar "${errors}")
  foreach(remark IN LISTS scalar)
    string(REGEX REPLACE "[^:]*:([0-9]+):.*" "\\1" line "${remark}")
    execute_process(COMMAND sed -n ${line}p ${SOURCE} OUTPUT_VARIABLE text)
    if(NOT text MATCHES "\"fmod\"")
      message(FATAL_ERROR "a loop that is not vectorised, line ${line}: ${text}")
    endif()
  endforeach()
endif()
message(STATUS "${MACHINE}: ${count} calls, all known")
