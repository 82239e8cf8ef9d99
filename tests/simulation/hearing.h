// Who was told that a lock is its own, and what becomes of grants that nobody heard of.
//   - What somebody who is there was told is its own, by whichever server, is not offered to others: it ends by its
//     release, its time, or force.
//   - What a poll was granted, and nobody heard of, does not stand: it is an offer again, and passes on. Not if the
//     server that granted it died, or could not see that its client was gone, or if, over a shared store, a copy of
//     the poll asked again: another server may have told it.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>

#include "locks/change.h"
#include "tests/simulation/linearizability.h"
#include "tests/simulation/stage.h"

namespace lockkeeper::simulation {

enum class Heard : std::uint8_t {
  by_client,
  for_all_the_server_knows,
  by_nobody,
};

class Hearing {
 public:
  using Lives = std::function<bool(std::size_t server, std::uint64_t life)>;  // whether it still does

  explicit Hearing(Stage& stage) : stage_(stage) {}

  void answered(const Asked& asked, Heard heard);
  void committed(const std::string& lock, const locks::Change& change, const Origin& origin);
  // When all has come to rest.
  void look_for_leaks(const std::string& lock, const locks::Record& record, const Lives& lives);

 private:
  using Life = std::pair<std::size_t, std::uint64_t>;  // of a server
  struct Grant {
    bool to_poll = false;
    Life by;
    Time last{0};  // when something of it happened
    bool told = false;
    bool believed = false;
  };

  bool asks_again(const locks::Event& event) const;

  Stage& stage_;
  std::map<std::pair<std::string, locks::Version>, Grant> grants_;  // by lock and token
};

}  // namespace lockkeeper::simulation
