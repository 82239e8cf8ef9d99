#include "http/transport.h"

#include <poll.h>

namespace lockkeeper::http {

Transport::Transport(Socket socket, Context* tls) : socket_(std::move(socket)) {
  error_code ec;
  socket_.non_blocking(true, ec);
  if (tls != nullptr) tls_ = std::make_unique<TlsStream>(socket_, *tls);
}

std::string Transport::peer() const {
  error_code ec;
  const auto endpoint = socket_.remote_endpoint(ec);
  if (ec) return "unknown";
  const auto address = endpoint.address();
  const std::string text = address.to_string();
  return (address.is_v6() ? "[" + text + "]" : text) + ":" + std::to_string(endpoint.port());
}

bool Transport::client_gone() const {
  pollfd look{const_cast<Socket&>(socket_).native_handle(), POLLRDHUP, 0};
  return poll(&look, 1, 0) == 1 && (look.revents & (POLLRDHUP | POLLERR | POLLHUP | POLLNVAL)) != 0;
}

void Transport::cancel() {
  error_code ec;
  socket_.cancel(ec);
}

void Transport::finish_sending() {
  error_code ec;
  socket_.shutdown(Socket::shutdown_send, ec);
}

void Transport::close() {
  error_code ec;
  socket_.shutdown(Socket::shutdown_both, ec);
  socket_.close(ec);
}

}  // namespace lockkeeper::http
