// The table, found or made, with the layout that this server knows.
#pragma once

#include <functional>
#include <string>

#include "stores/dynamodb/client.h"
#include "stores/dynamodb/settings.h"

namespace lockkeeper::stores::dynamodb {

// Tries for settings.connect_timeout to reach it (making it takes as long as it takes, a minute at most). Throws
// StoreError: no connection, not allowed, none and not to be made, or a table of something else.
void open_table(DynamoClient& client, const DynamoSettings& settings,
                const std::function<void(const std::string&)>& info);

}  // namespace lockkeeper::stores::dynamodb
