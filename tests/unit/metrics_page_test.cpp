#include "http/metrics_page.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <thread>

#include "http/owned_metrics.h"
#include "http/process_metrics.h"
#include "tests/unit/metrics_text.h"

namespace lockkeeper::http {
namespace {

using testing::HasSubstr;

MetricsText read(const std::vector<Family>& families) {
  MetricsPage page;
  page.add([&families] { return families; });
  return MetricsText(page.text());
}

TEST(MetricsPage, AsksItsSourcesAtEachScrape) {
  double value = 1;
  MetricsPage page;
  page.add([&value] { return std::vector<Family>{{"a_total", "An a.", MetricType::counter, {{{}, value}}, {}}}; });
  EXPECT_EQ(MetricsText(page.text()).value("a_total"), 1);
  value = 12'345'678'901;
  EXPECT_EQ(MetricsText(page.text()).value("a_total"), 12'345'678'901);
}

TEST(MetricsPage, IsExactlyPrometheusTextFormat) {
  MetricsPage page;
  page.add([] {
    return std::vector<Family>{{"b", "Of b.", MetricType::gauge, {{{{"x", "1"}, {"y", ""}}, 0.5}}, {}},
                               {"a_total", "Of a.", MetricType::counter, {{{}, 3}}, {}}};
  });
  EXPECT_EQ(page.text(),
            "# HELP a_total Of a.\n# TYPE a_total counter\na_total 3\n"
            "# HELP b Of b.\n# TYPE b gauge\nb{x=\"1\",y=\"\"} 0.5\n");
}

TEST(MetricsPage, EscapesLabelsAndHelp) {
  const std::string odd = "a \"quoted\" \\ and\na second line";
  const MetricsText text = read({{"a_total", odd, MetricType::counter, {{{{"l", odd}}, 1}}, {}}});
  EXPECT_EQ(text.family("a_total").help, odd);
  EXPECT_EQ(text.value("a_total", {{"l", odd}}), 1);
}

TEST(MetricsPage, AddsTheCountsOfAHistogramUp) {
  const MetricsText text = read({{"h_seconds",
                                  "Of h.",
                                  MetricType::histogram,
                                  {},
                                  {{{{"door", "x"}}, {0.00005, 0.25, 5}, {1, 0, 2, 4}, 40.5}}}});
  EXPECT_EQ(text.value("h_seconds_bucket", {{"door", "x"}, {"le", "5e-05"}}), 1);
  EXPECT_EQ(text.value("h_seconds_bucket", {{"door", "x"}, {"le", "0.25"}}), 1);
  EXPECT_EQ(text.value("h_seconds_bucket", {{"door", "x"}, {"le", "5"}}), 3);
  EXPECT_EQ(text.value("h_seconds_bucket", {{"door", "x"}, {"le", "+Inf"}}), 7);
  EXPECT_EQ(text.value("h_seconds_count", {{"door", "x"}}), 7);
  EXPECT_EQ(text.value("h_seconds_sum", {{"door", "x"}}), 40.5);
}

TEST(MetricsPage, PutsOneNameFromSeveralSourcesTogether) {
  MetricsPage page;
  for (const char* door : {"x", "y"}) {
    page.add([door] {
      return std::vector<Family>{{"a_total", "Of a.", MetricType::counter, {{{{"door", door}}, 1}}, {}},
                                 {std::string("of_") + door, "Its own.", MetricType::gauge, {{{}, 1}}, {}}};
    });
  }
  const MetricsText text(page.text());  // which refuses a family that is told of twice
  EXPECT_EQ(text.value("a_total", {{"door", "x"}}), 1);
  EXPECT_EQ(text.value("a_total", {{"door", "y"}}), 1);
  EXPECT_EQ(text.families().size(), 3U);
}

TEST(MetricsPage, TellsOfFamiliesInWhichNothingHappened) {
  EXPECT_EQ(read({{"a_total", "Of a.", MetricType::counter, {}, {}}}).family("a_total").type, "counter");
}

TEST(MetricsPage, RefusesWhatNoScraperCouldRead) {
  const std::vector<Family> two_types = {{"a", "Of a.", MetricType::gauge, {}, {}},
                                         {"a", "Of a.", MetricType::histogram, {}, {}}};
  EXPECT_THROW(read(two_types), std::logic_error);
  EXPECT_THROW(read({{"h", "Of h.", MetricType::histogram, {}, {{{}, {1, 2}, {1, 1}, 1}}}}), std::logic_error);
}

TEST(OwnedMetrics, CountWhateverTheThread) {
  OwnedCounters counters("resumes_total", "Resumes.");
  OwnedGauges gauges("kept", "Kept.");
  OwnedHistograms histograms("took_seconds", "How long.", {1, 2});
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 1000; ++j) {
        counters.add({{"outcome", "done"}});
        gauges.add({{"why", "absent"}}, 2);
        histograms.observe({}, 2);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  counters.add({{"outcome", "failed"}}, 0);
  gauges.set({{"why", "refused"}}, 7);
  histograms.observe({}, 2.5);

  const MetricsText text = read({counters.collect(), gauges.collect(), histograms.collect()});
  EXPECT_EQ(text.value("resumes_total", {{"outcome", "done"}}), 4000);
  EXPECT_EQ(text.value("resumes_total", {{"outcome", "failed"}}), 0);
  EXPECT_EQ(text.value("kept", {{"why", "absent"}}), 8000);
  EXPECT_EQ(text.value("kept", {{"why", "refused"}}), 7);
  EXPECT_EQ(text.value("took_seconds_bucket", {{"le", "1"}}), 0);
  EXPECT_EQ(text.value("took_seconds_bucket", {{"le", "2"}}), 4000) << "a bucket holds its upper bound";
  EXPECT_EQ(text.value("took_seconds_count"), 4001);
  EXPECT_EQ(text.value("took_seconds_sum"), 8002.5);

  gauges.forget({{"why", "refused"}});
  EXPECT_THROW(read({gauges.collect()}).value("kept", {{"why", "refused"}}), std::runtime_error);
}

TEST(ProcessMetrics, TellWhatTheKernelKnows) {
  const MetricsText before = read(process_metrics());
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(100);
  std::vector<char> touched(32 << 20);
  for (std::size_t i = 0; std::chrono::steady_clock::now() < until; i += 4096) touched[i % touched.size()] = 1;
  const MetricsText after = read(process_metrics());
  close(ends[0]);
  close(ends[1]);

  EXPECT_EQ(after.value("process_open_fds"), before.value("process_open_fds") + 2);
  EXPECT_EQ(after.value("process_max_fds"), static_cast<double>(sysconf(_SC_OPEN_MAX)));
  EXPECT_GE(after.value("process_resident_memory_bytes"),
            before.value("process_resident_memory_bytes") + (16 << 20));
  EXPECT_GT(after.value("process_virtual_memory_bytes"), after.value("process_resident_memory_bytes"));
  EXPECT_GT(after.value("process_cpu_seconds_total"), before.value("process_cpu_seconds_total"));
  EXPECT_LT(after.value("process_cpu_seconds_total"), 60);
  EXPECT_EQ(after.value("process_start_time_seconds"), before.value("process_start_time_seconds"));
  const auto now = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  EXPECT_NEAR(after.value("process_start_time_seconds"), now, 60);
}

TEST(ProcessMetrics, TellWhichBuildItIs) {
  EXPECT_EQ(read({build_info("1.2.3")}).value("lockkeeper_build_info", {{"version", "1.2.3"}}), 1);
}

TEST(MetricsTextItself, RefusesWhatPrometheusWould) {
  const std::string head = "# HELP a_total A.\n# TYPE a_total counter\n";
  EXPECT_NO_THROW(MetricsText(head + "a_total{x=\"\\\"\"} 1\n"));
  for (const std::string& bad :
       {head + "a_total 1", head + "a_total 1\na_total 1\n", head + head, head + "b_total 1\n",
        head + "a_total{x=\"\\q\"} 1\n", head + "a_total{x=\"1\",x=\"2\"} 1\n", head + "a_total one\n",
        head + "a_total -1\n", std::string("a_total 1\n"), std::string("# HELP a A.\n# TYPE a counter\na 1\n"),
        std::string("# HELP h H.\n# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_sum 2\nh_count 2\n"),
        std::string("# HELP h H.\n# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 1\nh_sum "
                    "2\nh_count 1\n")}) {
    EXPECT_THROW(MetricsText{bad}, std::runtime_error) << bad;
  }
}

}  // namespace
}  // namespace lockkeeper::http
