#include "fuzz/http_answers.hpp"

#include "fuzz/target.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <optional>

namespace paymentd::fuzz {

namespace {

constexpr std::string_view version = "HTTP/1.1 ";
constexpr std::string_view interim = "HTTP/1.1 100 Continue\r\n\r\n";

bool is_printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= ' ' && c < '\x7f'; });
}

/// The number that `text` is as a whole.
std::optional<std::size_t> number_of(std::string_view text) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional(value)
                                                                  : std::nullopt;
}

/// Takes the text up to the next end of a line off the front.
std::string_view take_line(std::string_view& bytes) {
  const auto end = bytes.find("\r\n");
  expect(end != bytes.npos, "an answer's head is whole");
  const std::string_view line = bytes.substr(0, end);
  bytes.remove_prefix(end + 2);
  expect(is_printable(line), "a line of an answer's head is printable ASCII");
  return line;
}

http_answer take_head(std::string_view& bytes) {
  http_answer answer;
  const std::string_view first = take_line(bytes);
  expect(first.starts_with(version) && first.size() > version.size() + 4 &&
             first[version.size() + 3] == ' ',
         "an answer begins with its status line");
  const auto status = number_of(first.substr(version.size(), 3));
  // 503: nobody gives events here.
  expect(status && *status >= 200 && (*status < 500 || *status == 503),
         "an answer is a success or the client's fault");
  answer.status = static_cast<int>(*status);
  for (std::string_view line = take_line(bytes); !line.empty(); line = take_line(bytes)) {
    const auto colon = line.find(": ");
    expect(colon != line.npos && colon > 0, "a field has a name and a value");
    const bool is_new =
        answer.fields
            .emplace(std::string{line.substr(0, colon)}, std::string{line.substr(colon + 2)})
            .second;
    expect(is_new, "a field is there once");
  }
  return answer;
}

const std::string& field(const http_answer& answer, const std::string& name) {
  const auto found = answer.fields.find(name);
  expect(found != answer.fields.end(), "an answer has a field " + name);
  return found->second;
}

void look_at_body(const http_answer& answer) {
  const std::string& type = field(answer, "Content-Type");
  const bool is_problem = type == "application/problem+json";
  expect(is_problem == (answer.status >= 400), "a refusal is a problem, and nothing else is");
  if (answer.body.empty() || !type.ends_with("json"))
    return;
  const auto body = nlohmann::json::parse(answer.body, nullptr, false);
  expect(body.is_object(), "the body is a JSON object");
  if (!is_problem)
    return;
  expect(body.value("status", 0) == answer.status, "a problem has the answer's status");
  expect(!body.value("code", "").empty(), "a problem has a code");
  expect(body.value("instance", "") == field(answer, "X-Request-Id"),
         "a problem has the request's id");
}

} // namespace

std::string http_answer::comparable() const {
  std::string text = std::to_string(status) + "\n";
  for (const auto& [name, value] : fields)
    if (name != "Date")
      text.append(name).append(": ").append(value).append("\n");
  text += body;
  const std::string& id = field(*this, "X-Request-Id");
  const bool given_by_server =
      id.size() == 16 && id.find_first_not_of("0123456789abcdef") == id.npos;
  for (std::size_t at = 0; given_by_server && (at = text.find(id, at)) != text.npos;)
    text.erase(at, id.size());
  return text;
}

std::vector<http_answer> read_answers(std::string_view bytes) {
  std::vector<http_answer> answers;
  bool ended = false;
  while (!bytes.empty()) {
    expect(!ended, "nothing follows an answer that ends the connection");
    if (bytes.starts_with(interim)) {
      bytes.remove_prefix(interim.size());
      continue;
    }
    http_answer answer = take_head(bytes);
    field(answer, "Date");
    expect(!field(answer, "X-Request-Id").empty(), "an answer has an id");
    const auto length = number_of(field(answer, "Content-Length"));
    expect(length.has_value(), "the length is a number");
    // An answer to HEAD has the length of a body and no body; no body of ours begins so.
    if (!bytes.empty() && !bytes.starts_with(version)) {
      expect(bytes.size() >= *length, "the body has the length that the answer says");
      answer.body = bytes.substr(0, *length);
      bytes.remove_prefix(*length);
    }
    look_at_body(answer);
    const auto connection = answer.fields.find("Connection");
    ended = connection != answer.fields.end() && connection->second == "close";
    answers.push_back(std::move(answer));
  }
  return answers;
}

} // namespace paymentd::fuzz
