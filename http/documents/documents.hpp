// The documents that the server has in it: the API's description and the page that shows it. They
// are files of the repository, which the build makes part of the program. Constants; any thread.
#pragma once

#include <string_view>

namespace paymentd::http {

/// openapi.json, as it stands beside this file: OpenAPI 3.1.
std::string_view openapi_document() noexcept;

/// docs.html: a page that needs nothing but openapi.json from the same server.
std::string_view docs_page() noexcept;

} // namespace paymentd::http
