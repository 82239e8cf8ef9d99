// Makes a body fit for a strict parser as Go's encoding/json would have read it: every byte that is not UTF-8 and
// every escaped surrogate without its other half becomes U+FFFD (compat: locker, body-invalid-utf8, body-escapes).
// Private to the folder.
#pragma once

#include <string>
#include <string_view>

namespace lockkeeper::wire {

// The body itself if nothing is wrong with it (`scratch` is not touched), else the mended copy in `scratch`.
std::string_view mend(std::string_view body, std::string& scratch);

// Whether a field's name is `plain` (lower-case ASCII) to Go, which folds case as Unicode does: the Kelvin sign is
// a k, the long s an s.
bool same_field(std::string_view name, std::string_view plain);

}  // namespace lockkeeper::wire
