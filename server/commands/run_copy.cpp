#include <chrono>
#include <exception>
#include <iostream>
#include <memory>

#include "engine/engine.h"
#include "server/commands/commands.h"
#include "server/commands/copy.h"
#include "server/commands/named_store.h"
#include "server/log.h"
#include "server/open_store.h"

namespace lockkeeper::server {
namespace {

constexpr int not_finished = 2;

void require_kept(const std::string& store, const char* called) {
  if (store == "memory:") throw CommandError(std::string(called) + ": memory keeps nothing");
}

std::string counted(const Copied& copied) {
  const auto number = [](std::uint64_t n, const char* what) {
    return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
  };
  return number(copied.locks, "lock") + ", " + number(copied.gates, "gate") + " and " +
         number(copied.events, "event");
}

// Tells a person who waits that it goes on, and no more often than that takes.
class Progress {
 public:
  explicit Progress(Log& log) : log_(log) {}

  void operator()(const Copied& copied) {
    const auto now = std::chrono::steady_clock::now();
    if (now < next_) return;
    log_.info("copied " + counted(copied) + " so far");
    next_ = now + std::chrono::seconds(2);
  }

 private:
  Log& log_;
  std::chrono::steady_clock::time_point next_ = std::chrono::steady_clock::now() + std::chrono::seconds(2);
};

}  // namespace

int run_copy(std::vector<std::string> words, const Environment& environment) {
  auto names = take_stores(std::move(words), environment, {"LOCKKEEPER_COPY_FROM", "LOCKKEEPER_COPY_TO"});
  require_kept(names[0], "FROM");
  require_kept(names[1], "TO");
  if (names[0] == names[1]) throw CommandError("FROM and TO are the same");
  require_sqlite_file(names[0]);
  Log log(LogFormat::text, LogLevel::info);
  engine::Settings unused;
  const auto from_store = open_store(names[0], "FROM", unused, log);
  const auto to_store = open_store(names[1], "TO", unused, log);
  try {
    Asker from(*from_store, "FROM");
    Asker to(*to_store, "TO");
    Progress progress(log);
    const Copied copied = copy(from, to, [&progress](const Copied& so_far) { progress(so_far); });
    std::cout << "copied " << counted(copied) << "; versions of new locks start after " << copied.floor
              << std::endl;
    return 0;
  } catch (const UnfinishedCopy& error) {
    std::cerr
        << "the copy did not come to its end, and TO has a part of it: let no server run over TO, and empty it "
           "before the next try: "
        << error.what() << '\n';
    return not_finished;
  }
}

}  // namespace lockkeeper::server
