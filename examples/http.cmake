# httpd, crawler, and clients of httpd that others have written.

set(httpd_sources "")
foreach(part files main pages reply request server)
    list(APPEND httpd_sources httpd/${part}.c)
endforeach()
add_executable(example_httpd ${httpd_sources})
example_settings(httpd ${HTTP_PARSER_LIBRARY})

example(crawler ${HTTP_PARSER_LIBRARY})

foreach(name httpd crawler)
    target_include_directories(example_${name} SYSTEM PRIVATE ${HTTP_PARSER_INCLUDE_DIR})
    target_compile_definitions(example_${name} PRIVATE _GNU_SOURCE)
    list(APPEND with_help ${name})
endforeach()

# client_test(name needs...): examples/httpd_NAME.sh, a client of httpd, if those programs are there.
find_program(BASH bash REQUIRED)
find_program(CURL curl)
find_program(WRK wrk)
function(client_test name)
    foreach(program ${ARGN})
        if(NOT ${program})
            string(TOLOWER ${program} program)
            message(STATUS "Test example.httpd_${name}: left out, ${program} is missing")
            return()
        endif()
    endforeach()
    add_test(NAME example.httpd_${name}
        COMMAND ${BASH} ${CMAKE_CURRENT_SOURCE_DIR}/httpd_${name}.sh ${run} $<TARGET_FILE:example_httpd>)
endfunction()

add_test(NAME example.crawler COMMAND ${BASH} ${CMAKE_CURRENT_SOURCE_DIR}/crawler_of_httpd.sh
    ${run} $<TARGET_FILE:example_httpd> -- ${run} $<TARGET_FILE:example_crawler>)
client_test(curl CURL)
client_test(slow CURL)
client_test(stop)
client_test(wrk WRK)
