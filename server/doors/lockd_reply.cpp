#include "server/doors/lockd_reply.h"

#include "server/doors/door.h"
#include "wire/lockd_body.h"

namespace lockkeeper::server {
namespace {

constexpr const char* nothing = "{}\n";

http::Response done(const LockdQuestion& question, const LockdAnswer& answer) {
  http::Response response = json_reply(200, nothing);
  if (!question.ours || answer.token == 0) return response;
  response.headers.emplace_back("Lock-Token", std::to_string(answer.token));
  return response;
}

http::Response conflict(const LockdQuestion& question, const LockdAnswer& answer) {
  if (question.ours) {
    http::Response response = json_reply(409, {});
    wire::write_lockd_conflict("Lock conflict", answer.holder, answer.position, answer.waiters, response.body);
    return response;
  }
  return question.api == LockdApi::name_in_body ? json_reply(409, nothing) : error_reply(409, "Lock conflict");
}

// The older API had one answer for what is not yours and for what is not locked.
http::Response not_found(const LockdQuestion& question) {
  if (question.api == LockdApi::name_in_path) return error_reply(404, "Not Found");
  const unsigned status = question.act == LockdAct::unlock ? 409 : 404;
  return question.ours ? error_reply(status, "Not Found") : json_reply(status, nothing);
}

http::Response reply(const LockdQuestion& question, const locks::Outcome& outcome, const LockdAnswer& answer) {
  switch (answer.verdict) {
    case Verdict::done:
      return done(question, answer);
    case Verdict::conflict:
      return conflict(question, answer);
    case Verdict::not_found:
      return not_found(question);
    case Verdict::too_many:
      return error_reply(409, answer.text);
    case Verdict::unavailable:
      break;
  }
  const auto* unavailable = std::get_if<locks::Unavailable>(&outcome);
  return unavailable != nullptr ? unavailable_reply(*unavailable) : error_reply(500, "internal error");
}

}  // namespace

http::Response lockd_reply(const LockdQuestion& question, const locks::Outcome& outcome) {
  http::Response response = reply(question, outcome, lockd_answer(question.act, outcome));
  // Also of what waits, was not heard, or has been given an id: whoever knows it can go on.
  if (question.act == LockdAct::lock && lockd_named(question.request)) {
    response.headers.emplace_back("Lock-Request-Id", question.request.request_id);
  }
  return response;
}

http::Response lockd_not_found(const LockdQuestion& question) {
  return not_found(question);
}

}  // namespace lockkeeper::server
