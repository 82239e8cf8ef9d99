// dynamodb://TABLE?NAME=VALUE... The options, each with its default:
//
//   region           AWS_REGION; us-east-1 where an endpoint is given
//   endpoint         https://dynamodb.REGION.amazonaws.com; another one for emulators and private links
//   ca               FILE with certificates that are trusted instead of the system's
//   create           true: the table is made where there is none, billed by request
//   connections      16, each with a thread
//   timeout          1500ms, of an operation
//   connect_timeout  5s, for open() to find the table
//   poll             1s: how often a server looks for what others did
//   round            1h: the pause between two looks over the whole table, for old history and long-free locks
//
// Credentials come from the environment (credentials.h), never from the URL.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "stores/dynamodb/client.h"
#include "stores/store_url.h"

namespace lockkeeper::stores::dynamodb {

struct DynamoSettings {
  Connection connection;
  std::string table;
  bool create = true;
  std::size_t connections = 16;
  std::chrono::milliseconds timeout{1500};
  std::chrono::milliseconds connect_timeout{5000};
  std::chrono::milliseconds poll{1000};
  std::chrono::milliseconds round{3'600'000};
};

// Throws StoreError. `environment` gives region and credentials.
DynamoSettings read_settings(const StoreUrl& url, const Environment& environment);

}  // namespace lockkeeper::stores::dynamodb
