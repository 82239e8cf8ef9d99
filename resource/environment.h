// The build as Concourse tells it in the environment, and who it is to the lock server.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "client/lock_client.h"
#include "resource/payload.h"

namespace lockkeeper::resource {

// A variable's value; none: not set.
using Lookup = std::function<std::optional<std::string>(const char* name)>;

struct Build {
  std::string concourse;  // its URL without userinfo and trailing slash, or source.concourse
  std::string id;
  std::string name;           // "12"
  std::string job, pipeline;  // empty: a one-off build
  std::string instance_vars;  // JSON, of an instanced pipeline
  std::string team;
  std::string url;        // empty: not known
  std::string short_url;  // the same build by its id alone
};

// Throws PayloadError when what identifies a build is not there (BUILD_ID, the Concourse's URL).
Build read_build(const Lookup& lookup, const Source& source);

// The Concourse's name alone: what `in` needs. Empty: not known.
std::string read_concourse(const Lookup& lookup, const Source& source);

// "http://ci.example.com build 4711": the key of a build that was given none. An operator can write it down.
std::string default_key(const std::string& concourse, const std::string& build_id);

// "main/deploy/job #12", "main/deploy{branch: x}/job #12", "main/one-off #4711". At most 512 bytes.
std::string holder_name(const Build& build);

// SHA-256 over all that makes a claim one purpose, so that a repeated run of a step finds its own claim.
std::string claim_name(const std::string& concourse, const std::string& build_id, const std::string& lock,
                       const client::Identity& identity);

struct Owner {
  client::Identity identity;
  std::string claim;
};

// Key and holder as given, or the build's own.
Owner owner(const Build& build, const std::string& lock, const std::optional<std::string>& key,
            const std::optional<std::string>& holder);

// What goes along with a claim: the user's pairs, and the build's `url` and `build` (its id). Of an instanced
// pipeline a URL may be long: where it would be more than a server takes, the short one goes, or none.
// Throws PayloadError when the user's pairs take one of ours.
locks::Metadata claim_metadata(const Build& build, const locks::Metadata& given);

// How long the build waited before it asked this time (an outage, a server that has no queue), among the claim's
// metadata, so that `in` can show it. Left out below a second, and where it would be more than a server takes.
locks::Metadata with_waited(locks::Metadata metadata, std::chrono::milliseconds waited);

// What with_waited() left in a claim's metadata; 0: nothing.
std::chrono::milliseconds waited_before(const locks::Metadata& metadata);

// The value of a pair; empty: not there.
std::string metadata_value(const locks::Metadata& metadata, const std::string& name);

}  // namespace lockkeeper::resource
