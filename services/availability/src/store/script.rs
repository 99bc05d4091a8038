//! The two scripts. Redis runs each as one step.

/// Writes spots of one floor. KEYS: counters, spots. ARGV: epoch, then for each spot: id, booking,
/// sensor, at_ms, free (0/1), type, JSON. Returns how many spots were newer than what stands there,
/// or −1 when the floor belongs to a later epoch.
///
/// A floor of an earlier epoch, or of none, is thrown away and begun anew. The counters move by the
/// difference that a spot makes, so that a repeated or late write changes nothing. A spot is newer
/// when neither position goes back and at least one of (booking, sensor, at) goes forward: replicas
/// that stand at different places in the two streams then end with the same row.
pub const WRITE_SPOTS: &str = r"
local counters, spots, epoch = KEYS[1], KEYS[2], ARGV[1]
local stands = redis.call('HGET', counters, 'epoch')
if stands and stands > epoch then return -1 end
if stands ~= epoch then
  redis.call('DEL', counters, spots)
  redis.call('HSET', counters, 'epoch', epoch, 'free', 0, 'total', 0)
end
-- A difference of nothing is left out: Lua would write 0 - 0 as -0, which Redis takes for no number.
local function move(field, by)
  if by ~= 0 then redis.call('HINCRBY', counters, field, by) end
end
local applied = 0
for i = 2, #ARGV, 7 do
  local id, b, s, at = ARGV[i], tonumber(ARGV[i+1]), tonumber(ARGV[i+2]), tonumber(ARGV[i+3])
  local free, kind, json = tonumber(ARGV[i+4]), ARGV[i+5], ARGV[i+6]
  local old = redis.call('HGET', spots, id)
  local newer, old_free, old_kind = true, 0, nil
  if old then
    local ob, os, oat, ofree, okind = string.match(old, '^(%d+):(%d+):(%-?%d+):(%d):(%d+):')
    ob, os, oat = tonumber(ob), tonumber(os), tonumber(oat)
    old_free, old_kind = tonumber(ofree), okind
    newer = b >= ob and s >= os and (b > ob or s > os or at > oat)
  end
  if newer then
    redis.call('HSET', spots, id, table.concat({ARGV[i+1], ARGV[i+2], ARGV[i+3], ARGV[i+4], kind, json}, ':'))
    move('free', free - old_free)
    if old_kind == kind then
      move(kind .. ':free', free - old_free)
    else
      move('total', old_kind and 0 or 1)
      if old_kind then
        move(old_kind .. ':free', -old_free)
        move(old_kind .. ':total', -1)
      end
      move(kind .. ':free', free)
      move(kind .. ':total', 1)
    end
    applied = applied + 1
  end
end
return applied
";

/// Makes an epoch the trusted one. KEYS: epoch. ARGV: epoch. Returns the one that is trusted now: a
/// later one stays.
pub const SWITCH_EPOCH: &str = r"
local stands = redis.call('GET', KEYS[1])
if stands and stands > ARGV[1] then return stands end
redis.call('SET', KEYS[1], ARGV[1])
return ARGV[1]
";
