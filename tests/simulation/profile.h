// What kind of world a seed makes: how many servers, clients and locks, how hostile the store, which disasters.
#pragma once

#include <cstddef>

#include "engine/engine.h"
#include "tests/simulation/random.h"
#include "tests/simulation/virtual_time.h"

namespace lockkeeper::simulation {

struct Profile {
  bool faultless = false;  // nothing goes wrong, so everything must happen in time
  bool alone = false;      // one server whose store is its own, as with SQLite; otherwise all share one store
  std::size_t servers = 1;
  std::size_t locks = 1;
  std::size_t clients = 2;
  std::size_t calls_each = 30;
  engine::Settings settings;

  // Whether the store tells of changes, and how often that is interrupted.
  bool watches = false;
  Time watch_breaks{0};  // about; 0: never
  unsigned told_twice = 0;

  // The store, operation by operation. Chances are in a thousand.
  Time latency{0};          // half of it at least, twice at most, each way
  unsigned fails = 0;       // nothing is written, and it says so
  unsigned reply_lost = 0;  // written, told as unknown
  unsigned vanishes = 0;    // not written, told as unknown
  unsigned late = 0;        // told as unknown, written afterwards if nothing came in between
  unsigned slow = 0;        // up to 20 s, so mostly past the engine's deadline

  // The network between clients and servers.
  unsigned copied = 0;  // a second copy of a request arrives later
  unsigned request_lost = 0;
  unsigned answer_lost = 0;
  unsigned doubled = 0;    // sent on two connections at once
  unsigned impatient = 0;  // a client hangs up before it is answered, or just then
  Time think{0};           // of a client, up to

  // What clients do. Chances are in a thousand.
  std::size_t keys = 2;
  bool crowd = false;    // nearly all with one key
  unsigned waiting = 0;  // begins to wait its turn
  unsigned leased = 0;   // an acquisition has a ttl

  // Disasters: one about every so often, of the kinds that are on.
  Time calm{0};  // 0: none ever
  bool pauses = false;
  bool kills = false;
  bool jumps = false;
  bool stalls = false;
  bool aways = false;
  bool fills = false;
};

Profile draw(Random& random);

}  // namespace lockkeeper::simulation
