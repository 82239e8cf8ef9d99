#include "server/request_metrics.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "server/doors/shared_lock_metrics.h"
#include "tests/unit/metrics_text.h"

namespace lockkeeper::server {
namespace {

using namespace std::chrono_literals;

constexpr Route of_locker[] = {{"PUT", "/lock/{}", 1}, {"GET", "/health", 2, true}};
constexpr Route of_lockd[] = {{"POST", "/lock", 1}};

constexpr std::string_view requests = "lockkeeper_http_requests_total";
constexpr std::string_view duration = "lockkeeper_http_request_duration_seconds";

class Requests : public testing::Test {
 protected:
  MetricsText page() const {
    http::MetricsPage page;
    page.add([this] { return metrics_.families(); });
    return MetricsText(page.text());
  }
  double counted(std::string door, std::string route, std::string code) const {
    return page().value(std::string(requests), {{"door", door}, {"route", route}, {"code", code}});
  }
  double within(std::string bound, std::string door, std::string wait) const {
    return page().value(std::string(duration) + "_bucket", {{"door", door}, {"wait", wait}, {"le", bound}});
  }

  RequestMetrics metrics_;
};

TEST_F(Requests, AreCountedByDoorRouteAndCode) {
  const auto locker = metrics_.add("locker", of_locker);
  const auto lockd = metrics_.add("lockd", of_lockd);
  metrics_.start(1);
  metrics_.count(0, locker + 1, 200, false, 1ms);
  metrics_.count(0, locker + 1, 200, false, 1ms);
  metrics_.count(0, locker + 1, 423, false, 1ms);
  metrics_.count(0, locker + 2, 200, false, 1ms);
  metrics_.count(0, lockd + 1, 200, false, 1ms);
  metrics_.count(0, lockd, 404, false, 1ms);
  metrics_.count(0, 0, 404, false, 1ms);

  EXPECT_EQ(counted("locker", "PUT /lock/{}", "200"), 2);
  EXPECT_EQ(counted("locker", "PUT /lock/{}", "423"), 1);
  EXPECT_EQ(counted("locker", "GET /health", "200"), 1);
  EXPECT_EQ(counted("lockd", "POST /lock", "200"), 1);
  EXPECT_EQ(counted("lockd", "none", "404"), 1);
  EXPECT_EQ(counted("none", "none", "404"), 1);
  EXPECT_EQ(page().family(std::string(requests)).samples.size(), 6U) << "what did not happen has no sample";
}

TEST_F(Requests, ThroughADoorThatIsMountedTwiceAreCountedOnce) {
  const auto once = metrics_.add("locker", of_locker);
  metrics_.add("lockd", of_lockd);
  EXPECT_EQ(metrics_.add("locker", of_locker), once);
}

TEST_F(Requests, OfAnyStatusAreCounted) {
  const auto locker = metrics_.add("locker", of_locker);
  metrics_.start(1);
  metrics_.count(0, locker + 1, 0, false, 1ms);
  metrics_.count(0, locker + 1, 299, false, 1ms);
  metrics_.count(0, locker + 1, 1000, false, 1ms);
  metrics_.count(0, 1'000'000, 200, false, 1ms);
  EXPECT_EQ(counted("locker", "PUT /lock/{}", "0"), 1) << "the client left";
  EXPECT_EQ(counted("locker", "PUT /lock/{}", "other"), 2);
  EXPECT_EQ(counted("none", "none", "200"), 1);
}

TEST_F(Requests, FaultsOfTheListenerAreOfNoDoor) {
  metrics_.add("locker", of_locker);
  metrics_.start(1);
  metrics_.count_fault(431);
  metrics_.count_fault(431);
  metrics_.count_fault(0);
  EXPECT_EQ(counted("none", "none", "431"), 2);
  EXPECT_EQ(page().family(std::string(requests)).samples.size(), 1U) << "a broken connection is no request";
  EXPECT_EQ(page().value("lockkeeper_http_broken_connections_total"), 1);
}

TEST_F(Requests, AreTimedByDoorAndWhetherTheyWait) {
  const auto locker = metrics_.add("locker", of_locker);
  metrics_.start(2);
  metrics_.count(0, locker + 1, 200, false, 1ms);
  metrics_.count(1, locker + 1, 200, false, 1ms + 1ns);
  metrics_.count(0, locker, 404, false, -1ns);
  metrics_.count(0, locker + 1, 200, true, 700s);
  EXPECT_EQ(within("0.0001", "locker", "no"), 1);
  EXPECT_EQ(within("0.0005", "locker", "no"), 1);
  EXPECT_EQ(within("0.001", "locker", "no"), 2) << "a bucket holds its upper bound";
  EXPECT_EQ(within("0.0025", "locker", "no"), 3);
  EXPECT_EQ(within("600", "locker", "yes"), 0);
  EXPECT_EQ(within("+Inf", "locker", "yes"), 1);
  EXPECT_EQ(within("+Inf", "none", "no"), 0);
  EXPECT_NEAR(page().value(std::string(duration) + "_sum", {{"door", "locker"}, {"wait", "no"}}), 0.002, 1e-6);
  EXPECT_NEAR(page().value(std::string(duration) + "_sum", {{"door", "locker"}, {"wait", "yes"}}), 700, 1e-6);
}

TEST_F(Requests, OfAllThreadsAddUpWhileTheyAreCounted) {
  const auto locker = metrics_.add("locker", of_locker);
  constexpr std::size_t threads = 3;
  constexpr int each = 20'000;
  metrics_.start(threads);
  std::atomic<std::size_t> running = threads;
  std::vector<std::thread> io;
  for (std::size_t i = 0; i < threads; ++i) {
    io.emplace_back([&, i] {
      for (int n = 0; n < each; ++n) {
        metrics_.count(i, locker + 1, 200, false, 1ms);
        metrics_.count_fault(400);
      }
      --running;
    });
  }
  double before = 0;
  while (running != 0) {
    const MetricsText now = page();
    const double count = now.value(std::string(duration) + "_count", {{"door", "locker"}, {"wait", "no"}});
    EXPECT_GE(count, before);
    before = count;
  }
  for (std::thread& thread : io) thread.join();
  EXPECT_EQ(counted("locker", "PUT /lock/{}", "200"), threads * each);
  EXPECT_EQ(counted("none", "none", "400"), threads * each);
}

TEST(SharedLockMetricsPage, HasTheOriginalsFamilies) {
  using Operation = SharedLockMetrics::Operation;
  using Status = SharedLockMetrics::Status;
  SharedLockMetrics metrics;
  metrics.counted(Operation::get, Status::created, 1500ms);
  metrics.counted(Operation::get, Status::created, 2ms);
  metrics.counted(Operation::get, Status::accepted, 2ms);
  metrics.counted(Operation::get, Status::error, 5s);
  metrics.counted(Operation::prolong, Status::success, 2ms);
  metrics.counted(Operation::prolong, Status::failure, 2ms);
  metrics.counted(Operation::prolong, Status::failure, 2ms);
  http::MetricsPage page;
  page.add([&] { return metrics.families(); });
  const MetricsText text(page.text());

  const auto operations = [&](std::string operation, std::string status) {
    return text.value("shared_lock_lease_operations_total", {{"operation", operation}, {"status", status}});
  };
  EXPECT_EQ(operations("get", "created"), 2);
  EXPECT_EQ(operations("get", "accepted"), 1);
  EXPECT_EQ(operations("get", "error"), 1);
  EXPECT_EQ(operations("get", ""), 1) << "as the original, which counted a failed lease twice";
  EXPECT_EQ(operations("prolong", "success"), 1);
  EXPECT_EQ(operations("prolong", "failure"), 2);

  const auto granted = [&](std::string bound) {
    return text.value("shared_lock_lease_grant_duration_seconds_bucket", {{"operation", "get"}, {"le", bound}});
  };
  EXPECT_EQ(granted("1"), 1);
  EXPECT_EQ(granted("2"), 2);
  EXPECT_EQ(granted("512"), 2);
  EXPECT_EQ(text.value("shared_lock_lease_grant_duration_seconds_count", {{"operation", "get"}}), 2);
  EXPECT_DOUBLE_EQ(text.value("shared_lock_lease_grant_duration_seconds_sum", {{"operation", "get"}}), 1.502);
  EXPECT_EQ(text.family("shared_lock_lease_grant_duration_seconds").samples.size(), 13U) << "buckets 1 to 512";
}

}  // namespace
}  // namespace lockkeeper::server
