// The release that this program is, and the commit that it was built from. Any thread.
#pragma once

#include <string>

namespace paymentd {

/// "0.1.0".
std::string release_number();

/// "0.1.0 (commit 0123456789ab)"; the commit is "unknown" where it was not built from a repository.
std::string version_text();

} // namespace paymentd
