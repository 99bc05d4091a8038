//! Something is to be delivered: one of those who deliver on its way is woken, not all of them. Whoever finds as much as one
//! takes at a time wakes the next.

use std::sync::Arc;

use tokio::sync::Notify;

use crate::domain::Channel;

/// Those who deliver and find nothing to do. Clones are the same.
#[derive(Clone, Default)]
pub struct Outgoing(Arc<Waiting>);

#[derive(Default)]
struct Waiting {
    email: Notify,
    webhook: Notify,
}

impl Outgoing {
    /// Wakes one of those who deliver on a way; if none waits, whoever is the next to.
    pub fn wake(&self, channel: Channel) {
        self.on(channel).notify_one();
    }

    /// Waits to be woken.
    pub async fn woken(&self, channel: Channel) {
        self.on(channel).notified().await;
    }

    fn on(&self, channel: Channel) -> &Notify {
        match channel {
            Channel::Email => &self.0.email,
            Channel::Webhook => &self.0.webhook,
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn one_of_those_who_deliver_on_a_way_is_woken() {
        let outgoing = Outgoing::default();
        let mut waiting = [Channel::Webhook, Channel::Webhook, Channel::Email]
            .map(|channel| Box::pin(outgoing.woken(channel)));
        let mut woken = || waiting.iter_mut().filter_map(|one| one.now_or_never()).count();
        assert_eq!(woken(), 0);
        outgoing.wake(Channel::Webhook);
        assert_eq!(woken(), 1);
        outgoing.wake(Channel::Email);
        assert_eq!(outgoing.woken(Channel::Email).now_or_never(), None, "it is for who waits");
    }

    #[test]
    fn what_comes_while_all_are_at_work_is_not_forgotten() {
        let outgoing = Outgoing::default();
        outgoing.wake(Channel::Webhook);
        assert_eq!(outgoing.woken(Channel::Webhook).now_or_never(), Some(()));
        assert_eq!(outgoing.woken(Channel::Webhook).now_or_never(), None);
    }
}
