// Which lines of a lock's history are versions to Concourse.
#pragma once

#include <vector>

#include "resource/payload.h"
#include "wire/native_json.h"

namespace lockkeeper::resource {

// Acquired, shared, released, lapsed and forced are, also where they came by the queue, by import or by a
// give-back; renewals, take-overs and places in the queue are not.
bool reported(const locks::Event& event);

// A hold began with it.
bool takes(const locks::Event& event);

// The versions of `events` (of one lock, in order, without gaps to its newest) that `trigger_on` lets through.
// `held`: the lock after the last of them. unlocked: the events that left the lock free.
std::vector<locks::Version> reported_versions(const std::vector<locks::Event>& events, TriggerOn trigger_on,
                                              bool held);

}  // namespace lockkeeper::resource
