#include "stores/module.h"

#include "stores/dynamodb/dynamodb_store.h"
#include "stores/dynamodb/settings.h"

namespace {

using namespace lockkeeper;

std::unique_ptr<engine::Store> make(stores::StoreSettings settings) {
  return std::make_unique<stores::DynamoStore>(
      stores::dynamodb::read_settings(settings.url, stores::dynamodb::process_environment),
      std::move(settings.warn), std::move(settings.info));
}

template <class Value>
void lower(Value& value, Value usual, Value here) {
  if (value == usual) value = here;
}

// All of a lock is one item of 400 KB at most, and written whole with each change: a full one of these limits, with
// names and holders of usual length, is far below that, and what is not is refused by its size.
void adjust(const stores::StoreUrl& url, engine::Settings& settings) {
  const locks::Limits usual;
  lower<std::uint64_t>(settings.limits.claim_rows, usual.claim_rows, 250);
  lower<std::size_t>(settings.limits.holders, usual.holders, 250);
  lower<std::size_t>(settings.limits.waiters, usual.waiters, 250);
  lower<std::size_t>(settings.limits.closed_names, usual.closed_names, 512);
  const auto poll = stores::dynamodb::read_settings(url, stores::dynamodb::process_environment).poll;
  lower(settings.look_again, engine::Settings().look_again, poll);
}

const stores::StoreKind kind{.make = make, .adjust = adjust};

}  // namespace

LOCKKEEPER_STORE_MODULE(kind)
