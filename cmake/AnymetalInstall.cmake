# What `cmake --install` lays down: the library, its headers, the command line, and a CMake package `anymetal`.
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/anymetal)

install(TARGETS anymetal EXPORT anymetalTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT anymetalTargets NAMESPACE anymetal:: DESTINATION ${package_dir})
install(DIRECTORY include/anymetal DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
if(TARGET anymetal_cli)
  install(TARGETS anymetal_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

configure_package_config_file(cmake/anymetalConfig.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/anymetalConfig.cmake
                              INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/anymetalConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/anymetalConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/anymetalConfigVersion.cmake
              cmake/AnymetalLlvm.cmake
        DESTINATION ${package_dir})
