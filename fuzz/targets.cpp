#include "fuzz/target.hpp"

#include <array>

namespace paymentd::fuzz {

std::span<const target> targets() {
  static constexpr std::array all{
      target{"aligo_answer", fuzz_aligo_answer},   target{"authorization", fuzz_authorization},
      target{"client_answer", fuzz_client_answer}, target{"http_connection", fuzz_http_connection},
      target{"json_body", fuzz_json_body},         target{"key_file", fuzz_key_file},
      target{"nats_answer", fuzz_nats_answer},     target{"nhn_answer", fuzz_nhn_answer},
      target{"query_string", fuzz_query_string},   target{"sens_answer", fuzz_sens_answer},
      target{"settings_file", fuzz_settings_file}, target{"small_texts", fuzz_small_texts},
      target{"solapi_answer", fuzz_solapi_answer}, target{"success_bytes", fuzz_success_bytes},
  };
  return all;
}

} // namespace paymentd::fuzz
