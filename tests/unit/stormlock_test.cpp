#include "cli/stormlock/stormlock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <csignal>
#include <fstream>
#include <optional>

#include "cli/stormlock/stop_signal.h"
#include "tests/support/temporary_folder.h"

namespace lockkeeper::cli::stormlock {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Database {
  std::optional<Lease> lease;  // of every lock
  bool away = false, waits = false;
  std::vector<std::string> calls;
  volatile std::sig_atomic_t interrupts = 0;
  std::function<void()> while_it_acquires = [] {};
};

class FakeBackend : public Backend {
 public:
  explicit FakeBackend(Database& database) : database_(database) {}

  std::variant<Lease, Held> acquire(const Wish& wish) override {
    call("acquire " + wish.resource + " " + wish.principal + " " + std::to_string(wish.ttl.count()));
    database_.while_it_acquires();
    if (database_.lease) return Held{database_.lease};
    database_.lease = Lease{"id1", wish.principal, std::string("now")};
    return *database_.lease;
  }
  std::variant<Lease, Held> acquire(const Wish& wish, std::chrono::milliseconds wait,
                                    const Telling& tell) override {
    call("wait " + std::to_string(wait.count()));
    tell("1 before you");
    return acquire(wish);
  }
  void release(const std::string& resource, const std::string& id) override {
    call("release " + resource + " " + id);
    database_.lease.reset();
  }
  bool renew(const std::string&, const std::string& id, std::chrono::seconds ttl) override {
    call("renew " + std::to_string(ttl.count()));
    return database_.lease && database_.lease->id == id;
  }
  std::optional<Lease> current(const std::string&) override {
    call("current");
    return database_.lease;
  }
  bool is_held(const std::string&, const std::string& id) override {
    call("is_held");
    return database_.lease && database_.lease->id == id;
  }
  bool can_wait() const override { return database_.waits; }
  void interrupt() noexcept override { database_.interrupts = database_.interrupts + 1; }  // by a signal's handler

 private:
  void call(const std::string& what) {
    if (database_.away) throw BackendError("the database is away");
    database_.calls.push_back(what);
  }

  Database& database_;
};

class Stormlock : public testing::Test {
 protected:
  void SetUp() override { write("[default]\nttl = 1h\nbackend = fake\nprincipal = me\n"); }

  void write(const std::string& text) { std::ofstream(folder_ / "f.cfg") << text; }

  int run(std::vector<std::string> words) {
    out_.clear();
    err_.clear();
    database_.calls.clear();
    words.insert(words.begin(), {"-c", folder_ / "f.cfg"});
    Surroundings surroundings;
    surroundings.backend = [&](const std::string&, const Section&) {
      return std::make_unique<FakeBackend>(database_);
    };
    surroundings.out = [&](std::string_view text) {
      errno = ENOSPC;
      if (full_) return false;
      out_ += text;
      return true;
    };
    surroundings.err = [&](std::string_view text) {
      err_ += text;
      return true;
    };
    return stormlock(words, surroundings);
  }

  support::TemporaryFolder folder_;
  Database database_;
  bool full_ = false;
  std::string out_, err_;
};

TEST_F(Stormlock, ALockIsTakenAndItsLeaseShown) {
  EXPECT_EQ(run({"acquire", "db"}), 0);
  EXPECT_EQ(out_, "id1\n");
  EXPECT_EQ(err_, "");
  EXPECT_THAT(database_.calls, ElementsAre("acquire db me 3600"));
  EXPECT_EQ(run({"current", "-f", "oneline", "db"}), 0);
  EXPECT_EQ(out_, "me\tnow\tid1\n");
  EXPECT_EQ(run({"is-held", "db", "id1"}), 0);
  EXPECT_EQ(run({"renew", "db", "id1", "-t", "2h"}), 0);
  EXPECT_THAT(database_.calls, ElementsAre("renew 7200"));
  EXPECT_EQ(run({"release", "db", "id1"}), 0);
  EXPECT_EQ(out_ + err_, "");
}

TEST_F(Stormlock, WhatIsNotToBeHadHasItsOwnExitCodes) {
  EXPECT_EQ(run({"current", "db"}), 1);
  EXPECT_EQ(err_, "no lock held\n");
  EXPECT_EQ(run({"is-held", "db", "x"}), 1);
  EXPECT_EQ(err_, "");
  EXPECT_EQ(run({"renew", "db", "x"}), 3);
  EXPECT_EQ(err_, "Lock expired\n");
  database_.lease = Lease{"other", "you", std::string("now")};
  EXPECT_EQ(run({"acquire", "db"}), 2);
  EXPECT_EQ(out_, "other\n");
  EXPECT_EQ(err_, "Lock held\n");
  EXPECT_EQ(run({"frob"}), 2);
  EXPECT_EQ(out_, "");
  database_.away = true;
  EXPECT_EQ(run({"is-held", "db", "x"}), 1);
  EXPECT_EQ(err_, "stormlock: the database is away\n");
}

TEST_F(Stormlock, ALeaseWhoseIdCannotBeShownIsGivenBack) {
  full_ = true;
  EXPECT_EQ(run({"acquire", "db"}), 1);
  EXPECT_THAT(database_.calls, ElementsAre("acquire db me 3600", "release db id1"));
  EXPECT_EQ(err_, "stormlock: cannot write the lease's id: No space left on device; the lock is free again\n");
  EXPECT_EQ(run({"current", "db"}), 1);
  database_.lease = Lease{"other", "you", std::string("now")};
  EXPECT_EQ(run({"acquire", "db"}), 2) << "somebody else's is not";
  EXPECT_EQ(run({"current", "db"}), 1);
  EXPECT_THAT(err_, HasSubstr("No space left"));
}

TEST_F(Stormlock, ABadTtlInTheConfigurationStopsOnlyWhatTakesIt) {
  write("[default]\nttl = 1 week\nbackend = fake\n");
  EXPECT_EQ(run({"acquire", "-t", "1h", "db"}), 1);
  EXPECT_EQ(run({"renew", "db", "x"}), 1);
  EXPECT_THAT(err_, HasSubstr("\"1 week\" is no time"));
  EXPECT_EQ(run({"renew", "db", "x", "-t", "1h"}), 3);
  EXPECT_EQ(run({"release", "db", "x"}), 0);
  write("[default]\nbackend = fake\n");
  EXPECT_EQ(run({"release", "db", "x"}), 1) << "one that is missing stops all, as of old";
  EXPECT_THAT(database_.calls, IsEmpty());
}

TEST_F(Stormlock, WaitingIsForBackendsWithAQueue) {
  EXPECT_EQ(run({"acquire", "--wait", "10s", "db"}), 2);
  EXPECT_THAT(err_, HasSubstr("stormlock acquire: error: argument --wait: fake keeps no queue"));
  EXPECT_THAT(database_.calls, IsEmpty());
  database_.waits = true;
  EXPECT_EQ(run({"acquire", "--wait", "10s", "db"}), 0);
  EXPECT_EQ(out_, "id1\n");
  EXPECT_EQ(err_, "1 before you\n");
  EXPECT_THAT(database_.calls, ElementsAre("wait 10000", "acquire db me 3600"));
}

using StormlockDeathTest = Stormlock;

TEST_F(StormlockDeathTest, ASignalWhileALockIsTakenGivesItBackBeforeItEndsTheProcess) {
  const auto mark = folder_ / "told";
  database_.while_it_acquires = [] { std::raise(SIGTERM); };
  const auto body = [&] {
    Surroundings surroundings;
    surroundings.backend = [&](const std::string&, const Section&) -> std::unique_ptr<Backend> {
      struct Telling : FakeBackend {
        Telling(Database& database, std::string place) : FakeBackend(database), place_(std::move(place)) {}
        void release(const std::string&, const std::string& id) override {
          std::ofstream(place_) << "released " << id;
        }
        std::string place_;
      };
      return std::make_unique<Telling>(database_, mark);
    };
    surroundings.out = [](std::string_view) { return true; };
    surroundings.err = surroundings.out;
    stormlock({"-c", folder_ / "f.cfg", "acquire", "db"}, surroundings);
  };
  EXPECT_EXIT(body(), testing::KilledBySignal(SIGTERM), "");
  std::string told;
  std::getline(std::ifstream(mark), told);
  EXPECT_EQ(told, "released id1");
}

TEST_F(StormlockDeathTest, TheSecondSignalEndsItAtOnce) {
  database_.while_it_acquires = [] {
    std::raise(SIGINT);
    std::raise(SIGINT);
    std::exit(0);
  };
  EXPECT_EXIT(run({"acquire", "db"}), testing::KilledBySignal(SIGINT), "");
}

TEST_F(Stormlock, AWaitingBackendIsToldOfASignal) {
  FakeBackend backend(database_);
  {
    const StopSignal stop(backend);
    EXPECT_EQ(stop.heard(), 0);
    std::raise(SIGHUP);
    EXPECT_EQ(stop.heard(), SIGHUP);
  }
  EXPECT_EQ(database_.interrupts, 1);
}

}  // namespace
}  // namespace lockkeeper::cli::stormlock
