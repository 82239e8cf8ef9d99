// What Concourse sends on stdin, written by whoever writes pipelines: a request or a PayloadError.
#include "fuzzed.h"
#include "resource/payload.h"

namespace resource = lockkeeper::resource;

namespace {

template <class Parse>
void try_parsing(std::string_view json, Parse parse) {
  try {
    parse(json);
  } catch (const resource::PayloadError& fault) {
    PROMISE(std::string_view(fault.what()).size() > 0);
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view json = text_of(data, size);
  try_parsing(json, resource::parse_check);
  try_parsing(json, resource::parse_in);
  try_parsing(json, resource::parse_out);
  return 0;
}
