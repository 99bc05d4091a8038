//! Which of two readings of one device is the newer: never by arrival alone, where the device says
//! more.

use jiff::{SignedDuration, Timestamp};

/// A device's time that lies further ahead of ours is not believed.
pub const DEVICE_TIME_AHEAD_MAX: SignedDuration = SignedDuration::from_secs(60);
/// A device's time that lies further back is a broken clock (1970, 2000), not an old reading.
pub const DEVICE_TIME_BEHIND_MAX: SignedDuration = SignedDuration::from_hours(30 * 24);
/// A change that a device dates further back is not believed: its clock is wrong.
pub const CHANGE_BEHIND_MAX: SignedDuration = SignedDuration::from_hours(24);
/// A frame that is dated earlier than the newest by no more than this, and counted higher, is one of the session before: it
/// was on its way while its device started anew. Dated further back it is a clock that was put back.
pub const LATE_MAX: SignedDuration = SignedDuration::from_mins(5);
/// A clock is wrong, and not its messages late, when two of them in a row come so much too late, give or take
/// [`CLOCK_STEADY_WITHIN`].
pub const CLOCK_WRONG_FROM: SignedDuration = SignedDuration::from_mins(5);
/// See [`CLOCK_WRONG_FROM`]: the way of a message takes a minute or so at most.
pub const CLOCK_STEADY_WITHIN: SignedDuration = SignedDuration::from_mins(2);
/// How many message ids of a device are remembered.
pub const RECENT_MAX: usize = 8;

/// What a device said, as far as the rules look at it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Heard {
    /// A car stands there; None where the frame does not say.
    pub occupied: Option<bool>,
    /// By the device's clock.
    pub device_time: Option<Timestamp>,
    /// By the bridge's clock, never ahead of ours: see [`Heard::clamped`].
    pub receive_time: Timestamp,
    /// Session of the device, 0 where it has none.
    pub boot: u64,
    /// Count within the session.
    pub sequence: Option<u64>,
    /// Percent.
    pub battery_percent: Option<i16>,
    /// Kept from earlier: a hint and no news.
    pub retained: bool,
    /// Hash of the network's id of the message.
    pub message: Option<u64>,
    /// Since when it is so, where the device dates that apart from the message.
    pub began: Option<Timestamp>,
    /// How long the state before this one had lasted.
    pub previous: Option<Previous>,
    /// The device's network has lost it.
    pub unreachable: bool,
    /// The device has just started.
    pub startup: bool,
    /// The device says that it does not measure right.
    pub faulty: bool,
    /// The device says whether it wants a new battery.
    pub battery_low: Option<bool>,
}

/// How long a state had lasted, as its device counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Previous {
    /// At least so long.
    pub least: SignedDuration,
    /// And at most so much longer; None: nobody knows.
    pub slack: Option<SignedDuration>,
}

impl Heard {
    /// The device's time, if it can be believed.
    pub fn believed_time(&self) -> Option<Timestamp> {
        let time = self.device_time?;
        let age = self.receive_time.duration_since(time);
        let believed = age >= -DEVICE_TIME_AHEAD_MAX && age <= DEVICE_TIME_BEHIND_MAX;
        believed.then_some(time)
    }

    /// Since when it is so: as the device dates the change, or else its message, or else the bridge; never ahead of ours.
    pub fn change_time(&self) -> Timestamp {
        let began = self.began.filter(|began| {
            let age = self.receive_time.duration_since(*began);
            age >= -DEVICE_TIME_AHEAD_MAX && age <= CHANGE_BEHIND_MAX
        });
        let told = began.or(self.believed_time());
        told.map_or(self.receive_time, |time| time.min(self.receive_time))
    }

    /// With a change that is dated by our clock where the device's is found to be wrong: a stay is billed by it. What was said while a device
    /// was out of reach comes later and later by less, and keeps its dates.
    pub fn dated(mut self, mark: Option<&Mark>) -> Self {
        let last = mark.and_then(|mark| Some(mark.receive_time.duration_since(mark.device_time?)));
        if let (Some(last), Some(time), None) = (last, self.believed_time(), self.began) {
            let behind = self.receive_time.duration_since(time);
            let steady = (behind - last).abs() <= CLOCK_STEADY_WITHIN;
            if steady && behind.min(last) >= CLOCK_WRONG_FROM {
                self.began =
                    Some(self.receive_time - behind.saturating_sub(last).max(SignedDuration::ZERO));
            }
        }
        self
    }

    /// With a receive time that is not ahead of ours: a device that speaks for itself also says
    /// when it was heard.
    pub fn clamped(mut self, now: Timestamp) -> Self {
        self.receive_time = self.receive_time.min(now);
        self
    }
}

/// The newest reading applied so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Its session.
    pub boot: u64,
    /// Its count.
    pub sequence: Option<u64>,
    /// Its believed time.
    pub device_time: Option<Timestamp>,
    /// When it was heard.
    pub receive_time: Timestamp,
    /// Hashes of the last message ids, oldest first.
    pub recent: Vec<u64>,
}

/// What a reading is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// News.
    Newer,
    /// The same once more, or an earlier one.
    Stale,
}

/// Compares a reading with the newest one. `None`: the first reading ever.
pub fn compare(mark: Option<&Mark>, heard: &Heard) -> Order {
    let Some(mark) = mark else { return Order::Newer };
    if heard.message.is_some_and(|message| mark.recent.contains(&message)) {
        return Order::Stale;
    }
    let newer = match (heard.boot, mark.boot) {
        (boot, last) if boot == last => match (heard.sequence, mark.sequence) {
            (Some(count), Some(last)) if count > last => !outlived(mark, heard),
            (Some(_), Some(_)) => restarted(mark, heard),
            _ => later(mark, heard),
        },
        // A frame that does not say its session, from a device that has some.
        (0, _) => later(mark, heard),
        (boot, last) => boot > last,
    };
    if newer { Order::Newer } else { Order::Stale }
}

/// A device without a session number counts from the beginning again after a power-up. Its clock
/// tells the new beginning from
/// a late frame of before.
fn restarted(mark: &Mark, heard: &Heard) -> bool {
    heard.boot == 0
        && matches!((heard.believed_time(), mark.device_time), (Some(time), Some(last)) if time > last)
}

/// Without a session number a late frame of before the restart counts higher than the new ones.
fn outlived(mark: &Mark, heard: &Heard) -> bool {
    let (Some(time), Some(last)) = (heard.believed_time(), mark.device_time) else { return false };
    heard.boot == 0 && time < last && last.duration_since(time) <= LATE_MAX
}

fn later(mark: &Mark, heard: &Heard) -> bool {
    match (heard.believed_time(), mark.device_time) {
        (Some(time), Some(last)) => time > last,
        _ => heard.receive_time > mark.receive_time,
    }
}

/// The mark after this reading was applied.
pub fn advance(mark: Option<Mark>, heard: &Heard) -> Mark {
    let boot = match (&mark, heard.boot) {
        (Some(mark), 0) => mark.boot,
        (_, boot) => boot,
    };
    let last_count = mark.as_ref().filter(|mark| mark.boot == heard.boot);
    let sequence = heard.sequence.or(last_count.and_then(|mark| mark.sequence));
    let (device_time, mut recent) =
        mark.map_or((None, Vec::new()), |mark| (mark.device_time, mark.recent));
    // Counted frames need no other memory, and the row stays small.
    if let (Some(message), None) = (heard.message, heard.sequence) {
        recent.push(message);
        let surplus = recent.len().saturating_sub(RECENT_MAX);
        recent.drain(..surplus);
    }
    Mark {
        boot,
        sequence,
        device_time: heard.believed_time().or(device_time),
        receive_time: heard.receive_time,
        recent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::new(1_800_000_000 + second, 0).expect("in range")
    }

    fn plain(receive: i64) -> Heard {
        Heard { occupied: Some(true), receive_time: at(receive), ..Heard::default() }
    }

    fn counted(boot: u64, sequence: u64) -> Heard {
        Heard { boot, sequence: Some(sequence), ..plain(0) }
    }

    fn timed(device: i64, receive: i64) -> Heard {
        Heard { device_time: Some(at(device)), ..plain(receive) }
    }

    fn order(first: &Heard, second: &Heard) -> Order {
        compare(Some(&advance(None, first)), second)
    }

    #[test]
    fn the_session_decides_before_the_count() {
        assert_eq!(order(&counted(1, 9), &counted(2, 0)), Order::Newer);
        assert_eq!(order(&counted(2, 0), &counted(1, 10)), Order::Stale);
        assert_eq!(order(&counted(1, 9), &counted(1, 10)), Order::Newer);
        assert_eq!(order(&counted(1, 9), &counted(1, 9)), Order::Stale);
        assert_eq!(order(&counted(1, 9), &counted(1, 8)), Order::Stale);
    }

    #[test]
    fn without_sessions_a_lower_count_is_a_restart_only_when_its_time_is_later() {
        let nine = Heard { sequence: Some(9), ..timed(100, 100) };
        let as_high = Heard { sequence: Some(9), ..timed(101, 101) };
        assert_eq!(order(&nine, &as_high), Order::Newer, "it had said as much when it restarted");
        assert_eq!(order(&nine, &nine), Order::Stale, "the same once more");
        let restarted = Heard { sequence: Some(0), ..timed(101, 101) };
        let late = Heard { sequence: Some(8), ..timed(99, 102) };
        assert_eq!(order(&nine, &restarted), Order::Newer);
        assert_eq!(order(&nine, &late), Order::Stale);
        assert_eq!(order(&counted(0, 9), &counted(0, 0)), Order::Stale, "no clock, no restart");
    }

    #[test]
    fn without_sessions_a_late_frame_of_before_a_restart_is_not_newer_though_it_counts_higher() {
        let count = |sequence, device, receive| Heard {
            sequence: Some(sequence),
            ..timed(device, receive)
        };
        let restarted = advance(Some(advance(None, &count(9, 100, 100))), &count(0, 130, 130));
        let order = |heard: &Heard| compare(Some(&restarted), heard);
        assert_eq!(order(&count(10, 120, 140)), Order::Stale, "it was on its way");
        assert_eq!(order(&count(1, 135, 141)), Order::Newer);
        let put_back = count(2, 130 - 3_600, 150);
        assert_eq!(order(&put_back), Order::Newer, "a clock that was put back by an hour");
    }

    #[test]
    fn without_a_count_the_device_time_decides_and_not_the_arrival() {
        assert_eq!(order(&timed(100, 100), &timed(99, 105)), Order::Stale);
        assert_eq!(order(&timed(100, 100), &timed(100, 105)), Order::Stale);
        assert_eq!(order(&timed(99, 105), &timed(100, 100)), Order::Newer);
    }

    #[test]
    fn a_time_that_cannot_be_is_not_believed() {
        let ahead = timed(200, 100);
        assert_eq!(ahead.believed_time(), None);
        assert_eq!(ahead.change_time(), at(100));
        let of_1970 = Heard { device_time: Some(Timestamp::UNIX_EPOCH), ..plain(101) };
        assert_eq!(order(&timed(99, 100), &of_1970), Order::Newer, "by arrival then");
        assert_eq!(timed(130, 100).change_time(), at(100), "believed, yet never ahead of ours");
    }

    #[test]
    fn a_change_is_dated_apart_from_its_message_unless_that_cannot_be() {
        let dated = |began| Heard { began: Some(at(began)), ..timed(100_000, 100_001) };
        assert_eq!(dated(99_000).change_time(), at(99_000));
        assert_eq!(dated(100_030).change_time(), at(100_001), "never ahead of ours");
        assert_eq!(dated(0).change_time(), at(100_000), "more than a day ago");
        assert_eq!(order(&dated(99_000), &timed(99_500, 99_501)), Order::Stale, "orders nothing");
    }

    #[test]
    fn a_clock_that_is_steadily_behind_dates_no_change_but_late_words_do() {
        const DAY: i64 = 80_000;
        let mark = advance(None, &timed(1_000 - DAY, 1_000));
        let changed = timed(2_000 - DAY, 2_001).dated(Some(&mark));
        assert_eq!(changed.change_time(), at(2_000), "by our clock, a second on the way");
        let of_an_outage = advance(None, &timed(1_000, 9_000));
        let said_later = timed(4_000, 9_001).dated(Some(&of_an_outage));
        assert_eq!(said_later.change_time(), at(4_000), "both waited for the network");
        let right = advance(None, &timed(1_000, 1_001));
        assert_eq!(timed(2_000, 2_030).dated(Some(&right)).change_time(), at(2_000));
        assert_eq!(timed(2_000, 2_030).dated(None).change_time(), at(2_000));
    }

    #[test]
    fn without_count_and_clock_a_message_id_tells_a_repetition() {
        let first = Heard { message: Some(7), ..plain(100) };
        let second = Heard { message: Some(8), ..plain(101) };
        let mark = advance(Some(advance(None, &first)), &second);
        let again = Heard { receive_time: at(102), ..first };
        assert_eq!(compare(Some(&mark), &again), Order::Stale);
        assert_eq!(compare(Some(&mark), &plain(101)), Order::Stale, "heard at the same instant");
        assert_eq!(compare(Some(&mark), &plain(103)), Order::Newer);
    }

    #[test]
    fn only_the_last_message_ids_are_remembered() {
        let mark = (0..20_u64)
            .fold(None, |mark, id| Some(advance(mark, &Heard { message: Some(id), ..plain(100) })));
        assert_eq!(mark.map(|mark| mark.recent), Some((12..20).collect()));
    }

    #[test]
    fn a_frame_without_session_or_count_does_not_erase_those_of_before() {
        let mark = advance(Some(advance(None, &counted(3, 9))), &timed(5, 5));
        assert_eq!((mark.boot, mark.sequence), (3, None));
        let mark = advance(Some(advance(None, &counted(0, 9))), &timed(5, 5));
        assert_eq!((mark.boot, mark.sequence), (0, Some(9)));
    }
}
