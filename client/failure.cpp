#include "client/failure.h"

#include "client/lock_client.h"
#include "http/client.h"
#include "wire/record_json.h"

namespace lockkeeper::client {
namespace {

Failure failure_of(const http::HttpError& error) {
  using Kind = http::HttpError::Kind;
  Failure failure;
  failure.text = error.what();
  failure.sort = -1 - static_cast<int>(error.kind);
  switch (error.kind) {
    case Kind::bad_url:
    case Kind::certificate:
      break;
    case Kind::resolve:
    case Kind::connect:
    case Kind::tls:
      failure.may_pass = true;
      break;
    case Kind::timeout:
    case Kind::broken:
      failure.may_pass = failure.unknown = true;
      break;
    case Kind::too_large:
      failure.unknown = true;
      break;
    case Kind::interrupted:
      failure.ended = failure.unknown = true;
      break;
  }
  return failure;
}

Failure failure_of(const ServerError& error) {
  return {.may_pass = error.may_pass(),
          .unknown = error.status >= 500 || error.status < 300,  // 2xx: an answer that could not be read
          .sort = static_cast<int>(error.status),
          .text = error.what(),
          .retry_after = error.retry_after};
}

}  // namespace

Failure current_failure() {
  try {
    throw;
  } catch (const http::HttpError& error) {
    return failure_of(error);
  } catch (const ServerError& error) {
    return failure_of(error);
  } catch (const wire::WireError& error) {
    return {.unknown = true, .text = error.what()};
  }
}

}  // namespace lockkeeper::client
