#include "server/open_store.h"

#include <fcntl.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <utility>

#include "server/auth.h"
#include "server/time_limit.h"
#include "stores/memory/memory_store.h"
#include "stores/module.h"
#include "stores/shared_object.h"
#include "stores/sqlite/sqlite_store.h"
#include "stores/store_url.h"

namespace lockkeeper::server {
namespace {

using stores::FileKind;

// As the original: the file is made, its directory is not (compat: locker, start-config-in-missing-directory).
void require_directory(const std::string& path) {
  const auto parent = std::filesystem::path(path).parent_path();
  if (parent.empty() || access(parent.c_str(), F_OK) == 0) return;
  std::string why = std::strerror(errno);
  why.front() = static_cast<char>(std::tolower(static_cast<unsigned char>(why.front())));
  throw StartError("Unable to create LOCKER_CONFIG file (" + path + "): open " + path + ": " + why +
                   "\nBailing out.");
}

std::string database_for(const std::string& config, Log& log) {
  const std::string beside = config + ".db";
  const bool taken_over = stores::file_kind(beside) != FileKind::absent;
  switch (stores::file_kind(config)) {
    case FileKind::sqlite:
      return config;
    case FileKind::absent:
      if (taken_over) return beside;
      require_directory(config);
      return config;
    case FileKind::empty:
      // Beside a journal of ours it is a damaged database, which the store refuses.
      if (stores::file_kind(config + "-wal") != FileKind::absent) return config;
      // What the original left when it crashed while it wrote, and what mktemp makes: it always read as no locks.
      if (!taken_over) log.warn(config + " is empty: starting without locks, in " + beside);
      return beside;
    case FileKind::json:
    case FileKind::other:
      if (taken_over) return beside;
      break;
  }
  const std::size_t locks = stores::import_locker_file(config, beside);
  log.info("took over " + std::to_string(locks) + " held locks from " + config + " into " + beside +
           "; the old file is kept and no longer used");
  return beside;
}

struct StoreModule {
  std::string_view scheme;
  const char* name;       // of its folder, and of its file: lockkeeper-store-NAME.so
  const char* package;    // of ours, that it is in
  const char* libraries;  // Debian's packages of what it loads
};
constexpr StoreModule kModules[] = {
    {"etcd", "etcd", "lockkeeper-grpc", "libgrpc++1.51 and libprotobuf-lite32"},
    {"postgresql", "postgresql", "lockkeeper", "libpq5"},
    {"postgres", "postgresql", "lockkeeper", "libpq5"},
    {"redis", "redis", "lockkeeper", "libhiredis0.14 and libssl3"},
    {"rediss", "redis", "lockkeeper", "libhiredis0.14 and libssl3"},
    {"dynamodb", "dynamodb", "lockkeeper", "libcurl4"},
};

constexpr std::string_view sqlite = "sqlite:";

bool names_sqlite(const std::string& text) {
  return text.starts_with(sqlite) && text.size() > sqlite.size();
}

std::unique_ptr<engine::Store> open_sqlite(std::string path, const engine::Settings& settings, Log& log) {
  stores::SqliteOptions chosen;
  chosen.path = std::move(path);
  chosen.age_allowance = settings.deadline;
  chosen.fatal = [&log](const std::string& why) {
    end_within(time_for_last_words, 1);
    log.error("the store cannot be trusted any more: " + why);
    // No destructor, no checkpoint: what is in memory may not be what is on the disk.
    std::_Exit(1);
  };
  return std::make_unique<stores::SqliteStore>(std::move(chosen));
}

// An operator who knows the usual limits should not learn of these from a refused claim.
void tell_lower(const locks::Limits& before, const locks::Limits& now, const std::string& called, Log& log) {
  if (before.claim_rows == now.claim_rows && before.holders == now.holders && before.waiters == now.waiters &&
      before.closed_names == now.closed_names) {
    return;
  }
  log.info(called + " has room for less than others: " + std::to_string(now.claim_rows) + " named claims, " +
           std::to_string(now.holders) + " holders, " + std::to_string(now.waiters) + " waiters and " +
           std::to_string(now.closed_names) + " closed names a lock");
}

}  // namespace

const stores::StoreKind& store_kind(const stores::StoreUrl& url) {
  for (const StoreModule& one : kModules) {
    if (one.scheme != url.scheme) continue;
    const std::string name = one.name;
    try {
      const stores::SharedObject module("lockkeeper-store-" + name + ".so", "--store " + url.scheme,
                                        std::string("a part of its own: package ") + one.package +
                                            ", target lockkeeper_store_" + name +
                                            "; its libraries come with Debian's packages " + one.libraries,
                                        stores::store_version_symbol);
      return *module.symbol<stores::StoreKindFunction>(stores::store_kind_symbol)();
    } catch (const stores::SharedObjectError& error) {
      throw StartError(error.what());
    }
  }
  throw StartError("--store: there is no store " + url.scheme +
                   "://; there are sqlite:PATH, memory:, etcd://, postgresql://, redis://, rediss://, dynamodb://");
}

std::unique_ptr<engine::Store> open_store(Options& options, Log& log) {
  if (options.store.empty()) return open_sqlite(database_for(options.locker_config, log), options.engine, log);
  return open_store(options.store, "the store", options.engine, log);
}

std::unique_ptr<engine::Store> open_store(std::string& text, const std::string& called, engine::Settings& settings,
                                          Log& log) {
  if (text == "memory:") {
    log.warn("the store is memory: nothing survives the end of this process");
    return std::make_unique<stores::MemoryStore>();
  }
  if (names_sqlite(text)) return open_sqlite(text.substr(sqlite.size()), settings, log);
  stores::StoreSettings told = store_settings(text, called, log);
  wipe(text);
  const stores::StoreKind& kind = store_kind(told.url);
  if (kind.adjust != nullptr) {
    const locks::Limits before = settings.limits;
    kind.adjust(told.url, settings);
    tell_lower(before, settings.limits, called, log);
  }
  return kind.make(std::move(told));
}

void require_sqlite_file(const std::string& text) {
  if (!names_sqlite(text)) return;
  const std::string path = text.substr(sqlite.size());
  if (stores::file_kind(path) != FileKind::sqlite) throw StartError(path + " is no database of locks");
}

stores::StoreSettings store_settings(const std::string& text, const std::string& called, Log& log) {
  if (!stores::is_store_url(text)) {
    throw StartError("--store: \"" + text + "\" is neither sqlite:PATH nor memory: nor SCHEME://...");
  }
  return {stores::parse_store_url(text),
          [&log, called](const std::string& what) { log.warn(called + ": " + what); },
          [&log, called](const std::string& what) { log.info(called + ": " + what); }};
}

}  // namespace lockkeeper::server
