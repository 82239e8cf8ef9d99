#include "server/open_store.h"

#include <fcntl.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "server/time_limit.h"
#include "stores/memory/memory_store.h"
#include "stores/sqlite/sqlite_store.h"

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

}  // namespace

std::unique_ptr<engine::Store> open_store(const Options& options, Log& log) {
  constexpr std::string_view sqlite = "sqlite:";
  stores::SqliteOptions chosen;
  if (options.store == "memory:") {
    log.warn("the store is memory: nothing survives the end of this process");
    return std::make_unique<stores::MemoryStore>();
  }
  if (options.store.empty()) {
    chosen.path = database_for(options.locker_config, log);
  } else if (options.store.starts_with(sqlite) && options.store.size() > sqlite.size()) {
    chosen.path = options.store.substr(sqlite.size());
  } else {
    throw StartError("--store: \"" + options.store + "\" is neither sqlite:PATH nor memory:");
  }
  chosen.age_allowance = options.engine.deadline;
  chosen.fatal = [&log](const std::string& why) {
    end_within(time_for_last_words, 1);
    log.error("the store cannot be trusted any more: " + why);
    // No destructor, no checkpoint: what is in memory may not be what is on the disk.
    std::_Exit(1);
  };
  return std::make_unique<stores::SqliteStore>(std::move(chosen));
}

}  // namespace lockkeeper::server
