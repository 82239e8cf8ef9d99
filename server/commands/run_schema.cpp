#include <iostream>

#include "server/commands/commands.h"
#include "server/commands/named_store.h"
#include "server/log.h"
#include "server/open_store.h"
#include "stores/module.h"

namespace lockkeeper::server {

int run_schema(std::vector<std::string> words, const Environment& environment) {
  const bool print = take_flag(words, "--print");
  const std::string store = take_stores(std::move(words), environment, {"LOCKKEEPER_STORE"}).front();
  if (store == "memory:" || store.starts_with("sqlite:")) {
    std::cout << "this store needs none: a server makes what it needs\n";
    return 0;
  }
  Log log(LogFormat::text, LogLevel::info);
  const stores::StoreSettings settings = store_settings(store, "the store", log);
  const stores::StoreKind& kind = store_kind(settings.url);
  if (kind.migrate == nullptr || kind.schema == nullptr) {
    std::cout << "this store needs none: a server makes what it needs\n";
  } else if (print) {
    std::cout << kind.schema(settings.url);
  } else {
    kind.migrate(settings);
    std::cout << "the schema is there: " << stores::shown(settings.url) << '\n';
  }
  return 0;
}

}  // namespace lockkeeper::server
