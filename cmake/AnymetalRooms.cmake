# anymetal_room(NAME [UNITY] SOURCES... LINK...): one folder of src/ as an object library that ends up in libanymetal.
# UNITY: several of its sources are compiled as one.
# LINK: what the room needs beside fmt and threads; libanymetal and whoever installs it need the same.
function(anymetal_room NAME)
  cmake_parse_arguments(ROOM "UNITY" "" "SOURCES;LINK" ${ARGN})
  add_library(anymetal_${NAME} OBJECT ${ROOM_SOURCES})
  set_target_properties(anymetal_${NAME} PROPERTIES POSITION_INDEPENDENT_CODE ON)
  target_include_directories(anymetal_${NAME} PUBLIC ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(anymetal_${NAME} PUBLIC anymetal_settings ${ANYMETAL_FMT} Threads::Threads ${ROOM_LINK})
  anymetal_pch(anymetal_${NAME} library)
  if(ROOM_UNITY)
    anymetal_unity(anymetal_${NAME})
  endif()
  set_property(GLOBAL APPEND PROPERTY ANYMETAL_ROOMS anymetal_${NAME})
  set_property(GLOBAL APPEND PROPERTY ANYMETAL_ROOM_LINKS ${ROOM_LINK})
endfunction()

# anymetal_test(NAME SOURCES... [LABELS...] [COST seconds]): one GoogleTest executable; each of its cases is a ctest case.
# COST: of each case, where it is far above the others': ctest starts what takes longest first, so that no core waits for it.
function(anymetal_test NAME)
  cmake_parse_arguments(TEST "" "COST" "SOURCES;LINK;LABELS" ${ARGN})
  add_executable(${NAME} ${TEST_SOURCES})
  target_include_directories(${NAME} PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/tests)
  target_link_libraries(${NAME} PRIVATE anymetal anymetal_settings GTest::gtest GTest::gmock GTest::gtest_main ${ANYMETAL_FMT}
                        ${TEST_LINK})
  set(timeout 900)  # for what hangs: the longest takes 190 s on two free cores
  if(ANYMETAL_SANITIZE)
    set(timeout 1500)
    target_compile_options(${NAME} PRIVATE -Wno-maybe-uninitialized)  # g++ 12's false alarms in instrumented std code
  endif()
  anymetal_pch(${NAME} test)
  if(NOT TEST_LABELS)
    set(TEST_LABELS unit)  # an empty list would swallow the property after it
  endif()
  if(NOT TEST_COST)
    set(TEST_COST 0)
  endif()
  gtest_discover_tests(${NAME} DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60 PROPERTIES LABELS "${TEST_LABELS}" TIMEOUT ${timeout}
                       COST ${TEST_COST} ENVIRONMENT ANYMETAL_CACHE=0)
endfunction()

# anymetal_reads_sources(FILES...): test sources that read files of the source tree. A definition of these files alone: the
# compiler cache keeps every other object when the tree moves.
function(anymetal_reads_sources)
  set_source_files_properties(${ARGN} PROPERTIES COMPILE_DEFINITIONS ANYMETAL_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
endfunction()
