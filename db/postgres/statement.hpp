// A statement as *_sql.hpp have it: prepared under its name when a connection first uses it.
#pragma once

namespace paymentd::db::postgres {

struct statement {
  const char* name;
  const char* text;
};

} // namespace paymentd::db::postgres
