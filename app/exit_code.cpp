#include "app/exit_code.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <iostream>

namespace paymentd {

int complain(int code, std::string line) {
  constexpr std::string_view begin = "paymentd: ";
  while (line.ends_with('\n'))
    line.pop_back();
  for (auto at = line.find('\n'); at != line.npos; at = line.find('\n', at + 1))
    line.insert(at + 1, begin);
  fmt::print(stderr, "{}{}\n", begin, line);
  return code;
}

int said(int code) {
  std::cout.flush();
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0 || !std::cout)
    return complain(failed, "standard output cannot be written");
  return code;
}

} // namespace paymentd
