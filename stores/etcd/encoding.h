// Plain values to etcd's messages and back.
#pragma once

#include <string>
#include <string_view>

#include "stores/etcd/messages.h"

namespace lockkeeper::stores::etcd {

std::string encode(Txn txn);
std::string encode(Put put);
// False: these are not the bytes of such an answer.
bool decode(std::string_view bytes, TxnReply& reply);

}  // namespace lockkeeper::stores::etcd
