// What an exec plugin prints, and what an API server answers with: programs and servers that are not ours.
#include "agent/endpoint.h"
#include "agent/exec_plugin.h"
#include "fuzzed.h"

namespace agent = lockkeeper::agent;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const agent::ExecCredential credential =
        agent::parse_exec_credential(text_of(data, size), "client.authentication.k8s.io/v1");
    PROMISE(!credential.token.empty() || !credential.certificate.empty());
    PROMISE(credential.certificate.empty() == credential.key.empty());
  } catch (const agent::NoCredentials& fault) {
    PROMISE(std::string_view(fault.what()).size() > 0);
  }
  for (const unsigned status : {200U, 302U, 401U, 403U, 404U, 409U, 422U, 500U}) {
    lockkeeper::http::ClientResponse response;
    response.status = status;
    response.body = text_of(data, size);
    const agent::ApiAnswer answer = agent::read_answer(std::move(response), {});
    PROMISE((answer.kind == agent::ApiAnswer::Kind::ok) == (status == 200));
    PROMISE(answer.message.empty() == (status == 200));
    PROMISE(answer.message.find('\n') == std::string::npos);
  }
  return 0;
}
