#include "resource/environment.h"

#include <utility>
#include <variant>

#include "http/client.h"
#include "locks/duration.h"
#include "locks/limits.h"
#include "resource/build_log.h"
#include "resource/instance_vars.h"
#include "resource/sha256.h"

namespace lockkeeper::resource {
namespace {

constexpr std::size_t kHolderBytes = 512;  // half of what a server takes

// Cuts between characters of UTF-8; a piece of a hash keeps what is cut distinct.
std::string shortened(const std::string& text) {
  if (text.size() <= kHolderBytes) return text;
  std::size_t end = kHolderBytes - 20;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "... (" + sha256(text).substr(0, 12) + ")";
}

bool fits(const locks::Metadata& metadata, std::string_view name, const std::string& value) {
  const locks::Limits limits;
  std::size_t bytes = name.size() + value.size();
  for (const auto& [one, text] : metadata) bytes += one.size() + text.size();
  return metadata.size() < limits.metadata_pairs && bytes <= limits.metadata_bytes;
}

}  // namespace

std::string read_concourse(const Lookup& lookup, const Source& source) {
  std::string text = source.concourse.empty() ? lookup("ATC_EXTERNAL_URL").value_or("") : source.concourse;
  if (text.find("://") != std::string::npos) text = http::without_userinfo(text);
  while (!text.empty() && text.back() == '/') text.pop_back();
  return text;
}

Build read_build(const Lookup& lookup, const Source& source) {
  const auto get = [&](const char* name) { return lookup(name).value_or(""); };
  Build build{.concourse = read_concourse(lookup, source),
              .id = get("BUILD_ID"),
              .name = get("BUILD_NAME"),
              .job = get("BUILD_JOB_NAME"),
              .pipeline = get("BUILD_PIPELINE_NAME"),
              .instance_vars = get("BUILD_PIPELINE_INSTANCE_VARS"),
              .team = get("BUILD_TEAM_NAME"),
              .url = get("BUILD_URL"),
              .short_url = get("BUILD_URL_SHORT")};
  for (std::string* url : {&build.url, &build.short_url}) {
    if (!url->empty()) *url = http::without_userinfo(*url);
  }
  if (build.id.empty()) throw PayloadError("BUILD_ID is not set: a put is run by a build of Concourse");
  if (build.concourse.empty()) {
    throw PayloadError("ATC_EXTERNAL_URL is not set: give source.concourse, the URL of this Concourse");
  }
  return build;
}

std::string default_key(const std::string& concourse, const std::string& build_id) {
  return concourse + " build " + build_id;
}

std::string holder_name(const Build& build) {
  std::string name = build.team.empty() ? "" : build.team + "/";
  if (build.job.empty()) {
    name += "one-off #" + build.id;
  } else {
    name += build.pipeline + readable_instance_vars(build.instance_vars) + "/" + build.job + " #" + build.name;
  }
  return shortened(name);
}

std::string claim_name(const std::string& concourse, const std::string& build_id, const std::string& lock,
                       const client::Identity& identity) {
  std::string all;
  for (const std::string* part : {&concourse, &build_id, &lock, &identity.key, &identity.holder}) {
    all += std::to_string(part->size()) + ":" + *part;  // with lengths, so that no two lists of parts look alike
  }
  return "concourse-" + sha256(all);
}

Owner owner(const Build& build, const std::string& lock, const std::optional<std::string>& key,
            const std::optional<std::string>& holder) {
  Owner owner{{key ? *key : default_key(build.concourse, build.id), holder ? *holder : holder_name(build)}, ""};
  owner.claim = claim_name(build.concourse, build.id, lock, owner.identity);
  return owner;
}

locks::Metadata claim_metadata(const Build& build, const locks::Metadata& given) {
  locks::Metadata metadata;
  for (const auto& pair : given) {
    for (const char* ours : {"url", "build", "waited"}) {
      if (pair.first == ours)
        throw PayloadError("params.metadata." + pair.first + " is set by the resource itself");
    }
    metadata.push_back(pair);
  }
  metadata.emplace_back("build", build.id);
  for (const std::string* url : {&build.url, &build.short_url}) {
    if (url->empty() || !fits(metadata, "url", *url)) continue;
    metadata.emplace_back("url", *url);
    break;
  }
  return metadata;
}

locks::Metadata with_waited(locks::Metadata metadata, std::chrono::milliseconds waited) {
  std::string text = seconds_text(waited);
  if (waited < std::chrono::seconds(1) || !fits(metadata, "waited", text)) return metadata;
  metadata.emplace_back("waited", std::move(text));
  return metadata;
}

std::chrono::milliseconds waited_before(const locks::Metadata& metadata) {
  const auto parsed = locks::parse_duration(metadata_value(metadata, "waited"));
  const auto* duration = std::get_if<std::chrono::milliseconds>(&parsed);
  return duration != nullptr ? *duration : std::chrono::milliseconds(0);
}

std::string metadata_value(const locks::Metadata& metadata, const std::string& name) {
  for (const auto& [one, value] : metadata) {
    if (one == name) return value;
  }
  return {};
}

}  // namespace lockkeeper::resource
