#include "server/doors/locker_reply.h"

#include "server/doors/door.h"
#include "wire/native_json.h"

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
  const bool acquiring = speech.act == LockSpeech::Act::acquire;
  return joined({acquiring ? "Attempt to steal lock for '" : "Attempt to unlock '", lock, "' with '", speech.key,
                 "' by '", speech.holder, "' thwarted. Currently held by someone else"});
}

struct GoneText {
  const char* why;
  const char* text;
};

GoneText gone_text(locks::Gone::Why why) {
  switch (why) {
    case locks::Gone::Why::closed:
      return {"closed", "the claim was released or withdrawn after this request began"};
    case locks::Gone::Why::superseded:
      return {"superseded", "a newer request took this claim over"};
    case locks::Gone::Why::forgotten:
      break;
  }
  return {"forgotten", "this request began too long ago: read the lock's version and begin again"};
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
      wire::write_granted(text, lock_, speech_.claim, outcome, response.body);
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

  http::Response operator()(const locks::Refused& outcome) const {
    return denied(423, denied_text(lock_, speech_), outcome.version, "", outcome.holds);
  }

  http::Response operator()(const locks::NotYours& outcome) const {
    return denied(423, denied_text(lock_, speech_), outcome.version, "", outcome.holds);
  }

  http::Response operator()(const locks::Gone& outcome) const {
    const GoneText gone = gone_text(outcome.why);
    return denied(410, gone.text, outcome.version, gone.why, outcome.holds);
  }

  http::Response operator()(const locks::TooMany& outcome) const {
    return denied(409, "too many " + outcome.what, outcome.version, "", {});
  }

  http::Response operator()(const locks::Inspected& outcome) const {
    http::Response response;
    wire::write_lock(lock_, outcome.record, response.body);
    return response;
  }

 private:
  http::Response denied(unsigned status, std::string_view text, locks::Version version, std::string_view why,
                        const std::vector<locks::Hold>& holds) const {
    if (!speech_.native) return error_reply(status, text);
    http::Response response;
    response.status = status;
    wire::write_denied(text, lock_, version, why, holds, response.body);
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

http::Response body_fault_reply(const wire::BodyFault& fault, bool acquiring) {
  if (!fault.text.empty()) return error_reply(400, fault.text);
  http::Response response =
      error_reply(400, acquiring ? "No key specified in request body" : "No lock specified in request body");
  if (fault.undecodable) response.content_type = "text/plain; charset=utf-8";
  return response;
}

}  // namespace lockkeeper::server
