// Text as a JSON string that may stand anywhere: in a line of a trace, and inside a <script> element of a page.
#pragma once

#include <string>
#include <string_view>

namespace gopher::sim {

// Appends `text` with its quotes, as ASCII. What is not UTF-8 counts as one character an octet (a name from the network
// need not be text), and < > & are escaped, so that no text can end the element that it stands in.
void append_json(std::string& to, std::string_view text);

}  // namespace gopher::sim
