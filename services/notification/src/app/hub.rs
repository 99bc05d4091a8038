//! Who waits for news in this process, and how they get to know: at once from this process's own
//! writes, within a look's period from those of others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// The watches of this process. Clones are the same.
#[derive(Clone, Default)]
pub struct Hub {
    people: Arc<Mutex<HashMap<String, watch::Sender<i64>>>>,
}

impl Hub {
    /// The last sequence that is known to exist for a person, and when it changes. Look into the
    /// store after asking for this, not before.
    pub fn watch(&self, user_id: &str) -> watch::Receiver<i64> {
        let mut people = self.lock();
        people.entry(user_id.to_owned()).or_insert_with(|| watch::channel(0).0).subscribe()
    }

    /// A message of this sequence has been committed.
    pub fn news(&self, user_id: &str, sequence: i64) {
        if let Some(person) = self.lock().get(user_id) {
            person.send_if_modified(|last| {
                let newer = sequence > *last;
                *last = sequence.max(*last);
                newer
            });
        }
    }

    /// Everybody who waits. Forgets those who have gone.
    pub fn waiting(&self) -> Vec<String> {
        let mut people = self.lock();
        people.retain(|_, person| person.receiver_count() > 0);
        people.keys().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, watch::Sender<i64>>> {
        self.people.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn news_reach_the_person_only_and_never_go_back() {
        let hub = Hub::default();
        let (mut anna, mut eve) = (hub.watch("anna"), hub.watch("eve"));
        hub.news("anna", 7);
        hub.news("anna", 6);
        assert_eq!(*anna.borrow_and_update(), 7);
        assert!(!eve.has_changed().unwrap_or(true));
        assert_eq!(*eve.borrow_and_update(), 0);
        hub.news("nobody", 1);
    }

    #[test]
    fn those_who_have_gone_are_forgotten() {
        let hub = Hub::default();
        let anna = hub.watch("anna");
        drop(hub.watch("eve"));
        assert_eq!(hub.waiting(), ["anna"]);
        drop(anna);
        assert!(hub.waiting().is_empty());
    }
}
