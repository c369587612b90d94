// The little that the sessions need of coroutines: one that runs by itself. Asio's own awaitable
// takes a frame for every operation; a session has one frame for its whole life.
#pragma once

#include <coroutine>
#include <exception>

namespace paymentd::http {

/// A coroutine that nobody waits for. It starts at once and frees itself when it is done. It lets
/// no exception out: whoever writes one catches them all.
struct detached {
  struct promise_type {
    detached get_return_object() noexcept { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() noexcept { std::terminate(); }
  };
};

} // namespace paymentd::http
