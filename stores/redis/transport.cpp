#include "stores/redis/transport.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/write.hpp>
#include <stdexcept>
#include <utility>

#include "stores/redis/loop_inside.h"

namespace lockkeeper::stores::redis {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

std::string text(const error_code& error) {
  if (error == asio::error::eof) return "the connection was closed";
  return error.message();
}

// What TCP and TLS have in common. Every handler keeps it alive, and calls nobody once it is closed.
class Base : public Transport, public std::enable_shared_from_this<Base> {
 public:
  Base(Loop& loop, const Address& address) : address_(address), resolver_(loop.inside().context) {}

  void open(Done done) final {
    done_ = std::move(done);
    resolver_.async_resolve(
        address_.host, std::to_string(address_.port),
        [self = shared_from_this()](const error_code& error, const tcp::resolver::results_type& found) {
          if (self->closed_) return;
          if (error) return self->opened("no address for " + self->address_.host + ": " + text(error));
          self->connect(found);
        });
  }

  void close() noexcept final {
    if (std::exchange(closed_, true)) return;
    resolver_.cancel();
    error_code ignored;
    socket().close(ignored);
    done_ = nullptr;
  }

 protected:
  virtual tcp::socket& socket() = 0;
  virtual void connected() = 0;

  void opened(const std::string& fault) {
    if (!closed_) std::exchange(done_, nullptr)(fault);
  }
  bool closed() const { return closed_; }
  const Address& address() const { return address_; }

 private:
  void connect(const tcp::resolver::results_type& found) {
    asio::async_connect(socket(), found,
                        [self = shared_from_this()](const error_code& error, const tcp::endpoint&) {
                          if (self->closed_) return;
                          if (error) return self->opened(text(error));
                          error_code ignored;
                          self->socket().set_option(tcp::no_delay(true), ignored);
                          self->connected();
                        });
  }

  const Address address_;
  tcp::resolver resolver_;
  Done done_;
  bool closed_ = false;
};

template <class Stream>
class Streaming : public Base {
 public:
  template <class... Rest>
  Streaming(Loop& loop, const Address& address, Rest&... rest)
      : Base(loop, address), stream_(loop.inside().context, rest...) {}

  void read(char* to, std::size_t at_most, Read done) final {
    stream_.async_read_some(asio::buffer(to, at_most), [self = shared_from_this(), this, done = std::move(done)](
                                                           const error_code& error, std::size_t number) {
      if (!closed()) done(error ? text(error) : std::string(), number);
    });
  }

  void write(const std::string& bytes, Done done) final {
    asio::async_write(
        stream_, asio::buffer(bytes),
        [self = shared_from_this(), this, done = std::move(done)](const error_code& error, std::size_t) {
          if (!closed()) done(error ? text(error) : std::string());
        });
  }

 protected:
  Stream stream_;
};

class Plain final : public Streaming<tcp::socket> {
 public:
  using Streaming::Streaming;

 private:
  tcp::socket& socket() override { return stream_; }
  void connected() override { opened({}); }
};

// Before the stream that needs it.
struct Context {
  explicit Context(const Address& address) {
    context.set_options(asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1);
    if (address.ca.empty()) {
      context.set_default_verify_paths();
    } else {
      file("ca", address.ca, [&](error_code& error) { context.load_verify_file(address.ca, error); });
    }
    if (address.certificate.empty()) return;
    file("cert", address.certificate,
         [&](error_code& error) { context.use_certificate_chain_file(address.certificate, error); });
    const std::string& key = address.key.empty() ? address.certificate : address.key;
    file("key", key, [&](error_code& error) { context.use_private_key_file(key, asio::ssl::context::pem, error); });
  }

  template <class Use>
  static void file(const char* what, const std::string& path, Use use) {
    error_code error;
    use(error);
    if (error) throw std::runtime_error(std::string("cannot use ") + what + "=" + path + ": " + error.message());
  }

  asio::ssl::context context{asio::ssl::context::tls_client};
};

class Tls final : private Context, public Streaming<asio::ssl::stream<tcp::socket>> {
 public:
  Tls(Loop& loop, const Address& address) : Context(address), Streaming(loop, address, context) {
    stream_.set_verify_mode(asio::ssl::verify_peer);
    const std::string& name = address.server_name.empty() ? address.host : address.server_name;
    stream_.set_verify_callback(asio::ssl::host_name_verification(name));
    error_code no_address;
    asio::ip::make_address(name, no_address);
    if (!no_address) return;
    // SSL_set_tlsext_host_name(), without its cast.
    SSL_ctrl(stream_.native_handle(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
             const_cast<char*>(name.c_str()));
  }

 private:
  tcp::socket& socket() override { return stream_.next_layer(); }
  void connected() override {
    stream_.async_handshake(asio::ssl::stream_base::client,
                            [self = shared_from_this(), this](const error_code& error) {
                              opened(error ? "TLS: " + text(error) : std::string());
                            });
  }
};

}  // namespace

std::string Address::shown() const {
  return (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + std::to_string(port);
}

std::shared_ptr<Transport> make_transport(Loop& loop, const Address& address) {
  if (address.tls) return std::make_shared<Tls>(loop, address);
  return std::make_shared<Plain>(loop, address);
}

}  // namespace lockkeeper::stores::redis
