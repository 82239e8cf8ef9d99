// JSON texts of others, and the merge of RFC 7396. rapidjson.h is included here, so only agent/*.cpp include this.
#pragma once

#include <rapidjson/document.h>

#include <string>
#include <string_view>

namespace lockkeeper::agent {

// False: it is no JSON, or nested deeper than 200, which no workflow is and recursion would not survive.
bool parse_json(std::string_view text, rapidjson::Document& document);

std::string json_text(const rapidjson::Value& value);

// Null takes a member away, an object is merged, everything else replaces. What is copied is `memory`'s.
void merge(rapidjson::Value& target, const rapidjson::Value& patch, rapidjson::Document::AllocatorType& memory);

}  // namespace lockkeeper::agent
