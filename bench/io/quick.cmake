# Run coro-io-bench: it must end well, and have a figure of each server for each table. How fast they are, is not asked.
#
#     cmake "-DCOMMAND=coro-io-bench;--quick;..." -P quick.cmake
cmake_minimum_required(VERSION 3.25)

execute_process(COMMAND ${COMMAND} OUTPUT_VARIABLE output ERROR_VARIABLE errors RESULT_VARIABLE status)
message("${output}${errors}")
if(NOT status EQUAL 0)
    message(FATAL_ERROR "ended with status ${status}")
endif()
if(errors MATCHES "coro-io-bench: ")
    message(FATAL_ERROR "a server failed")
endif()
foreach(talk IN ITEMS echo http)
    if(NOT output MATCHES "${talk}, 16 connections\n[^,]*\n  libcoro +[0-9]+ +[0-9.]+ +[0-9.]+ +[0-9.]+ +[0-9.]+x ")
        message(FATAL_ERROR "has no row of libcoro for ${talk}")
    endif()
endforeach()
if(NOT output MATCHES "idle, 100 connections\n[^,]*\n  libcoro +[0-9]+")
    message(FATAL_ERROR "has no row of libcoro for memory")
endif()
