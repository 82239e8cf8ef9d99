#include "stores/redis/connection.h"

#include <algorithm>
#include <exception>
#include <string_view>
#include <utility>

namespace lockkeeper::stores::redis {
namespace {

constexpr std::size_t kRead = 64 * 1024;  // bytes at a time

// Redis quotes the words of a command that it does not know: AUTH's hold the password.
std::string without_password(const Reply& reply) {
  const bool plain = reply.kind != Reply::Kind::error || reply.text.starts_with("WRONGPASS ") ||
                     reply.text.starts_with("LOADING ") || reply.text == "ERR invalid password";
  return plain ? reply.text : "Redis refuses this command (its words may hold the password, and are left out)";
}

}  // namespace

Connection::Connection(Loop& loop, Address address, Events events)
    : loop_(loop), address_(std::move(address)), events_(std::move(events)), in_(kRead), timer_(loop) {}

Connection::~Connection() {
  if (transport_) transport_->close();
}

void Connection::connect(std::chrono::milliseconds at_most, std::function<void(const Fault&)> done) {
  if (transport_) close("connected anew");
  connecting_ = std::move(done);
  reader_ = std::make_unique<Reader>();
  try {
    transport_ = make_transport(loop_, address_);
  } catch (const std::exception& error) {
    return settle({error.what(), true});
  }
  alarm_ = Clock::now() + at_most;
  timer_.start(at_most, [this] { settle({"no answer in time"}); });
  transport_->open([this, at_most](const std::string& fault) {
    if (!fault.empty()) return settle({fault});
    read();
    introduce(at_most);
  });
}

// What goes first over each connection.
void Connection::introduce(std::chrono::milliseconds at_most) {
  const auto deadline = std::max(alarm_, Clock::now() + at_most / 2);
  alarm_ = Clock::time_point::max();
  connected_ = true;  // for send()
  const auto expect_ok = [this](const char* what) {
    return [this, what](Reply& reply) {
      if (!connecting_ || reply.is("OK")) return;
      const std::string why = std::string_view(what) == "AUTH" ? without_password(reply) : reply.text;
      settle({std::string(what) + ": " + why, reply.kind == Reply::Kind::error && !reply.error("LOADING")});
    };
  };
  if (!address_.user.empty()) {
    send({"AUTH", address_.user, address_.password}, deadline, expect_ok("AUTH"));
  } else if (!address_.password.empty()) {
    send({"AUTH", address_.password}, deadline, expect_ok("AUTH"));
  }
  if (address_.database != 0) {
    send({"SELECT", std::to_string(address_.database)}, deadline, expect_ok("SELECT"));
  }
  if (!address_.client_name.empty()) send({"CLIENT", "SETNAME", address_.client_name}, deadline, [](Reply&) {});
  send({"PING"}, deadline, [this](Reply& reply) {
    if (!connecting_) return;
    if (reply.kind == Reply::Kind::error) return settle({reply.text, !reply.error("LOADING")});
    settle({});
  });
  flush();
}

// The end of connect(), either way.
void Connection::settle(const Fault& fault) {
  if (!connecting_) return;
  const auto done = std::exchange(connecting_, nullptr);
  if (!fault.why.empty()) close(fault.why);
  done(fault);
}

void Connection::send(const Command& command, Clock::time_point deadline, Handler handler) {
  if (!connected_) {
    Reply lost;
    lost.text = "not connected";
    return handler(lost);
  }
  command.append_to(out_);
  pending_.push_back({deadline, std::move(handler)});
  if (deadline < alarm_) watch_time(deadline);
}

void Connection::flush() {
  if (writing_ || out_.empty() || !connected_) return;
  writing_ = true;
  on_its_way_.clear();
  on_its_way_.swap(out_);
  transport_->write(on_its_way_, [this](const std::string& fault) {
    writing_ = false;
    if (!fault.empty()) return broke(fault);
    flush();
  });
}

void Connection::read() {
  transport_->read(in_.data(), in_.size(), [this](const std::string& fault, std::size_t number) {
    if (!fault.empty()) return broke(fault);
    received(number);
  });
}

void Connection::received(std::size_t number) {
  const auto transport = transport_;  // a handler may close it, or connect anew
  try {
    reader_->feed(in_.data(), number);
    while (transport == transport_) {
      Reply* reply = reader_->next();
      if (reply == nullptr) break;
      deliver(*reply);
    }
  } catch (const ProtocolError& error) {
    return broke(std::string("what answers there is no Redis: ") + error.what());
  }
  if (transport != transport_) return;
  if (events_.caught_up) events_.caught_up();
  if (transport == transport_) read();
}

void Connection::deliver(Reply& reply) {
  if (reply.kind == Reply::Kind::array && reply.elements.size() == 3 && reply.elements[0].is("message")) {
    if (events_.message) events_.message(reply);
    return;
  }
  if (pending_.empty()) return broke(reply.kind == Reply::Kind::error ? reply.text : "an answer to no question");
  const Handler handler = std::move(pending_.front().handler);
  pending_.pop_front();
  handler(reply);
}

void Connection::watch_time(Clock::time_point deadline) {
  alarm_ = deadline;
  timer_.start(deadline - Clock::now(), [this] { look_at_time(); });
}

void Connection::look_at_time() {
  alarm_ = Clock::time_point::max();
  if (pending_.empty()) return;
  const auto next = std::min_element(pending_.begin(), pending_.end(), [](const Pending& a, const Pending& b) {
                      return a.deadline < b.deadline;
                    })->deadline;
  if (next <= Clock::now()) return broke("no answer in time");
  watch_time(next);
}

void Connection::broke(const std::string& why) {
  if (connecting_) return settle({why});
  if (!connected_) return;
  close(why);
  if (events_.broken) events_.broken(why);
}

void Connection::close(const std::string& why) {
  connected_ = writing_ = false;
  timer_.stop();
  alarm_ = Clock::time_point::max();
  if (transport_) std::exchange(transport_, nullptr)->close();
  out_.clear();
  Reply lost;
  for (auto pending = std::exchange(pending_, {}); !pending.empty(); pending.pop_front()) {
    lost.kind = Reply::Kind::lost;
    lost.text = why;
    pending.front().handler(lost);
  }
}

}  // namespace lockkeeper::stores::redis
