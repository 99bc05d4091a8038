//! What processes have used of the processors, as /proc tells.

use std::fs;

use crate::Failure;

/// Ticks of the kernel's accounting in a second; Linux tells 100 to programs everywhere.
const TICKS_A_SECOND: f64 = 100.0;

/// Processor seconds so far, of processes alone and of processes with the children that they have or had.
pub fn seconds_of(alone: &[u32], families: &[u32]) -> Result<f64, Failure> {
    let mut ticks = 0;
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        // A process that has ended meanwhile is in its parent's sum.
        let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        let Some(stat) = Stat::read(&stat) else { continue };
        if families.contains(&pid) {
            ticks += stat.own + stat.of_ended_children;
        } else if alone.contains(&pid) || families.contains(&stat.parent) {
            ticks += stat.own;
        }
    }
    Ok(ticks as f64 / TICKS_A_SECOND)
}

/// All processors' seconds so far: those that somebody used, and all.
pub fn of_machine() -> Result<(f64, f64), Failure> {
    let text = fs::read_to_string("/proc/stat")?;
    let (used, all) = machine(&text).ok_or("/proc/stat is not as expected")?;
    Ok((used as f64 / TICKS_A_SECOND, all as f64 / TICKS_A_SECOND))
}

/// The first line of /proc/stat: user, nice, system, idle, waiting for disks, interrupts, stolen. What guests
/// use is in `user` already.
fn machine(text: &str) -> Option<(u64, u64)> {
    let line = text.lines().next()?.strip_prefix("cpu ")?;
    let ticks: Vec<u64> =
        line.split_whitespace().take(8).map(str::parse).collect::<Result<_, _>>().ok()?;
    let all: u64 = ticks.iter().sum();
    Some((all - ticks.get(3)? - ticks.get(4)?, all))
}

struct Stat {
    parent: u32,
    own: u64,
    of_ended_children: u64,
}

impl Stat {
    /// Fields 4 (parent), 14 to 17 (user, system, and those of children waited for) of proc(5).
    fn read(line: &str) -> Option<Self> {
        let mut fields = line.rsplit_once(')')?.1.split_whitespace();
        let parent = fields.nth(1)?.parse().ok()?;
        let mut times = fields.skip(9).map_while(|field| field.parse::<u64>().ok());
        let own = times.next()? + times.next()?;
        Some(Self { parent, own, of_ended_children: times.next()? + times.next()? })
    }
}

#[cfg(test)]
mod tests {
    use super::{Stat, machine};

    #[test]
    fn idle_processors_are_not_used() {
        let text = "cpu  10 1 5 100 4 2 1 3 7 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n";
        assert_eq!(machine(text), Some((22, 126)));
    }

    #[test]
    fn the_fields_are_counted_behind_a_name_with_brackets() {
        let line = "12 (a) b) S 7 12 12 0 -1 4194560 100 0 0 0 30 20 5 4 20 0 1 0 99 0 0";
        let stat = Stat::read(line);
        assert!(stat.is_some_and(|s| (s.parent, s.own, s.of_ended_children) == (7, 50, 9)));
    }
}
