// Places within the real store that tests/support/with_store.py has started.
#pragma once

#include <cstdlib>
#include <iostream>
#include <stdexcept>
#include <string>

#include "stores/module.h"
#include "stores/store_url.h"

namespace lockkeeper::contract {

// A URL of a place that nobody has used yet.
inline stores::StoreUrl fresh_place() {
  const char* text = std::getenv("LOCKKEEPER_TEST_STORE");
  if (text == nullptr) throw std::runtime_error("run this test by tests/support/with_store.py");
  static int number = 0;
  std::string url = text;
  const std::string word = "{place}";
  for (auto at = url.find(word); at != std::string::npos; at = url.find(word)) {
    url.replace(at, word.size(), "place" + std::to_string(number));
  }
  ++number;
  return stores::parse_store_url(url);
}

inline stores::StoreSettings settings_for(const stores::StoreUrl& url) {
  return {url, [](const std::string& text) { std::cerr << "warning: " << text << '\n'; },
          [](const std::string&) {}};
}

}  // namespace lockkeeper::contract
