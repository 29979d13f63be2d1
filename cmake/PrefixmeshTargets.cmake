# Start here for targets: prefixmesh_library(name SRCS … DEPS …), prefixmesh_app(name SRCS … DEPS …); tests/CMakeLists.txt has
# prefixmesh_test(name SRCS … DEPS … [LABELS …]).
# Names of libraries are their folder, with `_` for `/`. The release preset compiles up to four files of a target as one
# (a unity build), which takes half the time: names in anonymous namespaces are unique within a target.
#
# DEPS are also what a target may include: headers of its own, of its DEPS and of theirs; of third parties only what its own
# DEPS name. tests/checks/includes.py reads the CMakeLists.txt for that, and says which header belongs to which target.

add_library(prefixmesh_options INTERFACE)
target_include_directories(prefixmesh_options INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(prefixmesh_options INTERFACE -Wall -Wextra -Wconversion -Wshadow -Wnon-virtual-dtor)
if(PREFIXMESH_WERROR)
  target_compile_options(prefixmesh_options INTERFACE -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  target_compile_options(prefixmesh_options INTERFACE -Wthread-safety)
endif()

function(prefixmesh_library name)
  cmake_parse_arguments(ARG "" "" "SRCS;DEPS" ${ARGN})
  if(ARG_SRCS MATCHES "\\.cc")
    add_library(${name} STATIC ${ARG_SRCS})
    target_link_libraries(${name} PUBLIC prefixmesh_options ${ARG_DEPS})
  else()  # headers only
    add_library(${name} INTERFACE)
    target_link_libraries(${name} INTERFACE prefixmesh_options ${ARG_DEPS})
  endif()
endfunction()

function(prefixmesh_app name)
  cmake_parse_arguments(ARG "" "" "SRCS;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SRCS})
  target_link_libraries(${name} PRIVATE prefixmesh_options ${ARG_DEPS})
  target_compile_definitions(${name} PRIVATE PREFIXMESH_VERSION="${PROJECT_VERSION}")
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
  add_dependencies(prefixmesh_apps ${name})
endfunction()

# Everything `./run` needs; tests are not part of it.
add_custom_target(prefixmesh_apps)
