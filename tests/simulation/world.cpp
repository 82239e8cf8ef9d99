#include "tests/simulation/world.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <utility>

#include "tests/simulation/client.h"
#include "tests/simulation/hearing.h"
#include "tests/simulation/server.h"
#include "tests/simulation/stage.h"
#include "tests/unit/told.h"

namespace lockkeeper::simulation {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

class World final : public Listener {
 public:
  World(std::uint64_t seed, Bug bug, bool traced)
      : stage_(seed, bug, traced), history_(stage_), hearing_(stage_), store_(stage_, history_, hearing_) {}

  Verdict run();

 private:
  void answered(Asked& asked) override;
  void send(const locks::Command& command, Client& from, std::uint64_t attempt);
  void hang_up(Asked& call);
  Heard hears(Asked& call);
  bool seen_to_leave(Asked& call);
  void give_back(Asked& call, locks::Version token);
  void look_for_leaks();
  void say_to_itself(Asked& call, const std::function<Asked&()>& words);
  void put_on_its_way(const locks::Command& command, Client* from, std::uint64_t attempt, Time delay);
  void next_disaster();
  void next_break();
  void strike();
  void go_on(Time until);
  bool all_through() const;
  void pass(Time time);
  void come_to_rest();
  void serve_who_waits();
  void let_lapse();
  void look_for_late();
  void look_for_late_offers();
  Asked& ask(Server& server, locks::Command command);
  Server& some_server() { return servers_[stage_.random.below(servers_.size())]; }

  Stage stage_;
  Linearizability history_;
  Hearing hearing_;
  SharedStore store_;
  int disasters_left_ = 40;
  int breaks_left_ = 100;
  std::map<std::pair<std::string, locks::Version>, Time> offers_;  // by lock and token: when first seen
  std::deque<Client> clients_;
  std::deque<Server> servers_;
};

// Through the network: late, lost, copied.
void World::send(const locks::Command& command, Client& from, std::uint64_t attempt) {
  Random& random = stage_.random;
  const Time usual = random.between(Time(50), milliseconds(3));
  if (!stage_.faults || !random.chance(stage_.profile.request_lost)) put_on_its_way(command, &from, attempt, usual);
  if (stage_.faults && random.chance(stage_.profile.doubled)) {
    stage_.happened("request doubled");
    put_on_its_way(command, &from, attempt, random.between(Time(50), milliseconds(3)));
  }
  if (stage_.faults && random.chance(stage_.profile.copied)) {
    put_on_its_way(command, nullptr, 0, random.stretched(milliseconds(1), minutes(10)));
  }
}

void World::put_on_its_way(const locks::Command& command, Client* from, std::uint64_t attempt, Time delay) {
  stage_.agenda.after(delay, [this, command, from, attempt] {
    if (from == nullptr) stage_.happened("late copy");
    Server& server = some_server();
    if (!server.up()) return;
    Asked& asked = stage_.calls.open(command);
    asked.client = from;
    asked.attempt = attempt;
    stage_.trace.line([&] {
      std::string text = server.name() + " is asked by " + CallBook::name(asked.number) + ": " + command.lock +
                         " " + test::told(command);
      return from == nullptr ? text + " (a late copy)" : text;
    });
    server.submit(asked);
    if (from == nullptr) return;
    if (from->listens(attempt)) return from->reached(asked);
    stage_.happened("request of a client that had left");
    hang_up(asked);
  });
}

// Servers mostly notice that a client has gone.
void World::hang_up(Asked& call) {
  call.client = nullptr;
  if (call.poll() == nullptr || call.answered != 0 || !seen_to_leave(call)) return;
  say_to_itself(call, [this, &call]() -> Asked& {
    return stage_.calls.open(engine::Leave{call.meant.lock, call.poll()->claim, &call});
  });
}

// Once seen, for good.
bool World::seen_to_leave(Asked& call) {
  if (!call.seen_to_leave) call.seen_to_leave = !stage_.faults || !stage_.random.chance(200);
  return call.seen_to_leave;
}

// As the door does (server/doors/lock_visit.cpp): a poll gives back what it was granted to a client that is gone.
Heard World::hears(Asked& asked) {
  const auto* granted = std::get_if<locks::Granted>(&asked.outcome());
  const bool to_poll = asked.poll() != nullptr && granted != nullptr;
  bool gone = asked.client == nullptr || (stage_.faults && stage_.random.chance(stage_.profile.answer_lost));
  if (!gone && to_poll && stage_.faults && stage_.random.chance(stage_.profile.impatient / 2)) {
    stage_.happened("client left as it was granted");
    asked.client->no_answer(asked.attempt);
    gone = true;
  }
  if (!gone) return Heard::by_client;
  asked.client = nullptr;
  if (!to_poll || !seen_to_leave(asked)) return Heard::for_all_the_server_knows;
  if (asked.told) give_back(asked, granted->token);
  return Heard::by_nobody;
}

void World::give_back(Asked& call, locks::Version token) {
  stage_.happened("granted to a client that had gone");
  if (stage_.bug == Bug::give_back_dropped) return;
  const locks::Acquire& poll = *call.poll();
  const locks::Command words{call.meant.lock, {"", "server"}, locks::GiveBack{poll.claim, poll.request, token}};
  if (stage_.bug == Bug::give_back_ignores_renewal) {
    stage_.agenda.after(stage_.random.stretched(milliseconds(1), seconds(5)), [this, &call, words] {
      store_.give_back({call.server, call.life, stage_.next_moment()}, words);
    });
  }
  say_to_itself(call, [this, &call, words]() -> Asked& {
    if (stage_.bug == Bug::given_back_although_told)
      store_.give_back({call.server, call.life, stage_.next_moment()}, words);
    return stage_.calls.open(words);
  });
}

void World::say_to_itself(Asked& call, const std::function<Asked&()>& words) {
  const bool busy = stage_.faults && stage_.random.chance(100);
  stage_.agenda.after(stage_.random.between(Time(10), milliseconds(busy ? 50 : 2)), [this, &call, words] {
    Server& server = servers_[call.server];
    if (!server.lives(call.life)) return;
    Asked& asked = words();
    stage_.trace.line([&] {
      return server.name() + " says to itself in " + CallBook::name(asked.number) + " about " +
             CallBook::name(call.number) + ": " +
             (std::holds_alternative<engine::Leave>(asked.question) ? "client left" : test::told(asked.meant));
    });
    server.submit(asked);
  });
}

// On an engine's thread, in the middle of its step: clients hear of it later.
void World::answered(Asked& asked) {
  const Heard heard = hears(asked);
  hearing_.answered(asked, heard);
  if (heard != Heard::by_client) return;
  stage_.agenda.after(stage_.random.between(Time(50), milliseconds(3)),
                      [&asked, client = asked.client] { client->answered(asked); });
}

void World::next_disaster() {
  if (stage_.profile.calm == Time(0) || disasters_left_-- == 0) return;
  stage_.agenda.after(
      stage_.random.between(Time(0), 2 * stage_.profile.calm),
      [this] {
        if (!stage_.faults) return;
        strike();
        next_disaster();
      },
      Agenda::Kind::background);
}

void World::strike() {
  Random& random = stage_.random;
  Server& server = some_server();
  const Time now = stage_.agenda.now();
  switch (random.below(5)) {
    case 0:
      if (stage_.profile.pauses && server.up()) server.pause(now + random.stretched(milliseconds(10), minutes(5)));
      return;
    case 1:
      if (!stage_.profile.kills || !server.up()) return;
      server.kill();
      if (stage_.profile.alone && random.chance(300)) store_.reboot();
      stage_.agenda.after(random.stretched(milliseconds(1), minutes(1)), [&server] {
        if (!server.up()) server.start();
      });
      return;
    case 2:
      if (stage_.profile.jumps) server.jump(random.between(-hours(5), hours(5)));
      return;
    case 3:
      if (random.chance(500)) {
        if (stage_.profile.stalls) server.stall(now + random.stretched(milliseconds(10), seconds(30)));
      } else if (stage_.profile.aways) {
        server.go_away(now + random.stretched(milliseconds(10), seconds(30)));
      }
      return;
    default:
      if (stage_.profile.fills) server.fill(now + random.stretched(milliseconds(10), seconds(30)));
      return;
  }
}

// Of a server's watch.
void World::next_break() {
  if (stage_.profile.watch_breaks == Time(0) || breaks_left_-- == 0) return;
  stage_.agenda.after(
      stage_.random.between(Time(0), 2 * stage_.profile.watch_breaks),
      [this] {
        if (!stage_.faults) return;
        const Time lasts = stage_.profile.faultless ? stage_.random.between(milliseconds(500), seconds(3))
                                                    : stage_.random.stretched(milliseconds(10), seconds(10));
        some_server().lose_watch(stage_.agenda.now() + lasts);
        next_break();
      },
      Agenda::Kind::background);
}

// Who was offered the lock, and waits somewhere, takes it up: as soon as its server has heard of it, or looked.
void World::look_for_late_offers() {
  const Time now = stage_.agenda.now();
  const Time patience = stage_.profile.watches ? seconds(1) : seconds(4);
  for (std::size_t i = 0; i < stage_.profile.locks; ++i) {
    const std::string lock = "lock " + std::to_string(i);
    const auto record = store_.record(lock);
    if (!record) continue;
    for (const locks::Claim& claim : record->claims) {
      if (!claim.offered || claim.name.empty()) continue;
      const Time since = offers_.try_emplace({lock, claim.token}, now).first->second;
      if (now - since < patience) continue;
      for (const Server& server : servers_) {
        const Asked* poll = server.open_poll(lock, claim.request, now - patience);
        if (poll == nullptr) continue;
        return stage_.fail(lock + ": " + CallBook::name(poll->number) + " waits, and does not take its offer up");
      }
    }
  }
}

void World::look_for_late() {
  stage_.agenda.after(
      milliseconds(250),
      [this] {
        store_.look_for_late();
        for (Server& server : servers_) server.look_for_late();
        look_for_late_offers();
        look_for_late();
      },
      Agenda::Kind::background);
}

bool World::all_through() const {
  for (const Client& client : clients_) {
    if (!client.through()) return false;
  }
  return true;
}

// Until nothing is on its way any more, at most so long.
void World::go_on(Time until) {
  while (!stage_.violation && stage_.agenda.pending() && stage_.agenda.now() < until) stage_.agenda.next();
}

// So long, whatever happens.
void World::pass(Time time) {
  const Time until = stage_.agenda.now() + time;
  while (!stage_.violation && stage_.agenda.now() < until) stage_.agenda.next();
}

// The faults end; everybody must get an answer, and it must be the right one.
void World::come_to_rest() {
  stage_.faults = false;
  go_on(stage_.agenda.now() + hours(1));
  for (Server& server : servers_) {
    if (!server.up()) server.start();
  }
  look_for_leaks();
  serve_who_waits();
  let_lapse();
  look_for_leaks();
  for (Server& server : servers_) {
    for (std::size_t i = 0; i < stage_.profile.locks && !stage_.violation; ++i) {
      const Asked& asked = ask(server, {"lock " + std::to_string(i), {}, locks::Inspect{}});
      if (asked.answered != 0 && std::holds_alternative<locks::Unavailable>(asked.outcome())) {
        stage_.fail(server.name() + " refuses though nothing is wrong: " + told(asked.outcome()));
      }
    }
    if (!stage_.violation && server.unanswered() > 0) stage_.fail(server.name() + " owes an answer");
  }
}

void World::look_for_leaks() {
  pass(seconds(11));
  for (std::size_t i = 0; i < stage_.profile.locks && !stage_.violation; ++i) {
    const std::string lock = "lock " + std::to_string(i);
    const auto record = store_.record(lock);
    const auto lives = [this](std::size_t server, std::uint64_t life) { return servers_[server].lives(life); };
    if (record) hearing_.look_for_leaks(lock, *record, lives);
  }
}

// Who goes on polling gets the lock in the end, or hears why not. What the dead hold, an operator frees.
void World::serve_who_waits() {
  for (Client& client : clients_) client.finish();
  const Time began = stage_.agenda.now();
  for (;;) {
    pass(seconds(10));
    const auto waits =
        std::find_if(clients_.begin(), clients_.end(), [](const Client& one) { return one.waits(); });
    if (stage_.violation || waits == clients_.end()) return;
    if (stage_.agenda.now() - began > hours(1)) return stage_.fail(waits->name() + " waits for ever");
    for (std::size_t i = 0; i < stage_.profile.locks && !stage_.violation; ++i) {
      ask(some_server(), {"lock " + std::to_string(i), {}, locks::ForceRelease{"nobody is left"}});
    }
  }
}

// Nobody renews any more: all that can lapse does.
void World::let_lapse() {
  const Time began = stage_.agenda.now();
  for (std::size_t i = 0; i < stage_.profile.locks && !stage_.violation;) {
    const auto record = store_.record("lock " + std::to_string(i));
    if (!record || record->head.timed == 0) {
      ++i;
      continue;
    }
    if (stage_.agenda.now() - began > hours(1)) {
      return stage_.fail("lock " + std::to_string(i) + " does not come to rest: " + test::told(*record));
    }
    pass(seconds(5));
  }
}

Asked& World::ask(Server& server, locks::Command command) {
  Asked& asked = stage_.calls.open(std::move(command));
  server.submit(asked);
  go_on(stage_.agenda.now() + minutes(1));
  if (!stage_.violation && asked.answered == 0) {
    stage_.fail(server.name() + " does not answer though nothing is wrong");
  }
  return asked;
}

Verdict World::run() {
  stage_.trace.line([&] {
    return std::to_string(stage_.profile.servers) + " servers, " + std::to_string(stage_.profile.clients) +
           " clients, " + std::to_string(stage_.profile.locks) + " locks" +
           (stage_.profile.alone ? ", one server alone" : "");
  });
  for (std::size_t i = 0; i < stage_.profile.servers; ++i) {
    servers_.emplace_back(stage_, store_, history_, *this, i);
    servers_.back().start();
  }
  for (std::size_t i = 0; i < stage_.profile.clients; ++i) {
    clients_.emplace_back(
        stage_,
        Client::Network{[this](const auto& command, Client& from, auto attempt) { send(command, from, attempt); },
                        [this](Asked& call) { hang_up(call); }},
        i);
    clients_.back().begin();
  }
  next_disaster();
  next_break();
  if (stage_.profile.faultless) look_for_late();
  while (!stage_.violation && !all_through()) stage_.agenda.next();
  come_to_rest();

  Verdict verdict;
  verdict.calls = stage_.calls.size();
  verdict.commits = store_.commits();
  verdict.happenings = stage_.happenings;
  verdict.violation = stage_.violation;
  verdict.digest = stage_.trace.digest();
  verdict.trace = stage_.trace.take();
  for (Server& server : servers_) server.kill();  // while all that they refer to is there
  return verdict;
}

}  // namespace

Verdict run(std::uint64_t seed, Bug bug, bool traced) {
  return World(seed, bug, traced).run();
}

}  // namespace lockkeeper::simulation
