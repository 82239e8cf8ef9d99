#include "tests/simulation/campaign.h"

#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

#include "tests/simulation/world.h"

namespace lockkeeper::simulation {

Sum run(const Campaign& campaign) {
  std::atomic<std::uint64_t> next = 0;
  std::atomic<bool> failed = false;
  std::mutex mutex;
  Sum sum;
  const auto work = [&] {
    Sum own;
    while (!failed && std::chrono::steady_clock::now() < campaign.until) {
      const std::uint64_t number = next++;
      if (number >= campaign.histories) break;
      const Verdict verdict = run(campaign.first_seed + number, campaign.bug);
      ++own.histories;
      own.calls += verdict.calls;
      own.commits += verdict.commits;
      for (const auto& [what, number_of] : verdict.happenings) own.happenings[what] += number_of;
      if (!verdict.violation) continue;
      own.failed_seed = campaign.first_seed + number;
      failed = true;
    }
    const std::lock_guard lock(mutex);
    sum.histories += own.histories;
    sum.calls += own.calls;
    sum.commits += own.commits;
    for (const auto& [what, number] : own.happenings) sum.happenings[what] += number;
    if (own.failed_seed && (!sum.failed_seed || *own.failed_seed < *sum.failed_seed)) {
      sum.failed_seed = own.failed_seed;
    }
  };
  std::vector<std::thread> threads;
  for (unsigned i = 1; i < campaign.threads; ++i) threads.emplace_back(work);
  work();
  for (std::thread& thread : threads) thread.join();
  return sum;
}

std::string report(std::uint64_t seed, Bug bug, bool traced) {
  const Verdict verdict = run(seed, bug, traced);
  std::string command = "script/simulate --seed " + std::to_string(seed);
  for (const BugStory& one : planted_bugs()) {
    if (one.bug == bug) command += " --bug " + std::string(one.name);
  }
  std::string text = verdict.trace;
  if (!verdict.violation) return text + "seed " + std::to_string(seed) + " holds\n";
  return text + "seed " + std::to_string(seed) + ": " + *verdict.violation + "\nto see it again: " + command +
         " --trace\n";
}

}  // namespace lockkeeper::simulation
