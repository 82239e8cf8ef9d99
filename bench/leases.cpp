// Leases that are renewed on time, and leases that are not.
//
//   leases --what taken --port P --leases N --ttl S [--connections C]
//     N locks are held, each for `ttl`: for those that follow.
//   leases --what renewed --port P --leases N --ttl S --every S --seconds S [--connections C]
//     Each is renewed after each `every`, spread evenly over it. A renewal is late by the time from its moment to
//     its answer; one that is not a 200 is a lapse.
//   leases --what fastest --port P --leases N --ttl S --seconds S [--connections C]
//     Renewed as fast as the server answers.
//   leases --what lapsing --port P --leases N --ttl S
//     N locks, each held for `ttl` by one that never renews and awaited by another: how late the other has it.
#include <cstdio>
#include <deque>
#include <stdexcept>
#include <utility>

#include "bench/crowd.h"
#include "bench/figures.h"

namespace bench {
namespace {

constexpr std::chrono::seconds kPatience{60};  // for an answer that is due

Clock::duration time_of(double seconds) {
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

std::string path(std::size_t lock) {
  return "/lock/leased-" + std::to_string(lock);
}

std::string ttl_text(double ttl) {
  return std::to_string(static_cast<std::uint64_t>(ttl * 1000)) + "ms";
}

std::string acquisition(std::size_t lock, const std::string& ttl, const char* holder, const std::string& more) {
  return http_request("PUT", path(lock),
                      std::string(R"({"key":")") + holder + R"(","claim":")" + holder + R"(","request":"r)" +
                          holder + R"(","ttl":")" + ttl + "\"" + more + "}");
}

std::string renewal(std::size_t lock, const std::string& ttl) {
  return http_request("POST", path(lock) + "/renew", R"({"key":"holder","claim":"holder","ttl":")" + ttl + "\"}");
}

struct Renewals {
  std::size_t leases = 0;
  std::string ttl;
  Clock::duration every{};  // zero: as fast as the server answers
};

// Lock after lock in turn, so that all are renewed at the same distance.
class Renewer {
 public:
  Renewer(Crowd& crowd, Renewals what) : crowd_(crowd), what_(std::move(what)), asked_at_(crowd.size()) {
    for (std::size_t i = 0; i < crowd.size(); ++i) idle_.push_back(i);
  }

  void acquire() {
    for (std::size_t lock = 0; lock < what_.leases || idle_.size() < crowd_.size();) {
      if (lock < what_.leases && !idle_.empty()) {
        crowd_.ask(idle_.front(), acquisition(lock++, what_.ttl, "holder", ""));
        idle_.pop_front();
        continue;
      }
      const auto answer = crowd_.next(Clock::now() + kPatience);
      if (!answer || answer->status != 200) throw std::runtime_error("a lease was refused");
      idle_.push_back(answer->connection);
    }
  }

  void renew(Clock::duration time) {
    const auto began = Clock::now();
    const auto end = began + time;
    while (true) {
      const auto now = Clock::now();
      while (now < end && !idle_.empty() && due(began) <= now) ask(due(began));
      if (now >= end && idle_.size() == crowd_.size()) break;
      const auto answer = crowd_.next(now >= end ? now + kPatience : idle_.empty() ? end : due(began));
      if (answer) heard(*answer);
    }
    took_ = Clock::now() - began;
  }

  Figures figures() {
    Figures figures;
    figures.add("late", late_).add("answer", answer_).add("lapses", static_cast<double>(lapses_));
    return figures.add("per_second",
                       static_cast<double>(late_.size()) / std::chrono::duration<double>(took_).count());
  }

 private:
  Clock::time_point due(Clock::time_point began) const {
    return began + what_.every * turn_ / static_cast<Clock::rep>(what_.leases);
  }

  void ask(Clock::time_point due) {
    const std::size_t connection = idle_.front();
    idle_.pop_front();
    const std::size_t lock = static_cast<std::size_t>(turn_++) % what_.leases;
    asked_at_[connection] = {due, crowd_.ask(connection, renewal(lock, what_.ttl))};
  }

  void heard(const Answer& answer) {
    const auto [due, asked] = asked_at_[answer.connection];
    late_.add(answer.at - due);
    answer_.add(answer.at - asked);
    if (answer.status != 200) ++lapses_;
    if (answer.status != 200 && lapses_ == 1) std::fprintf(stderr, "%u %s", answer.status, answer.body.c_str());
    idle_.push_back(answer.connection);
  }

  Crowd& crowd_;
  Renewals what_;
  std::deque<std::size_t> idle_;
  std::vector<std::pair<Clock::time_point, Clock::time_point>> asked_at_;
  Clock::rep turn_ = 0;
  Times late_, answer_;
  std::uint64_t lapses_ = 0;
  Clock::duration took_{};
};

// Connection i < leases is the one that awaits lock i; the rest take them.
void lapsing(std::uint16_t port, std::size_t leases, double ttl) {
  constexpr std::size_t takers = 64;
  Crowd crowd(port, leases + takers);
  std::vector<Clock::time_point> asked(leases), answered(leases);
  std::vector<std::size_t> lock_of(takers);
  std::size_t next = 0;
  const auto take = [&](std::size_t taker) {
    if (next == leases) return;
    lock_of[taker] = next;
    asked[next] = crowd.ask(leases + taker, acquisition(next, ttl_text(ttl), "holder", ""));
    ++next;
  };
  for (std::size_t taker = 0; taker < takers; ++taker) take(taker);
  Times late;
  std::uint64_t early = 0;
  while (late.size() < leases) {
    const auto answer = crowd.next(Clock::now() + time_of(ttl) + kPatience);
    if (!answer || answer->status != 200) throw std::runtime_error("somebody did not get the lock");
    const std::size_t who = answer->connection;
    if (who >= leases) {
      const std::size_t lock = lock_of[who - leases];
      answered[lock] = answer->at;
      crowd.ask(lock, acquisition(lock, "10m", "waiter", R"(,"wait":"9m")"));
      take(who - leases);
    } else {
      late.add(answer->at - answered[who] - time_of(ttl));
      if (answer->at - asked[who] < time_of(ttl)) ++early;
    }
  }
  Figures().add("late", late).add("early", static_cast<double>(early)).print();
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  const bench::Flags flags(argc, argv);
  const auto port = static_cast<std::uint16_t>(flags.count("--port", 0));
  const std::size_t leases = flags.count("--leases", 50'000);
  const double ttl = flags.number("--ttl", 30);
  const std::string what = flags.text("--what");
  try {
    if (what == "lapsing") {
      bench::lapsing(port, leases, ttl);
    } else {
      bench::Crowd crowd(port, flags.count("--connections", 64));
      const double every = what == "fastest" ? 0 : flags.number("--every", ttl / 3);
      bench::Renewer renewer(crowd, {leases, bench::ttl_text(ttl), bench::time_of(every)});
      if (what == "taken") {
        renewer.acquire();
        std::puts("{}");
      } else {
        renewer.renew(bench::time_of(flags.number("--seconds", 60)));
        renewer.figures().print();
      }
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "leases: %s\n", error.what());
    return 1;
  }
}
