// An answer that may be a million records long, made in slices. One slice is one scan of the store; what fits in
// one goes out whole, with its length.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "engine/store.h"
#include "server/doors/door.h"

namespace lockkeeper::server {

// Where the answer stands: which slice to ask for next, and the text of those that came. Pure.
class SlicedText {
 public:
  virtual ~SlicedText() = default;
  virtual engine::Scan next_scan() const = 0;
  // The text of this slice; that of the first one is not empty. After the last one done() is true.
  virtual std::string add(const engine::Scanned& slice) = 0;
  virtual bool done() const = 0;
};

void serve_slices(FrontDesk& desk, http::Exchange& exchange, std::unique_ptr<SlicedText> text,
                  std::string_view door, std::string user);

}  // namespace lockkeeper::server
