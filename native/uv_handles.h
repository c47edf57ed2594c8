// Handles of libuv that an addon owns by pointer.

#pragma once

#include <uv.h>

namespace lumen {

// Closes an initialised handle that was made by `new`, frees it once the loop lets go of it, and forgets the pointer.
// Closing stops a poll or a timer first. nullptr is left alone.
template <typename Handle>
inline void CloseHandle(Handle *&handle) {
  if (handle == nullptr)
    return;
  uv_close(reinterpret_cast<uv_handle_t *>(handle),
           [](uv_handle_t *closed) { delete reinterpret_cast<Handle *>(closed); });
  handle = nullptr;
}

}  // namespace lumen
