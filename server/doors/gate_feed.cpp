#include "server/doors/gate_feed.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "locks/duration.h"
#include "server/doors/gate_list.h"
#include "server/doors/open_polls.h"
#include "server/doors/word.h"
#include "server/doors/workflow_reply.h"

namespace lockkeeper::server {
namespace {

using std::chrono::milliseconds;

class FeedVisit final : public Visit, private OpenPoll {
 public:
  FeedVisit(FrontDesk& desk, http::Exchange& to, std::string_view through) : Visit(to, through), desk_(desk) {}
  ~FeedVisit() override { forget(); }
  FeedVisit(const FeedVisit&) = delete;
  FeedVisit& operator=(const FeedVisit&) = delete;

  void ask(engine::ReadGates asked) {
    if (asked.wait.count() > 0) {
      waits = true;
      if (polls().closed()) asked.wait = milliseconds(0);
      polls().add(*this);
      watched_ = true;
      exchange.when_client_gone([this] { leave(); });
    }
    question = std::move(asked);
    desk_.ask(*this, exchange.io());
  }

 protected:
  http::Response reply() override {
    forget();
    const auto* read = std::get_if<engine::GatesRead>(&answer);
    if (read == nullptr) return unavailable_reply(std::get<locks::Unavailable>(std::get<locks::Outcome>(answer)));
    // An empty answer would be asked again at once.
    if (waits && read->gates.empty() && polls().closed())
      return unavailable_reply({"the server is stopping", false});
    return gate_feed_reply(*read);
  }

 private:
  void leave() noexcept override { say(desk_, exchange.io(), engine::Leave{"", "", this}); }
  OpenPolls& polls() const { return desk_.polls(exchange.io()); }
  void forget() noexcept {
    if (std::exchange(watched_, false)) polls().remove(*this);
  }

  FrontDesk& desk_;
  bool watched_ = false;  // known to polls()
};

}  // namespace

bool asks_for_gate_feed(std::string_view query) {
  return parameter(query, "wait") || parameter(query, "since");
}

std::variant<std::string, engine::ReadGates> parse_gate_feed_query(std::string_view query) {
  engine::ReadGates asked;
  if (parameter(query, "status").value_or("") != "released") return "wait and since need status=released";
  if (parameter(query, "after")) return "after is for lists: a feed goes on from since";
  asked.cursor = parameter(query, "since").value_or("");
  if (const auto wait = parameter(query, "wait")) {
    auto parsed = locks::parse_duration(*wait);
    if (const auto* fault = std::get_if<locks::DurationFault>(&parsed)) return "wait: " + fault->text;
    asked.wait = std::get<milliseconds>(parsed);
  }
  if (const auto limit = parameter(query, "limit")) {
    const auto number = whole_number(*limit);
    if (!number || *number == 0) return "limit is not a whole number of 1 or more";
    asked.limit = std::min<std::uint64_t>(*number, asked.limit);
  }
  return asked;
}

void serve_gate_feed(FrontDesk& desk, http::Exchange& exchange, engine::ReadGates asked, std::string_view door,
                     std::string user) {
  auto owned = std::make_unique<FeedVisit>(desk, exchange, door);
  FeedVisit& visit = *owned;
  visit.user = std::move(user);
  exchange.attachment = std::move(owned);
  visit.ask(std::move(asked));
}

}  // namespace lockkeeper::server
