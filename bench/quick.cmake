# Run coro-bench: it must end well and have a figure for libcoro, and no peer a wrong result. How fast it is, is not asked.
#
#     cmake "-DCOMMAND=coro-bench;--quick;..." -P quick.cmake
cmake_minimum_required(VERSION 3.25)

execute_process(COMMAND ${COMMAND} OUTPUT_VARIABLE output ERROR_VARIABLE errors RESULT_VARIABLE status)
message("${output}${errors}")
if(NOT status EQUAL 0)
    message(FATAL_ERROR "ended with status ${status}")
endif()
if(errors MATCHES "the sum is wrong")
    message(FATAL_ERROR "a peer has added up something else")
endif()
if(NOT output MATCHES "\n  libcoro +[0-9.,]+ +[0-9.,]+ +1\\.00x")
    message(FATAL_ERROR "has no row of libcoro")
endif()
