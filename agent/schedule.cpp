#include "agent/schedule.h"

#include <algorithm>

#include "agent/shown_text.h"

namespace lockkeeper::agent {

using std::chrono::milliseconds;
using Kind = Outcome::Kind;
using Next = Treatment::Next;

namespace {

constexpr std::size_t kLongestNote = 900;  // the lock API takes 1024 bytes
constexpr const char* kGivenUp = "unresumable: ";

// The API was not asked, so nothing is known of it.
bool tells_of_api(Kind kind) {
  return kind != Kind::interrupted && kind != Kind::gates_away && kind != Kind::not_deleted && kind != Kind::gone &&
         kind != Kind::bad_name;
}

}  // namespace

void Schedule::offer(const client::Gate& gate, Time now) {
  const auto [at, fresh] = entries_.try_emplace(gate.id);
  if (!fresh) return;
  Entry& entry = at->second;
  entry.gate = gate;
  entry.gate.json.clear();
  entry.offered = entry.read = now;
  put(entry, now);
  if (pause_.noting) pause_.to_note.push_back(gate.id);
  if (pause_.outcome.kind == Kind::unreachable) pause_.fresh.push_back(gate.id);
}

void Schedule::put(Entry& entry, Time due) {
  entry.due = due;
  entry.turn = ++turns_;
  order_of(entry).emplace(std::pair(due, entry.turn), entry.gate.id);
}

Schedule::Task Schedule::hand_out(Order& order, Order::iterator at) {
  Entry& entry = entries_.at(at->second);
  order.erase(at);
  entry.turn = 0;
  entry.handed_out = true;
  const bool given_up = entry.last && treatment(*entry.last).next == Next::never;
  const Task::What what = entry.resumed ? Task::What::remove : given_up ? Task::What::look : Task::What::resume;
  return {what, entry.gate, entry.offered, entry.read, ""};
}

std::optional<Schedule::Task> Schedule::take(Time now) {
  const auto due = [now](const Order& order) { return !order.empty() && order.begin()->first.first <= now; };
  if (due(removals_)) return hand_out(removals_, removals_.begin());
  if (pause_.failures == 0) {
    if (!due(order_)) return std::nullopt;
    return hand_out(order_, order_.begin());
  }
  if (auto task = take_probe(now)) {
    pause_.prober = task->gate.id;
    pause_.asked = now;
    return task;
  }
  return take_note(now);
}

std::optional<Schedule::Task> Schedule::take_probe(Time now) {
  if (!pause_.prober.empty()) return std::nullopt;
  if (now >= pause_.until && !order_.empty() && order_.begin()->first.first <= now) {
    return hand_out(order_, order_.begin());
  }
  while (!pause_.fresh.empty() && now >= fresh_from()) {
    const auto entry = entries_.find(pause_.fresh.front());
    pause_.fresh.pop_front();
    if (entry == entries_.end() || entry->second.last || entry->second.handed_out) continue;
    return hand_out(order_, order_.find({entry->second.due, entry->second.turn}));
  }
  return std::nullopt;
}

Schedule::Time Schedule::fresh_from() const {
  return pause_.fresh.empty() ? Time::max() : pause_.asked + settings_.quick.first;
}

std::optional<Schedule::Task> Schedule::take_note(Time now) {
  const bool at_once = treatment(pause_.outcome.kind).note_from == 1;
  if (!at_once && now < pause_.since + settings_.note_pause_after) return std::nullopt;
  if (!pause_.noting) {
    pause_.noting = true;
    for (const auto& [id, entry] : entries_) pause_.to_note.push_back(id);
  }
  while (!pause_.to_note.empty()) {
    const auto at = entries_.find(pause_.to_note.front());
    pause_.to_note.pop_front();
    if (at == entries_.end()) continue;
    const Entry& entry = at->second;
    if (entry.handed_out || entry.resumed || entry.gate.note == pause_.outcome.why) continue;
    return Task{Task::What::note, entry.gate, entry.offered, entry.read, pause_.outcome.why};
  }
  return std::nullopt;
}

Schedule::Verdict Schedule::done(const std::string& id, const Outcome& outcome, Time now, double random) {
  Verdict verdict{.outcome = outcome};
  learn_of_api(id, outcome, now, random, verdict);
  const auto at = entries_.find(id);
  if (at == entries_.end()) return verdict;
  Entry& entry = at->second;
  entry.handed_out = false;
  Outcome& what = verdict.outcome;
  what.why = shown_text(what.why, kLongestNote);  // names in it are others' words
  if (treatment(what.kind).next == Next::remove || treatment(what.kind).next == Next::forget) {
    entries_.erase(at);
    return verdict;
  }
  if (what.kind == Kind::absent) {
    if (!entry.absent_since) {
      entry.absent_since = now - what.lasted.value_or(std::chrono::seconds(0));
      entry.absent_from = what.since;
    }
    if (!entry.absent_from.empty()) what.why += " since " + entry.absent_from;
    // A gate that was given up by an agent before this one does not begin another such time.
    if (now - *entry.absent_since >= settings_.give_up_after || entry.gate.note.starts_with(kGivenUp)) {
      what = {Kind::unresumable, kGivenUp + what.why, {}};
    }
  } else if (tells_of_api(what.kind) && !treatment(what.kind).whole_api && what.kind != Kind::busy) {
    entry.absent_since.reset();
  }
  if (what.kind == Kind::not_deleted) entry.resumed = true;
  if (what.kind != Kind::interrupted) {
    entry.in_a_row = entry.last == what.kind ? entry.in_a_row + 1 : 1;
    const bool changed = entry.last != what.kind || entry.why != what.why;
    if (!treatment(what.kind).whole_api) verdict.news = changed;
    entry.last = what.kind;
    entry.why = what.why;
    const unsigned note_from = treatment(what.kind).note_from;
    if (note_from != 0 && entry.in_a_row >= note_from && entry.gate.note != what.why) verdict.note = what.why;
  }
  if (const auto pause = pause_of(entry, what, random)) put(entry, now + *pause);
  return verdict;
}

void Schedule::learn_of_api(const std::string& id, const Outcome& outcome, Time now, double random,
                            Verdict& verdict) {
  const bool probed = pause_.prober == id && !pause_.prober.empty();
  if (probed) pause_.prober.clear();
  if (!treatment(outcome.kind).whole_api) {
    if (pause_.failures > 0 && tells_of_api(outcome.kind)) {
      pause_ = {};
      verdict.api_is_back = true;
    }
    return;
  }
  if (pause_.failures > 0 && !probed) return;  // it began before the pause did
  const bool changed = pause_.failures == 0 || pause_.outcome.why != shown_text(outcome.why, kLongestNote);
  if (pause_.failures == 0) pause_.since = pause_.asked = now;
  ++pause_.failures;
  pause_.until = now + pause_after(pause_.failures, settings_.quick, random, outcome.retry_after);
  if (changed) {
    pause_.outcome = outcome;
    pause_.outcome.why = shown_text(outcome.why, kLongestNote);
    pause_.noting = false;
    pause_.to_note.clear();
    verdict.news = verdict.whole_api = true;
  }
}

std::optional<milliseconds> Schedule::pause_of(const Entry& entry, const Outcome& outcome, double random) const {
  switch (treatment(outcome.kind).next) {
    case Next::again:
      return milliseconds(0);
    case Next::poll:
      return pause_after(entry.in_a_row, settings_.poll, random, outcome.retry_after);
    case Next::back_off:
      return pause_after(entry.in_a_row, settings_.quick, random, outcome.retry_after);
    case Next::slowly:
      return pause_after(entry.in_a_row, settings_.slow, random, outcome.retry_after);
    case Next::rarely:
    case Next::never:  // then only looked at
      return pause_after(1, {settings_.rare, settings_.rare}, random, outcome.retry_after);
    case Next::remove:
    case Next::forget:
      break;
  }
  return std::nullopt;
}

void Schedule::looked(const std::string& id, bool there, Time now) {
  const auto at = entries_.find(id);
  if (pause_.prober == id) pause_.prober.clear();
  if (at == entries_.end()) return;
  if (!there) {
    entries_.erase(at);
    return;
  }
  at->second.handed_out = false;
  put(at->second, now + settings_.rare);
}

void Schedule::noted(const std::string& id, const std::string& text) {
  const auto at = entries_.find(id);
  if (at != entries_.end()) at->second.gate.note = text;
}

Schedule::Time Schedule::next(Time now) const {
  Time soonest = removals_.empty() ? Time::max() : removals_.begin()->first.first;
  if (pause_.failures == 0) {
    if (!order_.empty()) soonest = std::min(soonest, order_.begin()->first.first);
    return soonest;
  }
  if (pause_.prober.empty() && !order_.empty()) {
    soonest = std::min({soonest, std::max(pause_.until, order_.begin()->first.first), fresh_from()});
  }
  if (!pause_.to_note.empty()) return now;
  if (!pause_.noting && !entries_.empty()) {
    soonest = std::min(soonest, std::max(now, pause_.since + settings_.note_pause_after));
  }
  return soonest;
}

void Schedule::clear() {
  std::erase_if(entries_, [](const auto& one) { return !one.second.handed_out; });
  order_.clear();
  removals_.clear();
  pause_ = {};
}

Schedule::Waiting Schedule::waiting() const {
  Waiting waiting;
  for (const auto& [id, entry] : entries_) {
    if (!entry.last) {
      ++waiting.fresh;
    } else {
      ++waiting.kept[static_cast<std::size_t>(*entry.last)];
    }
  }
  return waiting;
}

}  // namespace lockkeeper::agent
