# Debian packages: `cmake --preset deb && cmake --build --preset deb && cpack --config build/deb/CPackConfig.cmake`. libcoro0 has the
# shared library, libcoro-dev what is needed to build with it, libcoro-doc what is to be read.

find_program(GZIP gzip)
if(NOT GZIP)
    return()
endif()

# The version of the package and its maintainer stand in the changelog, as in any source package of Debian.
file(READ cmake/debian/changelog changelog)
string(REGEX MATCH "\\(([0-9.]+)-([0-9]+)\\)" _ "${changelog}")
if(NOT CMAKE_MATCH_1 VERSION_EQUAL PROJECT_VERSION)
    message(FATAL_ERROR "cmake/debian/changelog begins with version ${CMAKE_MATCH_1}, the library is ${PROJECT_VERSION}")
endif()
set(CPACK_DEBIAN_PACKAGE_RELEASE ${CMAKE_MATCH_2})
string(REGEX MATCH " -- ([^\n]*>)  " _ "${changelog}")
set(CPACK_DEBIAN_PACKAGE_MAINTAINER "${CMAKE_MATCH_1}")

function(compress source name)
    execute_process(COMMAND ${GZIP} -9nc ${PROJECT_SOURCE_DIR}/${source}
        OUTPUT_FILE ${CMAKE_CURRENT_BINARY_DIR}/${name}.gz COMMAND_ERROR_IS_FATAL ANY)
endfunction()
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS cmake/debian/changelog CHANGELOG.md)
compress(CHANGELOG.md changelog)
compress(cmake/debian/changelog changelog.Debian)

# What all packages of Debian have is no business of `cmake --install`.
function(debian_package component package section summary)
    string(TOUPPER ${component} key)
    set(CPACK_DEBIAN_${key}_PACKAGE_NAME ${package} PARENT_SCOPE)
    set(CPACK_DEBIAN_${key}_PACKAGE_SECTION ${section} PARENT_SCOPE)
    set(CPACK_DEBIAN_${key}_DESCRIPTION "coroutines for C, ${summary}
libcoro gives functions of C and C++ stacks of their own: they can stop at any
depth of calls and go on later where they stopped. Tasks with deadlines and
cancellation, channels, locks, generators and I/O stand on that." PARENT_SCOPE)
    install(FILES cmake/debian/copyright
        ${CMAKE_CURRENT_BINARY_DIR}/changelog.gz ${CMAKE_CURRENT_BINARY_DIR}/changelog.Debian.gz
        DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${package} COMPONENT ${component} EXCLUDE_FROM_ALL)
endfunction()
debian_package(runtime libcoro${PROJECT_VERSION_MAJOR} libs "shared library")
debian_package(dev libcoro-dev libdevel "development files")
debian_package(doc libcoro-doc doc "documentation")
set(CPACK_COMPONENTS_ALL runtime dev doc)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "") # each package has its own
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

# What the shared library needs is looked up in it. What is linked to it later needs this version of it or a newer one.
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SHLIBDEPS ON)
file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/shlibs
    "libcoro ${PROJECT_VERSION_MAJOR} libcoro${PROJECT_VERSION_MAJOR} (>= ${PROJECT_VERSION})\n")
file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/triggers "activate-noawait ldconfig\n")
set(CPACK_DEBIAN_RUNTIME_PACKAGE_CONTROL_EXTRA
    ${CMAKE_CURRENT_BINARY_DIR}/shlibs ${CMAKE_CURRENT_BINARY_DIR}/triggers)
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS
    "libcoro${PROJECT_VERSION_MAJOR} (= ${PROJECT_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE}), libc6-dev")
set(CPACK_DEBIAN_DEV_PACKAGE_SUGGESTS libcoro-doc)
set(CPACK_DEBIAN_DOC_PACKAGE_ARCHITECTURE all)

include(CPack)
