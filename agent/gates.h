// The lock API as the agent uses it; client::GateClient behind an interface, so that a test can be it.
#pragma once

#include <optional>
#include <string>

#include "client/gate_client.h"

namespace lockkeeper::agent {

// Each throws as GateClient's.
class Gates {
 public:
  virtual ~Gates() = default;
  virtual client::GateFeed released(const std::string& cursor, std::chrono::milliseconds wait) = 0;
  virtual std::optional<client::Gate> get(const std::string& id) = 0;
  virtual void remove(const std::string& id) = 0;  // one that is not there is fine
  virtual void note(const std::string& id, const std::string& text) = 0;
};

class RemoteGates : public Gates {
 public:
  RemoteGates(client::Settings settings, const http::Interrupt* interrupt) : client_(std::move(settings)) {
    client_.set_interrupt(interrupt);
  }
  client::GateFeed released(const std::string& cursor, std::chrono::milliseconds wait) override {
    return client_.released(cursor, wait);
  }
  std::optional<client::Gate> get(const std::string& id) override { return client_.get(id); }
  void remove(const std::string& id) override { client_.remove(id); }
  void note(const std::string& id, const std::string& text) override { client_.set_note(id, text); }

 private:
  client::GateClient client_;
};

}  // namespace lockkeeper::agent
