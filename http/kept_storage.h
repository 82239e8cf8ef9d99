// What a connection keeps of its storage from one request to the next, and what it gives back.
#pragma once

#include <cstddef>
#include <string>

namespace lockkeeper::http {

inline constexpr std::size_t kept_bytes = 4096;

// Assigning an empty string would keep the storage, also by move.
inline void give_back(std::string& text) {
  std::string().swap(text);
}

inline void give_back_excess(std::string& text) {
  if (text.capacity() > kept_bytes) give_back(text);
}

}  // namespace lockkeeper::http
