# Servers and clients that are tried by real ones, where these are there.

foreach(name echo socks tail_f)
    example(${name})
    list(APPEND with_help ${name})
endforeach()
find_program(BASH bash)
find_program(NC nc)
find_program(CURL curl)
find_program(OPENSSL openssl)
if(BASH)
    add_test(NAME example.tail_f COMMAND ${BASH} ${CMAKE_CURRENT_SOURCE_DIR}/tail_f.sh ${run} $<TARGET_FILE:example_tail_f>)
endif()
if(BASH AND NC)
    add_test(NAME example.echo COMMAND ${BASH} ${CMAKE_CURRENT_SOURCE_DIR}/echo.sh ${run} $<TARGET_FILE:example_echo>)
endif()
if(BASH AND NC AND CURL AND OPENSSL)
    add_test(NAME example.socks COMMAND ${BASH} ${CMAKE_CURRENT_SOURCE_DIR}/socks.sh
        ${run} $<TARGET_FILE:example_echo> -- ${run} $<TARGET_FILE:example_socks>)
endif()

# With OpenSSL, if that is there for the target. MemorySanitizer would have to see into it.
find_package(OpenSSL 3.0)
if(OPENSSL_FOUND AND NOT CMAKE_CROSSCOMPILING AND NOT CMAKE_C_FLAGS MATCHES "sanitize=memory")
    example(https_get OpenSSL::SSL)
    list(APPEND with_help https_get)
    if(BASH AND OPENSSL)
        add_test(NAME example.https_get
            COMMAND ${BASH} ${CMAKE_CURRENT_SOURCE_DIR}/https_get.sh ${run} $<TARGET_FILE:example_https_get>)
    endif()
endif()
