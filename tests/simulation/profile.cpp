#include "tests/simulation/profile.h"

#include <array>
#include <chrono>

namespace lockkeeper::simulation {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

// Small enough that histories meet them.
locks::Limits draw_limits(Random& random) {
  locks::Limits limits;
  if (random.chance(300)) limits.claim_rows = 1 + random.below(4);
  if (random.chance(200)) limits.holders = 1 + random.below(3);
  if (random.chance(200)) limits.tally_count = 1 + random.below(4);
  if (random.chance(400)) limits.closed_names = 1 + random.below(4);
  if (random.chance(200)) limits.waiters = 1 + random.below(4);
  if (random.chance(400)) limits.closed_for = random.chance(500) ? milliseconds(seconds(20)) : minutes(3);
  return limits;
}

// Chances of a store's faults: none, a few, or many of them.
unsigned draw_chance(Random& random) {
  static constexpr std::array<unsigned, 5> kChances = {0, 0, 10, 40, 150};
  return random.pick(kChances);
}

}  // namespace

locks::Terms draw_terms(Random& random) {
  locks::Terms terms;
  terms.grace = milliseconds(1000 + random.below(random.chance(500) ? 3000 : 60'000));
  if (random.chance(200)) terms.max_hold = milliseconds(1000 + random.below(30'000));
  if (random.chance(150)) terms.place_for_refused = milliseconds(1000 + random.below(30'000));
  return terms;
}

void without_faults(Profile& profile) {
  profile.faultless = true;
  profile.latency = std::min<Time>(profile.latency, milliseconds(4));
  profile.fails = profile.reply_lost = profile.vanishes = profile.late = profile.slow = 0;
  profile.copied = profile.request_lost = profile.answer_lost = profile.doubled = 0;
  profile.calm = Time(0);
  profile.settings.in_flight = 1000;
  // What others do is heard of, also after the watch was interrupted for a moment: not found by looking.
  if (profile.watches) profile.settings.look_again = seconds(30);
  if (profile.watch_breaks != Time(0)) profile.watch_breaks = seconds(1);
}

// More of them than one commit hands a lock over to.
void crowd(Profile& profile, Random& random) {
  profile.clients = 45 + random.below(30);
  profile.calls_each = 10 + random.below(10);
  profile.locks = 1;
  profile.crowd = true;
  profile.think = milliseconds(100);
  profile.waiting = 900;
  profile.settings.limits = {};
  profile.settings.in_flight = profile.settings.waiting = 1000;
}

Profile draw(Random& random) {
  Profile profile;
  profile.alone = random.chance(250);
  profile.servers = profile.alone ? 1 : 1 + random.below(4);
  profile.locks = 1 + random.below(3);
  profile.clients = 2 + random.below(5);
  profile.calls_each = (60 + random.below(120)) / profile.clients + 5;

  engine::Settings& settings = profile.settings;
  settings.limits = draw_limits(random);
  settings.free_for = hours(1);
  settings.terms = draw_terms(random);
  if (random.chance(200)) settings.terms_by_name.push_back({"lock 1", milliseconds(5000), std::nullopt});
  if (random.chance(100)) settings.waiting = 1;
  if (random.chance(200)) settings.longest_wait = seconds(2);
  if (random.chance(300)) settings.cached_locks = 1;
  if (random.chance(100)) settings.in_flight = 2;
  if (random.chance(300)) settings.history_per_lock = 5;

  static constexpr std::array<Time, 5> kLatencies = {Time(100), Time(1000), Time(4000), Time(30'000),
                                                     Time(300'000)};
  profile.latency = random.pick(kLatencies);
  profile.fails = draw_chance(random);
  profile.reply_lost = draw_chance(random);
  profile.vanishes = draw_chance(random);
  profile.late = profile.alone ? 0 : draw_chance(random);  // a file of one's own has nobody to come late
  profile.slow = draw_chance(random);

  profile.copied = draw_chance(random);
  profile.request_lost = draw_chance(random);
  profile.answer_lost = draw_chance(random);
  profile.doubled = draw_chance(random);
  profile.impatient = random.chance(300) ? 300 : 30;
  static constexpr std::array<Time, 4> kThinking = {Time(2000), Time(100'000), Time(3'000'000), Time(30'000'000)};
  profile.think = random.pick(kThinking);

  if (random.chance(800)) profile.calm = profile.think * static_cast<std::int64_t>(2 + random.below(30));
  profile.pauses = random.chance(500);
  profile.kills = random.chance(600);
  profile.jumps = random.chance(500);
  profile.stalls = random.chance(400);
  profile.fills = random.chance(300);

  profile.aways = random.chance(400);
  profile.watches = !profile.alone && random.chance(700);
  if (profile.watches) {
    profile.told_twice = draw_chance(random);
    if (random.chance(700)) profile.watch_breaks = profile.think * static_cast<std::int64_t>(1 + random.below(20));
    if (random.chance(500)) settings.look_again = seconds(10);
  }

  profile.keys = 1 + random.below(4);
  static constexpr std::array<unsigned, 4> kInclined = {0, 200, 500, 900};
  profile.waiting = random.pick(kInclined);
  profile.leased = random.pick(kInclined);
  if (random.chance(20)) crowd(profile, random);
  if (random.chance(120)) without_faults(profile);
  return profile;
}

}  // namespace lockkeeper::simulation
