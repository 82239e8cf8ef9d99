#include "cli/stormlock/etcd/etcd_backend.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "cli/stormlock/etcd/asking.h"
#include "cli/stormlock/etcd/record.h"
#include "cli/stormlock/etcd/settings.h"
#include "cli/stormlock/lease_id.h"
#include "cli/stormlock/lost_answer.h"

namespace lockkeeper::cli::stormlock {
namespace {

namespace etcd = stores::etcd;
using etcd::Failure;
using etcd::Txn;
using etcd::TxnReply;

template <class Reply>
Reply sound(etcd::Result<Reply> result, const std::string& more = {}) {
  if (const auto* failure = std::get_if<Failure>(&result)) throw BackendError(failure->why + more);
  return std::get<Reply>(std::move(result));
}

etcd::Compare is_absent(const std::string& key) {
  etcd::Compare compare;
  compare.key = key;
  compare.of = etcd::Compare::Of::create_revision;
  return compare;
}

etcd::Compare is_value(const std::string& key, const std::string& value) {
  etcd::Compare compare;
  compare.key = key;
  compare.value = value;
  return compare;
}

Lease shown(const Record& record) {
  return {record.id, record.principal.value_or(""), record.created.value_or(Moment())};
}

// Random, positive, and of 16 digits, as most of etcd's own.
std::int64_t new_etcd_lease() {
  const std::string random = new_lease_id();
  std::uint64_t bits = 0;
  std::memcpy(&bits, random.data(), sizeof bits);
  return static_cast<std::int64_t>((bits >> 2U) | 1ULL << 62U);
}

class EtcdBackend final : public Backend {
 public:
  explicit EtcdBackend(EtcdSettings settings) : settings_(std::move(settings)) {}

  using Backend::acquire;

  // Looks first: a refusal leaves no etcd lease behind.
  std::variant<Lease, Held> acquire(const Wish& wish) override {
    const Keys keys = connected(wish.resource);
    for (int i = 0; i < 3; ++i) {
      if (const auto record = sound(read(keys))) return Held{shown(*record)};
      const std::int64_t granted = grant(wish.ttl);
      if (auto lease = try_to_put(keys, wish, granted)) return *std::move(lease);
    }
    return Held{};
  }

  void release(const std::string& resource, const std::string& id) override {
    const std::string canonical = lease_id(etcd_lease(id));
    const Keys keys = connected(resource);
    Txn txn;
    txn.when.push_back(is_value(keys.id, canonical));
    txn.then = reading(keys);
    for (const auto* key : {&keys.id, &keys.principal, &keys.created})
      txn.then.emplace_back(etcd::Delete{*key, {}});
    const TxnReply reply =
        sound(etcd_->txn(std::move(txn)),
              "; whether the lock was released is not known: release it again, that does no harm");
    if (!reply.succeeded) return;
    // An etcd lease that nothing goes with any more.
    const auto record = record_of(reply);
    if (record && record->etcd_lease == etcd_lease(id)) etcd_->revoke(record->etcd_lease);
  }

  // etcd renews whatever lease there is: this one has to be this lock's, before and after.
  bool renew(const std::string& resource, const std::string& id, std::chrono::seconds) override {
    const std::int64_t lease = etcd_lease(id);
    const Keys keys = connected(resource);
    const auto is_this = [&] {
      const auto record = sound(read(keys));
      return record && record->id == lease_id(lease) && record->etcd_lease == lease;
    };
    if (!is_this()) return false;
    const auto kept = sound(etcd_->keep_alive(lease),
                            "; whether the lock was renewed is not known: renew it again, that does no harm");
    return kept.ttl.count() > 0 && is_this();
  }

  std::optional<Lease> current(const std::string& resource) override {
    const auto record = sound(read(connected(resource)));
    if (!record) return std::nullopt;
    if (!record->principal || !record->created) {
      throw BackendError("etcd: the record of '" + resource + "' is damaged: " + (record->principal ? "/c" : "/p") +
                         " cannot be read; its lease id is " + record->id + ", which releases it");
    }
    return shown(*record);
  }

  bool is_held(const std::string& resource, const std::string& id) override {
    etcd_lease(id);  // or it is no id
    const auto record = sound(read(connected(resource)));
    return record && record->id == id;
  }

 private:
  Keys connected(const std::string& resource) {
    Keys keys(settings_.prefix, resource);
    if (!etcd_) {
      settings_.client.probe_key = keys.id;
      etcd_ = std::make_unique<Asking>(settings_.client);
    }
    return keys;
  }

  etcd::Result<std::optional<Record>> read(const Keys& keys) {
    Txn txn;
    txn.then = reading(keys);
    auto result = etcd_->txn(std::move(txn));
    if (auto* failure = std::get_if<Failure>(&result)) return std::move(*failure);
    return record_of(std::get<TxnReply>(result));
  }

  // The number is our own: what was granted and not heard of can be given back.
  std::int64_t grant(std::chrono::seconds ttl) {
    const std::int64_t lease = new_etcd_lease();
    auto result = etcd_->grant(lease, ttl);
    const auto* failure = std::get_if<Failure>(&result);
    if (failure == nullptr) return lease;
    if (failure->kind == Failure::Kind::unknown) {
      etcd_->reach_again();
      etcd_->revoke(lease);
    }
    throw BackendError(failure->why + "; the lock was not taken");
  }

  // nullopt: somebody else was faster, and the granted lease is gone again.
  std::optional<Lease> try_to_put(const Keys& keys, const Wish& wish, std::int64_t granted) {
    const auto now = std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
    const Lease lease{lease_id(granted), wish.principal, now};
    Txn txn;
    txn.when.push_back(is_absent(keys.id));
    txn.then.emplace_back(etcd::Put{keys.id, lease.id, granted});
    txn.then.emplace_back(etcd::Put{keys.principal, lease.principal, granted});
    txn.then.emplace_back(etcd::Put{keys.created, created_bytes(now), granted});
    const auto result = etcd_->txn(std::move(txn));
    if (const auto* failure = std::get_if<Failure>(&result)) {
      etcd_->reach_again();
      if (is_there(keys, lease.id)) return lease;
      // Without its lease, a transaction that is still on its way fails.
      if (withdrawn(granted)) throw BackendError(failure->why + "; the lock was not taken");
      throw perhaps_taken(failure->why, wish.resource, lease.id);
    }
    if (std::get<TxnReply>(result).succeeded) return lease;
    etcd_->revoke(granted);
    return std::nullopt;
  }

  bool is_there(const Keys& keys, const std::string& id) {
    const auto found = read(keys);
    const auto* record = std::get_if<std::optional<Record>>(&found);
    return record != nullptr && *record && (*record)->id == id;
  }

  bool withdrawn(std::int64_t granted) { return std::holds_alternative<std::monostate>(etcd_->revoke(granted)); }

  EtcdSettings settings_;
  std::unique_ptr<Asking> etcd_;
};

}  // namespace

std::unique_ptr<Backend> make_etcd_backend(const Section& section) {
  setenv("GRPC_VERBOSITY", "NONE", 0);  // what it has to say is in the errors
  return std::make_unique<EtcdBackend>(etcd_settings(section));
}

}  // namespace lockkeeper::cli::stormlock
