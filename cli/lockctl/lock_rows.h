// Locks, claims, waiters and events as rows of columns.
#pragma once

#include <vector>

#include "cli/lockctl/columns.h"
#include "locks/change.h"
#include "wire/native_json.h"

namespace lockkeeper::cli::lockctl {

struct Columns {
  std::vector<Column> columns;
  std::vector<Row> rows;
};

Columns columns_of(const std::vector<wire::LockView>& locks);
Columns columns_of(const std::vector<wire::ClaimView>& claims);
Columns columns_of(const std::vector<wire::WaiterView>& queue);
Columns columns_of(const std::vector<locks::Event>& events);

// "held by alice@bastion since ... (3m10s), 2 waiting"; "free".
std::string state_text(const wire::LockView& lock);

}  // namespace lockkeeper::cli::lockctl
