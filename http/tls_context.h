// The server's side of TLS: one OpenSSL context, replaced as a whole when the certificate changes.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <memory>

#include "http/listener.h"

namespace lockkeeper::http {

// TLS 1.2 or newer, the server's order of ciphers, HTTP/1.1 as the only protocol of ALPN.
// Throws ListenError when certificate or key do not load or do not belong together.
std::shared_ptr<boost::asio::ssl::context> load_tls(const TlsSettings& settings);

}  // namespace lockkeeper::http
