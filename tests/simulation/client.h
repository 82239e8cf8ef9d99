// A client: somebody who locks and unlocks, badly. It asks again elsewhere when it hears nothing, gives up, stays
// away for minutes, comes back and repeats what it once asked, in any order. Now and then it waits its turn: polls
// for its intention, holds, renews, gives back; or vanishes in the middle of that.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/simulation/stage.h"

namespace lockkeeper::simulation {

class Client {
 public:
  struct Network {
    // Puts a command on its way to some server. Its answer comes to answered(), if it is not lost.
    std::function<void(const locks::Command& command, Client& from, std::uint64_t attempt)> send;
    std::function<void(Asked& call)> hang_up;
  };

  Client(Stage& stage, Network network, std::size_t number);

  void begin();               // its first request, after a while
  void reached(Asked& call);  // the request is at a server
  bool listens(std::uint64_t attempt) const { return attempt == attempt_ && current_.has_value(); }
  void no_answer(std::uint64_t attempt);  // it hangs up
  void answered(const Asked& call);
  bool through() const { return left_ == 0; }

  // From here on it only brings to an end what it has begun: waits until it is served, and gives back.
  void finish();
  bool waits() const { return session_.has_value(); }
  const std::string& name() const { return name_; }

 private:
  // One intention, from the first poll to the release.
  struct Session {
    std::string lock;
    locks::Acquire acquire;
    std::optional<locks::Version> token;
    Time hold_until{0};
  };

  void act_after(Time pause);
  void rest_a_while();
  void act();
  void begin_session();
  void go_on();
  void give_back();
  void session_answered(const locks::Outcome& outcome);
  void ask(locks::Command command);
  void ask_again();
  void hang_up();

  locks::Command choose();
  locks::Acquire plain();
  locks::Acquire intention(const std::string& lock);
  locks::Release release();
  std::optional<locks::Command> renewal();
  std::string some_lock();
  std::string some_claim();
  std::string some_key();

  Stage& stage_;
  const Network network_;
  const std::string name_;
  const std::string holder_;
  std::size_t left_;  // requests it still makes
  bool finishing_ = false;
  std::uint64_t turn_ = 0;     // numbers what it plans to do; only the latest plan counts
  std::uint64_t attempt_ = 0;  // what it waits for now
  std::uint64_t intentions_ = 0;
  std::optional<Session> session_;
  std::optional<locks::Command> current_;       // asked, and not answered
  std::vector<Asked*> calls_;                   // that, where it reached a server
  std::vector<locks::Command> past_;            // what it asked once
  std::map<std::string, locks::Version> read_;  // the version of each lock that it read last
  std::optional<locks::Version> token_;         // the last that it was given
};

}  // namespace lockkeeper::simulation
