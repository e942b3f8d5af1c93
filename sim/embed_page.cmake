# Puts a page's style and script into it and writes it as a C++ source:
#   cmake -DFOLDER=… -DSCRIPTS="a.js b.js" -DOUTPUT=… -P embed_page.cmake
# The files hold no ")PAGE", which would end the literal. Each file is a literal of its own: compilers need take no more
# than 64 KiB in one.
cmake_policy(VERSION 3.25)

file(READ ${FOLDER}/page.html html)
file(READ ${FOLDER}/page.css css)
set(js "")
separate_arguments(SCRIPTS)
foreach(script IN LISTS SCRIPTS)
  file(READ ${FOLDER}/${script} text)
  string(APPEND js ")PAGE\"\nR\"PAGE(${text}")
endforeach()
string(REPLACE "@STYLE@" ")PAGE\"\nR\"PAGE(${css})PAGE\"\nR\"PAGE(" html "${html}")
string(REPLACE "@SCRIPT@" "${js})PAGE\"\nR\"PAGE(" html "${html}")
file(WRITE ${OUTPUT} "#include \"sim/report_page.h\"

namespace gopher::sim {

const std::string_view kReportPage = R\"PAGE(${html})PAGE\";

}  // namespace gopher::sim
")
