// How the server ends when something will not: each time for real, in a process of its own.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <thread>

#include "server/descriptors.h"
#include "server/engine_thread.h"
#include "server/time_limit.h"
#include "stores/memory/memory_store.h"

namespace lockkeeper::server {
namespace {

using namespace std::chrono_literals;

// What goes on for ever.
[[noreturn]] void hang() {
  for (;;) pause();
}

TEST(TimeLimitDeath, EndsAProcessThatHangs) {
  EXPECT_EXIT(
      {
        end_within(1ms, 3);
        hang();
      },
      testing::ExitedWithCode(3), "could not stop in time");
}

TEST(TimeLimitDeath, EndsAProcessWhoseThreadsHangOnALogThatNobodyReads) {
  const auto everything_hangs = [] {
    int ends[2];
    if (pipe(ends) != 0 || dup2(ends[1], STDERR_FILENO) < 0) _exit(99);
    std::thread stuck([] {
      const std::string line(100'000, 'x');
      while (write(STDERR_FILENO, line.data(), line.size()) >= 0) {
      }
    });
    end_within(1ms, 4);
    stuck.join();
  };
  EXPECT_EXIT(everything_hangs(), testing::ExitedWithCode(4), "");
}

TEST(TimeLimitDeath, StaysAsShortAsItWas) {
  EXPECT_EXIT(
      {
        end_within(1ms, 3);
        end_within(1h, 5);
        hang();
      },
      testing::ExitedWithCode(5), "");
}

TEST(TimeLimitDeath, CanBeTakenBack) {
  EXPECT_EXIT(
      {
        end_within(1ms, 3);
        end_at_leisure();
        _exit(alarm(0) == 0 ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
}

// Takes nothing.
class BrokenStore final : public engine::Store {
 public:
  void open(engine::Completions& completions) override { memory_.open(completions); }
  void begin(engine::Operation*) override { throw std::runtime_error("no such thing"); }
  void close() override { memory_.close(); }
  bool exclusive() const override { return true; }
  bool ready() const override { return true; }

 private:
  stores::MemoryStore memory_;
};

class Nobody final : public engine::Mailbox {
  void deliver(engine::Call*) noexcept override {}
};

TEST(EngineThreadDeath, EndsTheProcessWhenTheEngineFails) {
  const auto fail = [] {
    BrokenStore store;
    engine::SystemClock clock;
    engine::Engine engine(store, clock, {});
    Log log(LogFormat::text, LogLevel::info);
    Nobody nobody;
    const EngineThread running(engine, log);
    engine::Call call;
    call.question = locks::Command{"prod", {}, locks::Inspect{}};
    call.mailbox = &nobody;
    engine.submit(call);
    hang();
  };
  EXPECT_EXIT(fail(), testing::ExitedWithCode(1), "the engine failed: no such thing");
}

TEST(Descriptors, AreKeptFreeForWhatIsNoConnection) {
  EXPECT_EQ(connections_that_fit(100, 1024, 2), 100U);
  EXPECT_LE(connections_that_fit(16'384, 1024, 2), 1024U - 64);
  EXPECT_GE(connections_that_fit(16'384, 1024, 2), 900U);
  EXPECT_EQ(connections_that_fit(16'384, 20, 2), 1U);
}

}  // namespace
}  // namespace lockkeeper::server
