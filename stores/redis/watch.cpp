#include "stores/redis/watch.h"

#include <charconv>
#include <iterator>
#include <string_view>
#include <utility>

namespace lockkeeper::stores::redis {
namespace {

// Up to its colon, which goes too.
template <class Number>
bool take(std::string_view& text, Number& number) {
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (fault != std::errc() || end == text.data() + text.size() || *end != ':') return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()) + 1);
  return true;
}

}  // namespace

std::vector<engine::Changed> parse_changes(std::string_view text) {
  std::vector<engine::Changed> all;
  locks::Version version = 0;
  std::size_t bytes = 0;
  while (take(text, version) && take(text, bytes) && bytes <= text.size()) {
    all.push_back({std::string(text.substr(0, bytes)), version});
    text.remove_prefix(bytes);
  }
  return all;
}

Watch::Watch(Loop& loop, Address address, std::chrono::milliseconds timeout, std::string channel, Events events)
    : timeout_(timeout),
      channel_(std::move(channel)),
      events_(std::move(events)),
      link_(loop, std::move(address), timeout,
            {[this](Link::Greeted done) { subscribe(done); }, [this] { events_.up(std::exchange(was_up_, true)); },
             [this](const Fault& fault) { events_.down(fault); },
             [this](Reply& message) {
               auto some = parse_changes(message.elements[2].text);
               heard_.insert(heard_.end(), std::make_move_iterator(some.begin()),
                             std::make_move_iterator(some.end()));
             },
             [this] {
               if (!heard_.empty()) events_.changed(std::exchange(heard_, {}));
             }}) {}

void Watch::subscribe(const Link::Greeted& done) {
  link_.connection().send({"SUBSCRIBE", channel_}, Connection::Clock::now() + timeout_, [done](Reply& reply) {
    if (reply.failed()) return done({reply.text, reply.kind == Reply::Kind::error && !reply.error("LOADING")});
    done({});
  });
}

}  // namespace lockkeeper::stores::redis
