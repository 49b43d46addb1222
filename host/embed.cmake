# The Lua files of scripts/ go into the binary, so that one file is all a machine needs. Writes a source that defines
# `clade::vm::embedded_scripts()`; see cell/vm/embedded.h.
file(GLOB_RECURSE CLADE_SCRIPTS CONFIGURE_DEPENDS RELATIVE "${CMAKE_SOURCE_DIR}" "${CMAKE_SOURCE_DIR}/scripts/*.lua")
set(CLADE_EMBEDDED "${CMAKE_BINARY_DIR}/embedded.cpp")
list(TRANSFORM CLADE_SCRIPTS PREPEND "${CMAKE_SOURCE_DIR}/" OUTPUT_VARIABLE script_paths)
add_custom_command(
  OUTPUT "${CLADE_EMBEDDED}"
  COMMAND ${CMAKE_COMMAND} -DOUTPUT=${CLADE_EMBEDDED} -DROOT=${CMAKE_SOURCE_DIR} "-DFILES=${CLADE_SCRIPTS}"
          -P "${CMAKE_SOURCE_DIR}/host/embed_write.cmake"
  DEPENDS ${script_paths} "${CMAKE_SOURCE_DIR}/host/embed_write.cmake"
  COMMENT "Embedding scripts/" VERBATIM)
