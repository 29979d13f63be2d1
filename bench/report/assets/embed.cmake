# cmake -DOUT=FILE -DHEADER=INCLUDE -DNAMES=Fn=path,Fn=path -P embed.cmake: writes a .cc with one function per file,
# `std::string_view Fn()`, that returns the file's text. Used for the result schema and for the report's assets.
string(REPLACE "," ";" NAMES "${NAMES}")
set(text "#include \"${HEADER}\"\n\nnamespace prefixmesh::bench {\n")
foreach(entry IN LISTS NAMES)
  string(REGEX MATCH "^([A-Za-z]+)=(.+)$" matched "${entry}")
  set(name ${CMAKE_MATCH_1})
  file(READ ${CMAKE_MATCH_2} content)
  string(APPEND text "std::string_view ${name}() {\n  static constexpr char kText[] = R\"PREFIXMESH(")
  string(APPEND text "${content}")
  string(APPEND text ")PREFIXMESH\";\n  return {kText, sizeof kText - 1};\n}\n")
endforeach()
string(APPEND text "}  // namespace prefixmesh::bench\n")
file(WRITE ${OUT} "${text}")
