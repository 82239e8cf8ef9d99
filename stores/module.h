// A store as a module of its own (lockkeeper-store-NAME.so), which a server loads when --store asks for it: nobody
// pays for the libraries of a store they don't use. A module is one file that defines the two functions below.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "engine/engine.h"
#include "engine/store.h"
#include "stores/store_url.h"

namespace lockkeeper::stores {

struct StoreSettings {
  StoreUrl url;
  // For the operator; on any thread. Never null.
  std::function<void(const std::string&)> warn, info;
};

struct StoreKind {
  // Throws StoreError for what the URL says wrong. Reaches for nothing before open().
  std::unique_ptr<engine::Store> (*make)(StoreSettings settings);

  // What this store's nature asks of the engine, where its operator has set nothing else: lower limits, how often
  // to look again. nullptr: nothing.
  void (*adjust)(const StoreUrl& url, engine::Settings& settings) = nullptr;

  // For `lockkeeper schema`: what has to be there before the first start, as text for who does it by hand, and
  // doing it. nullptr: the store needs nothing. `migrate` throws StoreError.
  std::string (*schema)(const StoreUrl& url) = nullptr;
  void (*migrate)(const StoreSettings& settings) = nullptr;
};

inline constexpr const char* store_kind_symbol = "lockkeeper_store_kind";
inline constexpr const char* store_version_symbol = "lockkeeper_store_version";
using StoreKindFunction = const StoreKind* (*)();
using StoreVersionFunction = const char* (*)();

}  // namespace lockkeeper::stores

// Written once in a module, with a StoreKind.
#define LOCKKEEPER_STORE_MODULE(kind)                                                                              \
  extern "C" __attribute__((visibility("default"))) const lockkeeper::stores::StoreKind* lockkeeper_store_kind() { \
    return &kind;                                                                                                  \
  }                                                                                                                \
  extern "C" __attribute__((visibility("default"))) const char* lockkeeper_store_version() {                       \
    return LOCKKEEPER_VERSION;                                                                                     \
  }
