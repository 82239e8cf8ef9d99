#include "cli/trouble.h"

#include "client/lock_client.h"
#include "http/client.h"

namespace lockkeeper::cli {
namespace {

using Sort = Trouble::Sort;

Trouble trouble_of(const http::HttpError& error) {
  using Kind = http::HttpError::Kind;
  Trouble trouble{.what = error.what()};
  switch (error.kind) {
    case Kind::bad_url:
      trouble.sort = Sort::address;
      break;
    case Kind::certificate:
      trouble.sort = Sort::certificate;
      break;
    case Kind::resolve:
    case Kind::connect:
    case Kind::tls:
      trouble.sort = Sort::unreachable;
      trouble.may_pass = true;
      break;
    case Kind::too_large:
      trouble.sort = Sort::stranger;
      break;
    case Kind::interrupted:
      trouble.sort = Sort::interrupted;
      trouble.maybe_done = true;
      break;
    case Kind::timeout:
    case Kind::broken:
      trouble.sort = Sort::unknown;
      trouble.may_pass = trouble.maybe_done = true;
      break;
  }
  return trouble;
}

Trouble trouble_of(const client::ServerError& error) {
  Trouble trouble{.what = error.what()};
  if (error.status == 401 || error.status == 403) {
    trouble.sort = Sort::credentials;
  } else if (error.may_pass()) {
    trouble.sort = Sort::unavailable;
    trouble.may_pass = true;
    trouble.maybe_done = error.status >= 500;
    trouble.retry_after = error.retry_after;
  } else if (error.status < 400 || error.status == 404 || error.status == 405) {
    trouble.sort = Sort::stranger;  // what no request of ours gets: a path that it does not know
  } else {
    trouble.sort = Sort::refused;
  }
  return trouble;
}

}  // namespace

Trouble current_trouble() {
  try {
    throw;
  } catch (const http::HttpError& error) {
    return trouble_of(error);
  } catch (const client::ServerError& error) {
    return trouble_of(error);
  }
}

}  // namespace lockkeeper::cli
