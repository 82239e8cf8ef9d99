#include "server/doors/locker_reply.h"

#include "server/doors/door.h"
#include "wire/native_json.h"
#include "wire/time_text.h"

namespace lockkeeper::server {
namespace {

std::string joined(std::initializer_list<std::string_view> parts) {
  std::size_t size = 0;
  for (const auto part : parts) size += part.size();
  std::string text;
  text.reserve(size);
  for (const auto part : parts) text += part;
  return text;
}

std::string acquired_text(const std::string& lock, const LockSpeech& speech) {
  return joined({"Lock for '", lock, "' acquired by '", speech.holder, "' using key '", speech.key, "'"});
}

// "on on" is the original's.
std::string released_text(const std::string& lock, const LockSpeech& speech) {
  return joined({"'", speech.holder, "' released a lock on on '", lock, "'"});
}

std::string denied_text(const std::string& lock, const LockSpeech& speech) {
  if (speech.act == LockSpeech::Act::renew) return joined({"'", lock, "' is held with another key"});
  const bool acquiring = speech.act == LockSpeech::Act::acquire;
  return joined({acquiring ? "Attempt to steal lock for '" : "Attempt to unlock '", lock, "' with '", speech.key,
                 "' by '", speech.holder, "' thwarted. Currently held by someone else"});
}

std::string other_key_text(const std::string& lock) {
  return joined({"this claim holds '", lock, "' with another key: release it first"});
}

struct GoneText {
  const char* why;
  const char* text;
};

GoneText gone_text(const locks::Gone& gone) {
  const auto ended = [&gone](const char* released, const char* lapsed, const char* forced, const char* unknown) {
    if (!gone.end) return unknown;
    return *gone.end == locks::End::lapsed ? lapsed : *gone.end == locks::End::forced ? forced : released;
  };
  switch (gone.why) {
    case locks::Gone::Why::closed: {
      const char* released = "the claim was released or withdrawn after this request began";
      return {"closed", ended(released, "the claim lapsed after this request began",
                              "the claim was ended by force after this request began", released)};
    }
    case locks::Gone::Why::ended:
      return {"ended", ended("the claim was released", "the claim has lapsed", "the claim was ended by force",
                             "there is no such claim (any more)")};
    case locks::Gone::Why::superseded:
      return {"superseded", "a newer request took this claim over"};
    case locks::Gone::Why::forgotten:
      break;
  }
  return {"forgotten", "this request began too long ago: read the lock's version and begin again"};
}

// "'prod' is held by 'a' and 2 others since ...: number 3 of 5 in its queue; the place is kept for the next poll"
std::string queued_text(const std::string& lock, const locks::Queued& queued) {
  std::string held = "is being handed over";
  if (!queued.holds.empty()) {
    const locks::Hold& first = queued.holds.front();
    const std::size_t others = queued.holds.size() - 1;
    held = joined({"is held by '", first.holder, "'"});
    if (others != 0) held += " and " + std::to_string(others) + (others == 1 ? " other" : " others");
    held += " since " + wire::time_text(first.since);
  }
  return joined({"'", lock, "' ", held, ": number ", std::to_string(queued.position), " of ",
                 std::to_string(queued.waiters), " in its queue; the place is kept for the next poll"});
}

// One overload an outcome.
class Speaker {
 public:
  Speaker(const std::string& lock, const LockSpeech& speech) : lock_(lock), speech_(speech) {}

  http::Response operator()(const locks::Unavailable& outcome) const { return unavailable_reply(outcome); }

  http::Response operator()(const locks::Granted& outcome) const {
    http::Response response;
    const std::string text = acquired_text(lock_, speech_);
    if (speech_.native) {
      wire::write_granted(text, lock_, speech_.claim, speech_.request, outcome, response.body);
    } else {
      wire::write_response(text, response.body);
    }
    return response;
  }

  http::Response operator()(const locks::Released& outcome) const {
    http::Response response;
    if (speech_.act == LockSpeech::Act::force_release) {
      wire::write_released(joined({"'", lock_, "' was released by force"}), lock_, outcome, response.body);
    } else if (speech_.native) {
      wire::write_released(released_text(lock_, speech_), lock_, outcome, response.body);
    } else {
      wire::write_response(released_text(lock_, speech_), response.body);
    }
    return response;
  }

  http::Response operator()(const locks::Renewed& outcome) const {
    http::Response response;
    const char* text = outcome.ttl ? "the claim is renewed" : "the claim has no ttl: it does not end by itself";
    wire::write_renewed(text, lock_, outcome, response.body);
    return response;
  }

  // Who waits would have a place, if its name did not hold the lock already.
  http::Response operator()(const locks::Refused& outcome) const {
    const std::string text = speech_.waits ? other_key_text(lock_) : denied_text(lock_, speech_);
    return denied(423, text, outcome.version, "", {}, outcome.holds);
  }

  // A plain request may have got a place too (hold-place-for-refused); an old client is told what it always was.
  http::Response operator()(const locks::Queued& outcome) const {
    std::string text = speech_.waits ? queued_text(lock_, outcome) : denied_text(lock_, speech_);
    if (!speech_.native) return error_reply(423, text);
    http::Response response;
    response.status = 423;
    wire::write_queued(text, lock_, speech_.claim, speech_.request, outcome, response.body);
    return response;
  }

  http::Response operator()(const locks::NotYours& outcome) const {
    return denied(423, denied_text(lock_, speech_), outcome.version, "", {}, outcome.holds);
  }

  http::Response operator()(const locks::Gone& outcome) const {
    const GoneText gone = gone_text(outcome);
    return denied(410, gone.text, outcome.version, gone.why, outcome.end, outcome.holds);
  }

  http::Response operator()(const locks::TooMany& outcome) const {
    return denied(409, "too many " + outcome.what, outcome.version, "", {}, {});
  }

  // Only to what the engine says itself.
  http::Response operator()(const locks::Noted&) const { return error_reply(500, "internal error"); }
  // Only to what is asked of gates.
  http::Response operator()(const locks::Gated&) const { return error_reply(500, "internal error"); }

  http::Response operator()(const locks::Inspected& outcome) const {
    http::Response response;
    wire::write_lock(lock_, outcome.record, response.body);
    return response;
  }

 private:
  http::Response denied(unsigned status, std::string_view text, locks::Version version, std::string_view why,
                        std::optional<locks::End> ended, const std::vector<locks::Hold>& holds) const {
    if (!speech_.native) return error_reply(status, text);
    http::Response response;
    response.status = status;
    wire::write_denied(text, lock_, version, why, ended, holds, response.body);
    return response;
  }

  const std::string& lock_;
  const LockSpeech& speech_;
};

}  // namespace

http::Response reply_about_lock(const std::string& lock, const LockSpeech& speech,
                                const decltype(engine::Call::answer)& answer) {
  if (const auto* outcome = std::get_if<locks::Outcome>(&answer))
    return std::visit(Speaker(lock, speech), *outcome);
  const auto& page = std::get<engine::HistoryPage>(answer);
  http::Response response;
  wire::write_history(lock, page.version, page.oldest, page.more, page.events, response.body);
  return response;
}

http::Response status_reply(const engine::Counters& counters) {
  const std::pair<const char*, std::uint64_t> numbers[] = {
      {"commands", counters.commands}, {"commits", counters.commits}, {"conflicts", counters.conflicts},
      {"failures", counters.failures}, {"cached", counters.cached},   {"in_flight", counters.in_flight},
      {"waiting", counters.waiting},   {"watched", counters.watched}, {"lapses", counters.lapses},
      {"standing", counters.standing}};
  http::Response response;
  for (const auto& [name, number] : numbers) {
    response.body += response.body.empty() ? "{\"" : ",\"";
    response.body += joined({name, "\":", std::to_string(number)});
  }
  response.body += "}\n";
  return response;
}

http::Response body_fault_reply(const wire::BodyFault& fault, bool acquiring) {
  if (!fault.text.empty()) return error_reply(400, fault.text);
  http::Response response =
      error_reply(400, acquiring ? "No key specified in request body" : "No lock specified in request body");
  if (fault.undecodable) response.content_type = "text/plain; charset=utf-8";
  return response;
}

}  // namespace lockkeeper::server
