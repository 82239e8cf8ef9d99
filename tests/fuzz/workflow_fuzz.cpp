// A Workflow as an API server sends it, or what calls itself so, and packed nodes: read, decided on, changed.
#include "agent/base64.h"
#include "agent/packed_nodes.h"
#include "agent/resume.h"
#include "fuzzed.h"

namespace agent = lockkeeper::agent;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = text_of(data, size);
  constexpr std::chrono::sys_seconds now{std::chrono::seconds(1'795'245'594)};
  const agent::Decision decision = agent::decide_resume(text, "gate", now, "lockkeeper.dev");
  if (decision.what == agent::Decision::What::patch) {
    // Done once, it is never done again for that gate.
    const std::string after = agent::patched(text, decision.text);
    PROMISE(agent::decide_resume(after, "gate", now, "lockkeeper.dev").what == agent::Decision::What::marked);
  }
  if (decision.what == agent::Decision::What::cannot) PROMISE(!decision.text.empty());

  constexpr std::size_t most = 1024 * 1024;
  const auto unpacked = agent::unpack_nodes(agent::encode_base64(text), most);
  if (const auto* nodes = std::get_if<std::string>(&unpacked)) {
    PROMISE(nodes->size() <= most);
    const auto again = agent::unpack_nodes(agent::pack_nodes(*nodes), most);
    PROMISE(std::get<std::string>(again) == *nodes);
  }
  return 0;
}
