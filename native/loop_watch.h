// How an addon lives on Node's loop: a descriptor and a timer that give it a turn, calls back into JavaScript, and the
// end of the environment, after which nothing of it may run.

#pragma once

#include <napi.h>
#include <uv.h>

#include <vector>

#include "addon_error.h"

namespace lumen {

// What a LoopWatch serves. Both may destroy the watch that calls them.
class LoopClient {
 public:
  // The descriptor is ready, or the time has come.
  virtual void OnTurn() = 0;
  // The environment ends while the watch is still there.
  virtual void OnEnvironmentEnd() = 0;

 protected:
  ~LoopClient() = default;
};

class LoopWatch {
 public:
  // `resource` is what async_hooks are told. Throws an Error with the reason when the descriptor cannot be watched.
  LoopWatch(Napi::Env env, const char *resource, int fd, LoopClient *client)
      : env_(env), client_(client), async_context_(env, resource) {
    napi_get_uv_event_loop(env, &loop_);
    poll_ = new uv_poll_t;
    int status = uv_poll_init(loop_, poll_, fd);
    if (status != 0) {
      delete poll_;
      throw SystemError(env, -status, "uv_poll_init");
    }
    poll_->data = client;
    timer_ = new uv_timer_t;
    uv_timer_init(loop_, timer_);
    timer_->data = client;
    napi_add_env_cleanup_hook(env_, OnEnd, this);
  }

  ~LoopWatch() {
    napi_remove_env_cleanup_hook(env_, OnEnd, this);
    // Closing stops them first; the loop frees them when it lets go.
    uv_close(reinterpret_cast<uv_handle_t *>(poll_),
             [](uv_handle_t *closed) { delete reinterpret_cast<uv_poll_t *>(closed); });
    uv_close(reinterpret_cast<uv_handle_t *>(timer_),
             [](uv_handle_t *closed) { delete reinterpret_cast<uv_timer_t *>(closed); });
  }
  LoopWatch(const LoopWatch &) = delete;
  LoopWatch &operator=(const LoopWatch &) = delete;

  // A turn whenever the descriptor is ready for these events (UV_READABLE, UV_WRITABLE), from now on.
  void WaitFor(int events) {
    uv_poll_start(poll_, events,
                  [](uv_poll_t *handle, int, int) { static_cast<LoopClient *>(handle->data)->OnTurn(); });
  }

  // One turn after this time, instead of the one that was asked for before.
  void WakeAfter(uint64_t delay_ms) {
    uv_timer_start(timer_, [](uv_timer_t *handle) { static_cast<LoopClient *>(handle->data)->OnTurn(); }, delay_ms, 0);
  }

  void StopTimer() { uv_timer_stop(timer_); }

  // The loop's clock, milliseconds.
  uint64_t now_ms() const { return uv_now(loop_); }

  // Calls back from a turn. What the callback throws is an uncaught exception, as with any callback of Node.
  void Tell(const Napi::FunctionReference &callback, const Napi::Object &receiver,
            const std::vector<napi_value> &values) const {
    try {
      callback.MakeCallback(receiver, values, async_context_);
    } catch (const Napi::Error &error) {
      napi_fatal_exception(env_, error.Value());
    }
  }

 private:
  static void OnEnd(void *data) { static_cast<LoopWatch *>(data)->client_->OnEnvironmentEnd(); }

  Napi::Env env_;
  LoopClient *client_;
  Napi::AsyncContext async_context_;
  uv_loop_t *loop_ = nullptr;
  uv_poll_t *poll_ = nullptr;
  uv_timer_t *timer_ = nullptr;
};

}  // namespace lumen
