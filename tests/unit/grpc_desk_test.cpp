// The desk that gRPC's calls come to: answers come on its thread, and none is forgotten when the engine ends.
#include "server/grpc_desk.h"

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "stores/memory/memory_store.h"

namespace lockkeeper::server {
namespace {

struct Seen {
  std::mutex mutex;
  std::set<std::thread::id> threads;
  int granted = 0, refused = 0, others = 0;
};

class Asking final : public IoCall {
 public:
  Asking(Seen& seen, std::string lock, std::string key) : seen_(seen) {
    question = locks::Command{std::move(lock), {}, locks::Acquire{.key = key, .holder = key}};
  }
  void answered() noexcept override {
    {
      const std::lock_guard guard(seen_.mutex);
      seen_.threads.insert(std::this_thread::get_id());
      const auto& outcome = std::get<locks::Outcome>(answer);
      const bool granted = std::holds_alternative<locks::Granted>(outcome);
      const bool refused = std::holds_alternative<locks::Refused>(outcome);
      ++(granted ? seen_.granted : refused ? seen_.refused : seen_.others);
    }
    delete this;
  }

 private:
  Seen& seen_;
};

TEST(GrpcDesk, AnswersAllOnOneThreadOfItsOwnAlsoWhatComesWhenTheEngineEnds) {
  constexpr int askers = 4, each = 200;
  Seen seen;
  std::set<std::thread::id> elsewhere = {std::this_thread::get_id()};
  {
    engine::SystemClock clock;
    stores::MemoryStore store;
    const BasicAuth auth;
    const locks::Limits limits;
    Log log(LogFormat::text, LogLevel::off);
    AccessLog access_log(log, clock, {});
    engine::Engine engine(store, clock, {});
    HouseGrpcDesk desk(engine, auth, limits, access_log, 0);
    std::thread running([&] { engine.run(); });
    elsewhere.insert(running.get_id());
    std::vector<std::thread> asking;
    for (int i = 0; i < askers; ++i) {
      asking.emplace_back([&, i] {
        const std::string key = "key " + std::to_string(i);
        for (int k = 0; k < each; ++k) desk.ask(*new Asking(seen, "lock " + std::to_string(k), key));
      });
      elsewhere.insert(asking.back().get_id());
    }
    for (std::thread& one : asking) one.join();
    engine.stop();
    running.join();
  }
  EXPECT_EQ(seen.granted + seen.refused + seen.others, askers * each);
  EXPECT_LE(seen.granted, each);
  EXPECT_GT(seen.granted, 0);
  ASSERT_EQ(seen.threads.size(), 1U);
  EXPECT_FALSE(elsewhere.contains(*seen.threads.begin()));
}

TEST(GrpcCounts, AreByMethodAndCodeAndTellNothingOfMethodsThatThereAreNot) {
  GrpcCounts counts;
  GrpcCall call;
  call.path = "/lockapi.Locking/Lock";
  call.known = true;
  counts.count(call);
  counts.count(call);
  call.code = 14;
  call.waits = true;
  call.took = std::chrono::seconds(3);
  counts.count(call);
  call.path = "/a client's/word";
  call.known = false;
  call.code = 12;
  counts.count(call);

  const auto families = counts.families();
  ASSERT_EQ(families.size(), 2U);
  using Labels = http::MetricLabels;
  std::map<Labels, double> calls;
  for (const http::Sample& sample : families[0].samples) calls[sample.labels] = sample.value;
  const auto labels = [](const char* method, const char* code) {
    return Labels{{"door", "lockd-grpc"}, {"method", method}, {"code", code}};
  };
  EXPECT_EQ(calls, (std::map<Labels, double>{{labels("Lock", "OK"), 2},
                                             {labels("Lock", "UNAVAILABLE"), 1},
                                             {labels("none", "UNIMPLEMENTED"), 1}}));
  ASSERT_EQ(families[1].histograms.size(), 2U);
  EXPECT_EQ(families[1].histograms[0].counts.front(), 2U);
  EXPECT_DOUBLE_EQ(families[1].histograms[1].sum, 6);
}

}  // namespace
}  // namespace lockkeeper::server
