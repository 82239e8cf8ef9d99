#include "stores/etcd/encoding.h"

#include <rpc.pb.h>

#include <type_traits>
#include <utility>

namespace lockkeeper::stores::etcd {
namespace {

namespace pb = etcdserverpb;

void fill(Txn& from, pb::TxnRequest& to);

void fill(Compare& from, pb::Compare& to) {
  to.set_key(std::move(from.key));
  to.set_result(static_cast<pb::Compare::CompareResult>(from.is));
  to.set_target(static_cast<pb::Compare::CompareTarget>(from.of));
  switch (from.of) {
    case Compare::Of::version:
      return to.set_version(from.number);
    case Compare::Of::create_revision:
      return to.set_create_revision(from.number);
    case Compare::Of::mod_revision:
      return to.set_mod_revision(from.number);
    case Compare::Of::value:
      return to.set_value(std::move(from.value));
  }
}

void fill(Range& from, pb::RangeRequest& to) {
  to.set_key(std::move(from.key));
  to.set_range_end(std::move(from.end));
  to.set_limit(from.limit);
  to.set_revision(from.revision);
  if (from.descending) to.set_sort_order(pb::RangeRequest::DESCEND);
  to.set_keys_only(from.keys_only);
  to.set_count_only(from.count_only);
  to.set_serializable(from.serializable);
}

void fill(Put& from, pb::PutRequest& to) {
  to.set_key(std::move(from.key));
  to.set_value(std::move(from.value));
  to.set_lease(from.lease);
}

void fill(Delete& from, pb::DeleteRangeRequest& to) {
  to.set_key(std::move(from.key));
  to.set_range_end(std::move(from.end));
}

void fill(Step& step, pb::RequestOp& to) {
  if (auto* range = std::get_if<Range>(&step)) return fill(*range, *to.mutable_request_range());
  if (auto* put = std::get_if<Put>(&step)) return fill(*put, *to.mutable_request_put());
  if (auto* gone = std::get_if<Delete>(&step)) return fill(*gone, *to.mutable_request_delete_range());
  fill(*std::get<std::unique_ptr<Txn>>(step), *to.mutable_request_txn());
}

void fill(Txn& from, pb::TxnRequest& to) {
  for (auto& each : from.when) fill(each, *to.add_compare());
  for (auto& each : from.then) fill(each, *to.add_success());
  for (auto& each : from.otherwise) fill(each, *to.add_failure());
}

KeyValue taken(pb::KeyValue& from) {
  KeyValue to;
  to.key = std::move(*from.mutable_key());
  to.value = std::move(*from.mutable_value());
  to.create_revision = from.create_revision();
  to.mod_revision = from.mod_revision();
  to.version = from.version();
  to.lease = from.lease();
  return to;
}

Ranged taken(pb::RangeResponse& from) {
  Ranged to;
  to.kvs.reserve(static_cast<std::size_t>(from.kvs_size()));
  for (auto& each : *from.mutable_kvs()) to.kvs.push_back(taken(each));
  to.count = from.count();
  to.more = from.more();
  return to;
}

TxnReply taken(pb::TxnResponse& from) {
  TxnReply to;
  to.succeeded = from.succeeded();
  to.revision = from.header().revision();
  to.steps.reserve(static_cast<std::size_t>(from.responses_size()));
  for (auto& each : *from.mutable_responses()) {
    to.steps.push_back(each.has_response_range() ? taken(*each.mutable_response_range()) : Ranged());
    if (each.has_response_txn()) to.nested.push_back(taken(*each.mutable_response_txn()));
  }
  return to;
}

}  // namespace

std::string encode(Txn txn) {
  pb::TxnRequest request;
  fill(txn, request);
  return request.SerializeAsString();
}

std::string encode(Put put) {
  pb::PutRequest request;
  fill(put, request);
  return request.SerializeAsString();
}

bool decode(std::string_view bytes, TxnReply& reply) {
  pb::TxnResponse response;
  if (!response.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return false;
  reply = taken(response);
  return true;
}

}  // namespace lockkeeper::stores::etcd
