#include <chrono>
#include <future>
#include <memory>
#include <variant>

#include "stores/redis/connection.h"
#include "stores/redis/redis_store.h"
#include "tests/contract/real_store.h"
#include "tests/contract/shared_contract.h"

namespace lockkeeper::contract {
namespace {

class RedisPlace final : public Place {
 public:
  engine::Store& store() override {
    store_ = another();
    return *store_;
  }

  std::unique_ptr<engine::Store> another() override { return std::make_unique<stores::RedisStore>(options()); }

  stores::RedisOptions options() const { return stores::redis_options(settings_for(url_)); }

 private:
  stores::StoreUrl url_ = fresh_place();
  std::unique_ptr<engine::Store> store_;
};

INSTANTIATE_TEST_SUITE_P(Redis, StoreContract, testing::Values(Place::Maker(make_shared_place)));

// One command, by whoever is not a store.
void tell(const stores::RedisOptions& options, const stores::redis::Command& command) {
  stores::redis::Address address;
  address.host = options.host;
  address.port = options.port;
  std::promise<bool> done;
  stores::redis::Loop loop;
  stores::redis::Connection connection(loop, address, {});
  loop.start();
  loop.hand_over([&] {
    connection.connect(std::chrono::seconds(10), [&](const stores::redis::Fault&) {
      connection.send(command, std::chrono::steady_clock::now() + std::chrono::seconds(10),
                      [&](stores::redis::Reply& reply) { done.set_value(!reply.failed()); });
      connection.flush();
    });
  });
  EXPECT_TRUE(done.get_future().get());
  loop.stop();
}

class RedisContract : public StoreContract {};

INSTANTIATE_TEST_SUITE_P(Redis, RedisContract, testing::Values(Place::Maker(make_shared_place)));

TEST_P(RedisContract, what_is_refused_because_the_floor_is_gone_was_not_written) {
  const auto first = create("first");
  const auto second = create("second");
  const auto options = dynamic_cast<RedisPlace&>(*place_).options();
  tell(options, {"HDEL", options.prefix + ":meta", "floor"});
  const auto next = [](locks::Version expected) { return change(expected, head(expected + 1, true, at(9))); };
  const auto answers = ask_all(
      {engine::Commit{"first", next(first.head.version)}, engine::Commit{"second", next(second.head.version + 7)}});
  for (const Answer& answer : answers) {
    ASSERT_TRUE(std::holds_alternative<engine::Failed>(answer));
    EXPECT_EQ(std::get<engine::Failed>(answer).kind, engine::Failed::Kind::unavailable);
  }
  tell(options, {"HSET", options.prefix + ":meta", "floor", "0"});
  const auto other = place_->another();
  Inbox inbox;
  other->open(inbox);
  engine::Operation read;
  read.question = engine::Read{"first"};
  other->begin(&read);
  ASSERT_TRUE(inbox.wait_for(1));
  other->close();
  EXPECT_EQ(std::get<engine::Found>(read.answer).record, first);
}

}  // namespace

std::unique_ptr<Place> make_shared_place() {
  return std::make_unique<RedisPlace>();
}

}  // namespace lockkeeper::contract
