//! What the grouped strategies share: asks that wait, and who of a group goes first.

use std::collections::VecDeque;

use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use crate::Failure;
use crate::lab::rows::new_id;
use crate::lab::strategy::{Client, Outcome, Want};

/// Asks that one statement takes at most.
pub const GROUP_MAX: usize = 256;
/// Asks that may wait for one writer.
const WAITING_MAX: usize = 16_384;

/// One driver's wish, waiting for its answer.
pub struct Ask {
    pub want: Want,
    pub user: String,
    pub booking_id: Uuid,
    pub answer: oneshot::Sender<Outcome>,
}

impl Ask {
    pub fn answer(self, outcome: Outcome) {
        // Whoever no longer listens has gone away; the booking stands.
        let _gone = self.answer.send(outcome);
    }
}

/// The queues of the writers; a spot always belongs to the same one.
#[derive(Default)]
pub struct Desk {
    queues: Vec<mpsc::Sender<Ask>>,
}

impl Desk {
    /// A queue for one more writer.
    pub fn open(&mut self) -> mpsc::Receiver<Ask> {
        let (sender, queue) = mpsc::channel(WAITING_MAX);
        self.queues.push(sender);
        queue
    }

    /// Puts a wish into its queue and waits for the answer.
    pub async fn ask(&self, client: &mut Client, want: &Want) -> Result<Outcome, Failure> {
        let queue = self.queues.get(want.spot as usize % self.queues.len().max(1));
        let (answer, told) = oneshot::channel();
        let ask = Ask { want: *want, user: client.user(), booking_id: new_id(), answer };
        queue.ok_or("no writer")?.send(ask).await?;
        Ok(told.await?)
    }
}

/// The next group: those who have to go again, then those who came while the last commit was under way.
/// Waits only when nobody is there. None at the end.
pub async fn next_group(
    queue: &mut mpsc::Receiver<Ask>,
    again: &mut VecDeque<Ask>,
) -> Option<Vec<Ask>> {
    let mut group: Vec<Ask> = again.drain(..again.len().min(GROUP_MAX)).collect();
    let places = GROUP_MAX - group.len();
    if group.is_empty() {
        (queue.recv_many(&mut group, places).await > 0).then_some(group)
    } else {
        while group.len() < GROUP_MAX
            && let Ok(ask) = queue.try_recv()
        {
            group.push(ask);
        }
        Some(group)
    }
}

/// A group in the order of arrival, divided: those who may go together, and those who stand in the way of
/// an earlier one, with that one's place among the first.
pub fn divide(
    group: Vec<Ask>,
    meets: impl Fn(&Want, &Want) -> bool,
) -> (Vec<Ask>, Vec<(usize, Ask)>) {
    let (mut first, mut behind) = (Vec::<Ask>::with_capacity(group.len()), Vec::new());
    let mut of_spot: std::collections::HashMap<u32, Vec<usize>> = std::collections::HashMap::new();
    for ask in group {
        let same_spot = of_spot.entry(ask.want.spot).or_default();
        match same_spot.iter().copied().find(|&index| meets(&first[index].want, &ask.want)) {
            Some(index) => behind.push((index, ask)),
            None => {
                same_spot.push(first.len());
                first.push(ask);
            }
        }
    }
    (first, behind)
}

/// Tells everybody what the statement has decided. Who was behind an earlier one is decided with it, where
/// its fate says something about theirs; the others go again.
pub fn settle(
    first: Vec<Ask>,
    behind: Vec<(usize, Ask)>,
    won: impl Fn(&Ask) -> bool,
    again: &mut VecDeque<Ask>,
) {
    let fates: Vec<(Want, bool)> = first.iter().map(|ask| (ask.want, won(ask))).collect();
    for (ask, (_, won)) in first.into_iter().zip(&fates) {
        ask.answer(if *won { Outcome::Won } else { Outcome::Refused });
    }
    for (index, ask) in behind {
        let (want, won) = fates[index];
        let decided = (won && want.crosses(&ask.want)) || want == ask.want;
        if decided { ask.answer(Outcome::Refused) } else { again.push_back(ask) }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn ask(spot: u32, start: i32, end: i32) -> (Ask, oneshot::Receiver<Outcome>) {
        let (answer, told) = oneshot::channel();
        let want = Want { spot, start, end };
        (Ask { want, user: String::new(), booking_id: new_id(), answer }, told)
    }

    #[test]
    fn the_earlier_of_two_who_cross_goes_first_and_decides_both_when_it_wins() {
        let (one, mut told_one) = ask(1, 0, 60);
        let (two, mut told_two) = ask(1, 30, 90);
        let (three, mut told_three) = ask(2, 30, 90);
        let (first, behind) = divide(vec![one, two, three], Want::crosses);
        assert_eq!((first.len(), behind.len()), (2, 1));
        let mut again = VecDeque::new();
        settle(first, behind, |_| true, &mut again);
        assert_eq!(told_one.try_recv().unwrap(), Outcome::Won);
        assert_eq!(told_two.try_recv().unwrap(), Outcome::Refused);
        assert_eq!(told_three.try_recv().unwrap(), Outcome::Won);
        assert!(again.is_empty());
    }

    #[test]
    fn behind_a_loser_only_the_same_window_is_decided() {
        let (one, _told) = ask(1, 0, 60);
        let (same, mut told_same) = ask(1, 0, 60);
        let (other, _waits) = ask(1, 30, 90);
        let (first, behind) = divide(vec![one, same, other], Want::crosses);
        let mut again = VecDeque::new();
        settle(first, behind, |_| false, &mut again);
        assert_eq!(told_same.try_recv().unwrap(), Outcome::Refused);
        assert_eq!(again.len(), 1, "the other window may still be free");
    }
}
