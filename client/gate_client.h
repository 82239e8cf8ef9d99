// Gates (workflow locks) at a server's workflow door. Blocking, not thread-safe; errors as LockClient's.
//
// An unknown id is a value, not an error: a gate that is gone was deleted by somebody else. (But 404 from what is
// no workflow door is ServerError{404}.)
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/lock_client.h"

namespace lockkeeper::client {

struct Gate {
  std::string id;      // a UUID
  std::string status;  // "locked", "released"
  std::string workflow;
  std::string workflow_namespace;
  std::string created, last_change;  // RFC 3339 in UTC with milliseconds
  std::string note;                  // why it could not be resumed; empty: none
  std::string json;                  // the object as the server wrote it
};

// What has been released since a cursor, oldest release first.
struct GateFeed {
  std::vector<Gate> gates;
  std::string cursor;  // to go on from; good at that server process only
  bool reset = false;  // the cursor was not known (any more): `gates` begins at the start
};

class GateClient {
 public:
  // settings.uri is the door's: "http://host:8081", or "http://host:3000/workflow".
  explicit GateClient(Settings settings);  // throws http::HttpError{bad_url}
  ~GateClient();

  // Of every call from here on; null: none.
  void set_interrupt(const http::Interrupt* interrupt);

  // `id`: a UUID of the caller's, with which asking again makes no second one; empty: the server gives one.
  Gate create(const std::string& workflow, const std::string& workflow_namespace, const std::string& id = "");
  std::optional<Gate> get(const std::string& id);
  // Releasing one that is released changes nothing.
  std::optional<Gate> release(const std::string& id);
  bool remove(const std::string& id);  // false: there was none
  // `note` empty takes it away. Shown by get().
  std::optional<Gate> set_note(const std::string& id, const std::string& note);
  // A long poll: answers at once when there is something after `cursor` ("": from the start), else when something
  // is released or `wait` is over. A page may be a part; ask again from its cursor.
  GateFeed released(const std::string& cursor, std::chrono::milliseconds wait);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// A random id, for create().
std::string new_gate_id();

}  // namespace lockkeeper::client
