#include "client/gate_client.h"

#include <utility>

#include "client/server_answer.h"
#include "locks/duration.h"
#include "wire/gate_json.h"

namespace lockkeeper::client {
namespace {

using http::ClientResponse;
using std::chrono::milliseconds;

Gate gate_of(wire::GateView&& view) {
  return {.id = std::move(view.id),
          .status = std::move(view.status),
          .workflow = std::move(view.workflow),
          .workflow_namespace = std::move(view.workflow_namespace),
          .created = std::move(view.created),
          .last_change = std::move(view.last_change),
          .note = std::move(view.note),
          .json = std::move(view.json)};
}

}  // namespace

class GateClient::Impl {
 public:
  explicit Impl(Settings settings)
      : base_(without_end_slashes(std::move(settings.uri))),
        client_(std::move(settings.http)),
        timeout_(settings.request_timeout) {
    http::require_base_url(base_);
  }

  // nullopt: the id is not known.
  std::optional<ClientResponse> about(const char* method, const std::string& id, std::string body = {}) {
    ClientResponse response = send(method, "/lock/?id=" + http::encode_segment(id), std::move(body));
    if (response.status == 404 && wire::is_unknown_gate(response.body)) return std::nullopt;
    require_ok(base_, response);
    return response;
  }

  std::optional<Gate> gate(const char* method, const std::string& id, std::string body = {}) {
    const auto response = about(method, id, std::move(body));
    if (!response) return std::nullopt;
    return read(*response);
  }

  Gate read(const ClientResponse& response) const { return gate_of(read_answer(base_, response, wire::read_gate)); }

  Gate create(const wire::CreateGateBody& body) {
    const ClientResponse response = send("POST", "/lock", wire::write_body(body));
    require_ok(base_, response);
    return read(response);
  }

  GateFeed released(const std::string& cursor, milliseconds wait) {
    std::string target = "/locks?status=released&wait=" + http::encode_segment(locks::exact_duration(wait));
    if (!cursor.empty()) target += "&since=" + http::encode_segment(cursor);
    const ClientResponse response = send("GET", target, {}, wait);
    require_ok(base_, response);
    auto view = read_answer(base_, response, wire::read_gate_feed);
    GateFeed feed{{}, std::move(view.cursor), view.reset};
    for (wire::GateView& gate : view.gates) feed.gates.push_back(gate_of(std::move(gate)));
    return feed;
  }

  const http::Interrupt* interrupt = nullptr;

 private:
  // `longer`: the server may take that much more time than for any other request.
  ClientResponse send(const char* method, const std::string& target, std::string body,
                      milliseconds longer = milliseconds(0)) {
    http::ClientRequest request;
    request.method = method;
    request.url = base_ + target;
    if (!body.empty()) request.headers.emplace_back("Content-Type", "application/json");
    request.body = std::move(body);
    request.timeout = timeout_ + longer;
    return client_.send(request, interrupt);
  }

  std::string base_;
  http::Client client_;
  milliseconds timeout_;
};

GateClient::GateClient(Settings settings) : impl_(std::make_unique<Impl>(std::move(settings))) {}
GateClient::~GateClient() = default;

void GateClient::set_interrupt(const http::Interrupt* interrupt) {
  impl_->interrupt = interrupt;
}

Gate GateClient::create(const std::string& workflow, const std::string& workflow_namespace, const std::string& id) {
  return impl_->create({workflow, workflow_namespace, id});
}

std::optional<Gate> GateClient::get(const std::string& id) {
  return impl_->gate("GET", id);
}

std::optional<Gate> GateClient::release(const std::string& id) {
  return impl_->gate("PATCH", id);
}

bool GateClient::remove(const std::string& id) {
  return impl_->about("DELETE", id).has_value();
}

std::optional<Gate> GateClient::set_note(const std::string& id, const std::string& note) {
  return impl_->gate("PUT", id, wire::write_body(wire::NoteGateBody{note}));
}

GateFeed GateClient::released(const std::string& cursor, milliseconds wait) {
  return impl_->released(cursor, wait);
}

std::string new_gate_id() {
  return wire::random_uuid(new_request_id());
}

}  // namespace lockkeeper::client
