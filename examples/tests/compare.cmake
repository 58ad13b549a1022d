# Run a program and look at its exit status and what it prints on standard output.
#
#     cmake -D COMMAND=program;argument;... [-D EXPECTED=file] [-D PATTERN=regex] -P compare.cmake
#
# EXPECTED: the output must be that of the file, byte for byte; what was printed stays beside the test as NAME.out.
# PATTERN:  the output must match.
cmake_minimum_required(VERSION 3.25)

if(EXPECTED)
    cmake_path(GET EXPECTED STEM name)
    set(actual ${CMAKE_CURRENT_BINARY_DIR}/${name}.out)
    execute_process(COMMAND ${COMMAND} OUTPUT_FILE ${actual} RESULT_VARIABLE status)
    file(READ ${actual} output)
else()
    execute_process(COMMAND ${COMMAND} OUTPUT_VARIABLE output RESULT_VARIABLE status)
    message("${output}")
endif()

if(NOT status EQUAL 0)
    message(FATAL_ERROR "ended with status ${status}: ${COMMAND}")
endif()

if(EXPECTED)
    file(READ ${EXPECTED} expected)
    if(NOT output STREQUAL expected)
        find_program(DIFF diff)
        if(DIFF)
            execute_process(COMMAND ${DIFF} -u ${EXPECTED} ${actual} OUTPUT_VARIABLE difference)
        else()
            set(difference "--- expected\n${expected}+++ printed\n${output}")
        endif()
        message("${difference}") # outside the error, which would be broken into paragraphs
        message(FATAL_ERROR "printed something else than ${EXPECTED}")
    endif()
endif()

if(PATTERN AND NOT output MATCHES "${PATTERN}")
    message(FATAL_ERROR "printed nothing like: ${PATTERN}")
endif()
