// Clients that wait for a lock: how soon the next one has it, and what one that waits costs.
//
//   waiting --what hand-over --port P --waiters N --turns M
//     N wait in the queue of one lock; its holder releases it, and comes back to the end of the queue. Between two
//     hand-overs another connection locks and unlocks a lock of its own: what a commit takes at that moment.
//   waiting --what polling --port P --waiters N --seconds S
//     N clients without a queue: each asks again after 1 to 30 s, at random, while it is refused. Whoever gets the
//     lock gives it back at once, and asks again later. How long it stands free in between.
//   waiting --what crowd --port P --waiters N --locks L
//     N wait, spread over L held locks. Prints a line when all are queued, and stays until its input ends.
#include <cstdio>
#include <functional>
#include <iostream>
#include <queue>
#include <random>
#include <stdexcept>
#include <utility>

#include "bench/crowd.h"
#include "bench/figures.h"

namespace bench {
namespace {

constexpr std::chrono::seconds kPatience{60};

std::string plain(const char* method, const std::string& lock, std::size_t client) {
  const std::string number = std::to_string(client);
  return http_request(method, "/lock/" + lock,
                      R"({"key":"k)" + number + R"(","lock_by":"client )" + number + "\"}");
}

// Each stay in the queue is a claim of its own.
std::string patient(const std::string& lock, std::size_t client, std::size_t stay) {
  const std::string number = std::to_string(client);
  const std::string name = number + "-" + std::to_string(stay);
  return http_request("PUT", "/lock/" + lock,
                      R"({"key":"k)" + number + R"(","lock_by":"client )" + number + R"(","claim":")" + name +
                          R"(","request":"r)" + name + R"(","wait":"9m"})");
}

Answer want(Answer answer, unsigned status) {
  if (answer.status != status) throw std::runtime_error(std::to_string(answer.status) + ": " + answer.body);
  return answer;
}

// Until the server keeps so many polls open.
void await_queue(Crowd& crowd, std::size_t asker, std::size_t waiters) {
  const std::string count = "\"waiting\":" + std::to_string(waiters) + ",";
  const auto until = Clock::now() + kPatience;
  while (crowd.ask_and_wait(asker, http_request("GET", "/status", "")).body.find(count) == std::string::npos) {
    if (Clock::now() > until) throw std::runtime_error("not all of them get a place");
    const auto early = crowd.next(Clock::now() + std::chrono::milliseconds(20));
    if (early) throw std::runtime_error("one of them does not wait: " + early->body);
  }
}

void hand_over(std::uint16_t port, std::size_t waiters, std::size_t turns) {
  Crowd crowd(port, waiters + 2);
  const std::size_t other = waiters + 1;
  std::size_t holder = waiters;
  want(crowd.ask_and_wait(holder, patient("bench", holder, 0)), 200);
  for (std::size_t client = 0; client < waiters; ++client) crowd.ask(client, patient("bench", client, 0));
  await_queue(crowd, other, waiters);
  Times after, whole, commit;
  for (std::size_t turn = 1; turn <= turns; ++turn) {
    want(crowd.ask_and_wait(other, plain("PUT", "other", other)), 200);
    const auto began = Clock::now();
    commit.add(want(crowd.ask_and_wait(other, plain("DELETE", "other", other)), 200).at - began);

    const auto released = crowd.ask(holder, plain("DELETE", "bench", holder));
    std::optional<Answer> acknowledged, granted;
    while (!acknowledged || !granted) {
      auto answer = crowd.next(released + kPatience);
      if (!answer) throw std::runtime_error("nobody got the lock for a minute");
      want(*answer, 200);
      (answer->connection == holder ? acknowledged : granted) = std::move(answer);
    }
    // The next one may have the lock before its former holder reads that it is released.
    after.add(std::max(granted->at - acknowledged->at, Clock::duration::zero()));
    whole.add(granted->at - released);
    crowd.ask(holder, patient("bench", holder, turn));
    holder = granted->connection;
  }
  Figures().add("after_release", after).add("whole", whole).add("commit", commit).print();
}

void polling(std::uint16_t port, std::size_t clients, double seconds) {
  const std::string lock = "polled-by-" + std::to_string(clients);
  using Due = std::pair<Clock::time_point, std::size_t>;
  std::mt19937_64 random(clients);
  std::uniform_real_distribution<double> pause(1, 30), first(0, 15.5);
  const auto after = [](double s) {
    return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(s));
  };
  Crowd crowd(port, clients);
  const auto end = Clock::now() + after(seconds);
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due;
  for (std::size_t client = 0; client < clients; ++client) due.emplace(Clock::now() + after(first(random)), client);
  Times idle;
  std::uint64_t asked = 0;
  std::size_t holder = clients;  // none of them
  std::optional<Clock::time_point> free_since;
  while (Clock::now() < end) {
    for (; !due.empty() && due.top().first <= Clock::now(); due.pop(), ++asked) {
      crowd.ask(due.top().second, plain("PUT", lock, due.top().second));
    }
    const auto answer = crowd.next(due.empty() ? end : std::min(end, due.top().first));
    if (!answer) continue;
    if (answer->connection == holder) {
      free_since = want(*answer, 200).at;
      holder = clients;
    } else if (answer->status == 200) {
      if (free_since) idle.add(std::max(answer->at - *free_since, Clock::duration::zero()));
      holder = answer->connection;
      crowd.ask(holder, plain("DELETE", lock, holder));
      continue;
    } else {
      want(*answer, 423);
    }
    due.emplace(answer->at + after(pause(random)), answer->connection);
  }
  Figures().add("idle", idle).add("asked", static_cast<double>(asked)).print();
}

void crowd(std::uint16_t port, std::size_t waiters, std::size_t locks) {
  Crowd crowd(port, waiters + 1);
  const auto name = [&](std::size_t number) { return "crowded-" + std::to_string(number % locks); };
  for (std::size_t lock = 0; lock < locks; ++lock)
    want(crowd.ask_and_wait(waiters, plain("PUT", name(lock), waiters)), 200);
  for (std::size_t client = 0; client < waiters; ++client) crowd.ask(client, patient(name(client), client, 0));
  await_queue(crowd, waiters, waiters);
  std::cout << "{}" << std::endl;
  for (std::string line; std::getline(std::cin, line);) continue;
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  const bench::Flags flags(argc, argv);
  const auto port = static_cast<std::uint16_t>(flags.count("--port", 0));
  const std::size_t waiters = flags.count("--waiters", 1000);
  const std::string what = flags.text("--what");
  try {
    if (what == "hand-over") bench::hand_over(port, waiters, flags.count("--turns", 2000));
    if (what == "polling") bench::polling(port, waiters, flags.number("--seconds", 20));
    if (what == "crowd") bench::crowd(port, waiters, flags.count("--locks", 20));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "waiting: %s\n", error.what());
    return 1;
  }
}
