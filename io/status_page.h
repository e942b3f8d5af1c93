// The status page: one HTML page that draws what /status says, with its style and script in it.
#pragma once

#include "core/admin/http_server.h"

namespace gopher {

// With a policy that lets nothing run or load but what is in the page, and that by a number drawn for this answer.
HttpPage status_page();

}  // namespace gopher
