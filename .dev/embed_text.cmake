# Writes the header of embed_text() (CMakeLists.txt). Wants TEXT, SYMBOL and OUTPUT.
file(READ ${TEXT} text)
if(text MATCHES "\\)embedded\"")
  message(FATAL_ERROR "${TEXT} holds the end of a raw string literal, )embedded\"")
endif()
file(WRITE ${OUTPUT} "#pragma once\n\n#include <string_view>\n\nnamespace gopher::embedded {\n\n"
  "inline constexpr std::string_view ${SYMBOL} = R\"embedded(${text})embedded\";\n\n}  // namespace gopher::embedded\n")
