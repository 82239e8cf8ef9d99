#include "stores/redis/scripts.h"

namespace lockkeeper::stores::redis {
namespace {

constexpr const char* kOpen = R"(
local found = redis.call('HMGET', P .. 'meta', 'layout', 'epoch', 'floor')
if not found[1] and not found[2] and not found[3] then
  redis.call('HSET', P .. 'meta', 'layout', ARGV[1], 'epoch', ARGV[2], 'floor', ARGV[4])
  return {ARGV[1], ARGV[2], ARGV[4]}
end
if ARGV[3] ~= '' and found[2] ~= ARGV[3] and tonumber(found[3]) < tonumber(ARGV[4]) then
  redis.call('HSET', P .. 'meta', 'floor', ARGV[4])
  found[3] = ARGV[4]
end
return found
)";

// unpack() takes 8,000 at most.
constexpr const char* kCommit = R"(
local function call(command, key, from, to)
  local answer
  for i = from, to - 1, 4000 do
    answer = redis.call(command, key, unpack(ARGV, i, math.min(i + 4000, to) - 1))
  end
  return answer
end
local groups, before, told, answers, floor, at = {}, {}, {}, {}, nil, 1
for i = 1, #KEYS do
  local group = at + 1
  at = group + ARGV[at]
  local now = redis.call('HGET', KEYS[i], 'v')
  local version, flags
  if now then
    version, flags = string.match(now, '^(%d+):(%d)')
  else
    floor = floor or redis.call('HGET', P .. 'meta', 'floor')
    if not floor then return redis.error_reply('LOST what was here is gone') end
    version, flags = floor, ''
  end
  if version == ARGV[group] and (ARGV[group + 1] == '1') == not now then
    groups[i], before[i] = group, flags
    local name = string.sub(KEYS[i], NAME)
    told[#told + 1] = ARGV[group + 2] .. ':' .. #name .. ':' .. name
  end
end
if told[1] then redis.call('PUBLISH', P .. 'changed', table.concat(told)) end
for i = 1, #KEYS do
  local group = groups[i]
  if group then
    local key, flags, name = KEYS[i], ARGV[group + 3], string.sub(KEYS[i], NAME)
    local from = group + 5
    local to = from + ARGV[from - 1]
    call('HSET', key, from, to)
    from = to + 1
    to = from + ARGV[from - 1]
    call('HDEL', key, from, to)
    from = to + 1
    to = from + ARGV[from - 1]
    if call('RPUSH', P .. 'history:' .. name, from, to) == to - from then
      redis.call('ZADD', P .. 'histories', 0, name)
    end
    local old = before[i]
    if old ~= flags then
      if old == '' then redis.call('ZADD', P .. 'names', 0, name) end
      local held, was_held = flags == '1' or flags == '3', old == '1' or old == '3'
      if held ~= was_held then
        if held then redis.call('ZADD', P .. 'held', 0, name) else redis.call('ZREM', P .. 'held', name) end
      end
      local timed, was_timed = flags == '2' or flags == '3', old == '2' or old == '3'
      if timed ~= was_timed then
        if timed then redis.call('ZADD', P .. 'timed', 0, name) else redis.call('ZREM', P .. 'timed', name) end
      end
    end
    answers[i] = 1
  else
    floor = floor or redis.call('HGET', P .. 'meta', 'floor')
    if not floor then return redis.error_reply('LOST what was here is gone') end
    answers[i] = {redis.call('HGETALL', KEYS[i]), floor}
  end
end
if #told == #KEYS then return 1 end
return answers
)";

constexpr const char* kPrune = R"(
local now = redis.call('HGET', KEYS[1], 'v')
if not now then return 0 end
local version, flags = string.match(now, '^(%d+):(%d)')
if version ~= ARGV[1] or flags ~= '0' then return 0 end
local floor = redis.call('HGET', P .. 'meta', 'floor')
if not floor then return redis.error_reply('LOST what was here is gone') end
local name = string.sub(KEYS[1], NAME)
redis.call('PUBLISH', P .. 'changed', '0:' .. #name .. ':' .. name)
redis.call('DEL', KEYS[1])
redis.call('ZREM', P .. 'names', name)
if tonumber(floor) < tonumber(version) then redis.call('HSET', P .. 'meta', 'floor', version) end
return 1
)";

constexpr const char* kFindFree = R"(
local names = redis.call('ZRANGEBYLEX', P .. 'names', '[' .. ARGV[1], '+', 'LIMIT', 0, ARGV[4])
local found, before, limit = {}, tonumber(ARGV[2]), tonumber(ARGV[3])
for i, name in ipairs(names) do
  if #found == limit then return {found, name} end
  local now = redis.call('HGET', P .. 'lock:' .. name, 'v')
  local flags, changed = string.match(now or '', '^%d+:(%d):(%-?%d+)')
  if flags == '0' and tonumber(changed) < before then found[#found + 1] = name end
end
if #names < tonumber(ARGV[4]) then return {found, ''} end
return {found, names[#names] .. '\0'}
)";

constexpr const char* kHistory = R"(
local key, after, limit = P .. 'history:' .. ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local function version(event) return string.match(event, '^%d+') end
local number = redis.call('LLEN', key)
if number == 0 then return {'0', 0, {}} end
local oldest = version(redis.call('LINDEX', key, 0))
local low, high = 0, number
while low < high do
  local middle = math.floor((low + high) / 2)
  if tonumber(version(redis.call('LINDEX', key, middle))) > after then high = middle else low = middle + 1 end
end
local more = number - low > limit and 1 or 0
if low == number or limit == 0 then return {oldest, more, {}} end
if ARGV[4] == '0' then return {oldest, more, redis.call('LRANGE', key, low, low + limit - 1)} end
local events = redis.call('LRANGE', key, math.max(low, number - limit), -1)
local turned = {}
for i = #events, 1, -1 do turned[#turned + 1] = events[i] end
return {oldest, more, turned}
)";

// Writes that take away come first: they are let through when memory is full.
constexpr const char* kTrim = R"(
local name, before, per_lock, limit = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local looked, dropped = 0, 0
local names = redis.call('ZRANGEBYLEX', P .. 'histories', '[' .. name, '+', 'LIMIT', 0, limit + 1)
for _, each in ipairs(names) do
  local key = P .. 'history:' .. each
  local number, away = redis.call('LLEN', key), 0
  looked = looked + 1
  local done = false
  while not done do
    if looked > limit or dropped + away >= limit then break end
    local events = redis.call('LRANGE', key, away, away + 31)
    if #events == 0 then done = true end
    for _, event in ipairs(events) do
      if looked > limit or dropped + away >= limit then break end
      local at = tonumber(string.match(event, '^%d+ (%-?%d+)'))
      if number - away <= per_lock and at >= before then
        done = true
        break
      end
      away, looked = away + 1, looked + 1
    end
  end
  if away > 0 then
    redis.call('LTRIM', key, away, -1)
    dropped = dropped + away
  end
  if away == number then redis.call('ZREM', P .. 'histories', each) end
  if not done then return {dropped, each} end
end
if #names > limit then return {dropped, names[#names]} end
return {dropped, ''}
)";

Script script(const std::string& prefix, const char* text) {
  const std::string keys = prefix + ":";
  return {"local P, NAME = '" + keys + "', " + std::to_string(keys.size() + std::string("lock:").size() + 1) + text,
          {}};
}

}  // namespace

Scripts::Scripts(const std::string& prefix)
    : open(script(prefix, kOpen)),
      commit(script(prefix, kCommit)),
      prune(script(prefix, kPrune)),
      find_free(script(prefix, kFindFree)),
      history(script(prefix, kHistory)),
      trim(script(prefix, kTrim)) {}

}  // namespace lockkeeper::stores::redis
