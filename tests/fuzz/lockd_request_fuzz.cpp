// Requests at lockd's door: whatever comes as path, headers and body is a command the rules can take, or a
// sentence.
//
// An input is lines: the type of the body, a header's value each for client id, request id, wait, ttl and override,
// the path, the query; the rest is the body.
#include <array>

#include "fuzzed.h"
#include "locks/limits.h"
#include "server/doors/lockd_request.h"

namespace locks = lockkeeper::locks;
namespace server = lockkeeper::server;

namespace {

constexpr std::array header_names = {"Content-Type", "Lock-Client-Id", "Lock-Request-Id",
                                     "Lock-Wait",    "Lock-Ttl",       "Lock-Override"};

class ARequest final : public lockkeeper::http::Request {
 public:
  explicit ARequest(std::string_view text) {
    for (std::string_view& value : values_) value = line(text);
    path = line(text);
    query = line(text);
    body_ = text;
  }
  std::string_view method() const override { return "POST"; }
  std::string_view target() const override { return path; }
  std::string_view body() const override { return body_; }
  std::string_view header(std::string_view name) const override {
    for (std::size_t i = 0; i < header_names.size(); ++i) {
      if (name == header_names[i]) return values_[i];
    }
    return {};
  }

  std::string_view path, query;

 private:
  static std::string_view line(std::string_view& text) {
    const auto end = text.find('\n');
    const auto one = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    return one;
  }

  std::array<std::string_view, header_names.size()> values_;
  std::string_view body_;
};

void look_at(const std::variant<server::LockdQuestion, std::string>& asked) {
  if (const auto* fault = std::get_if<std::string>(&asked)) {
    PROMISE(!fault->empty() && fault->size() < 512);
    return;
  }
  const auto& question = std::get<server::LockdQuestion>(asked);
  server::LockdRequest request = question.request;
  PROMISE(locks::valid_utf8(request.client_id) && locks::valid_utf8(request.request_id));
  PROMISE(request.client_id.size() <= 128 && request.request_id.size() <= 128);
  PROMISE(question.ours || (request.client_id.empty() && request.request_id.empty() && !request.overrides &&
                            !request.wait && !request.ttl));
  const bool named = server::lockd_named(request);
  const auto command = server::lockd_lock(request, "fresh", {});
  const auto& acquire = std::get<locks::Acquire>(command.what);
  PROMISE(named != acquire.claim.empty());
  PROMISE(named != request.request_id.empty() && locks::valid_utf8(acquire.key) && !acquire.holder.empty());
  // Whoever locked it can unlock it, and nobody without its id.
  request.request_id.clear();
  request.overrides = false;
  const auto mine = std::get<locks::Release>(server::lockd_unlock(request, {}).what);
  PROMISE(acquire.key.starts_with(mine.key) && mine.key_begins);
  if (request.client_id.empty()) return;
  request.client_id.pop_back();
  const auto other = std::get<locks::Release>(server::lockd_unlock(request, {}).what);
  PROMISE(!acquire.key.starts_with(other.key));
  // The name is the rules' to judge, but not the rest.
  locks::Command of_a_good_name = command;
  of_a_good_name.lock = "a";
  const auto fault = locks::fault(of_a_good_name, locks::Limits());
  PROMISE(!fault || acquire.ttl);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ARequest request(text_of(data, size));
  if (const auto path = server::lockd_path(request.path)) {
    PROMISE(path->starts_with('/') && path->find("//") == std::string::npos);
    PROMISE(path->find("/../") == std::string::npos && path->find("/./") == std::string::npos);
    look_at(server::lockd_question(server::LockdAct::lock, path->substr(1), request));
  }
  for (const auto act : {server::LockdAct::lock, server::LockdAct::unlock, server::LockdAct::is_locked}) {
    const auto asked = server::old_lockd_question(act, request.query, request);
    if (act != server::LockdAct::unlock) look_at(asked);
  }
  return 0;
}
