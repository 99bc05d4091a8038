//! The replicas of a cluster: who they are, and who of them gets the next call.

use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};

use parkmesh_platform::ids::Ids;
use parkmesh_platform::tls::Towards;

use super::host::Host;
use super::settings::{Address, ClusterConfig};

/// Looks for a replica that was not tried yet before all are walked.
const PICKS_MAX: usize = 5;

/// All, and those of them that calls go to.
#[derive(Default)]
struct View {
    all: Vec<Arc<Host>>,
    usable: Vec<Arc<Host>>,
    /// Too few were usable, so all are.
    panic: bool,
}

/// The replicas of a cluster.
#[derive(Default)]
pub struct Members {
    view: RwLock<Arc<View>>,
    /// Who they prove to be.
    towards: Option<Towards>,
}

impl Members {
    /// Nobody yet.
    pub fn new(towards: Option<Towards>) -> Self {
        Self { view: RwLock::default(), towards }
    }

    /// All of them.
    pub fn all(&self) -> Vec<Arc<Host>> {
        self.view().all.clone()
    }

    /// Whether calls go to everybody, because too few are usable.
    pub fn is_panic(&self) -> bool {
        self.view().panic
    }

    /// Takes these addresses; who was there before stays as it is. Says whether anything changed.
    pub fn replace(&self, found: &[(SocketAddr, Address)], config: &ClusterConfig) -> bool {
        let before = self.view();
        let kept = |address: &SocketAddr, named: &Address| {
            before.all.iter().find(|host| host.address == *address && host.named == *named)
        };
        let all: Vec<Arc<Host>> = found
            .iter()
            .map(|(address, named)| match kept(address, named) {
                Some(host) => Arc::clone(host),
                None => Arc::new(Host::new(*address, named, config, self.towards.clone())),
            })
            .collect();
        let same = all.len() == before.all.len()
            && all.iter().all(|host| before.all.iter().any(|old| Arc::ptr_eq(old, host)));
        self.set(all, config);
        !same
    }

    /// Looks anew who is usable.
    pub fn refresh(&self, config: &ClusterConfig) {
        self.set(self.all(), config);
    }

    fn set(&self, all: Vec<Arc<Host>>, config: &ClusterConfig) {
        let mut usable: Vec<_> = all.iter().filter(|host| host.is_usable()).cloned().collect();
        let panic = usable.len() * 100 < all.len() * config.healthy_panic_percent as usize;
        if panic {
            usable.clone_from(&all);
        }
        let view = Arc::new(View { all, usable, panic });
        *self.view.write().unwrap_or_else(PoisonError::into_inner) = view;
    }

    /// The less busy of two, chosen at random; somebody who was not tried, while there is one.
    pub fn choose(&self, ids: &Ids, tried: &[Arc<Host>]) -> Option<Arc<Host>> {
        let view = self.view();
        let hosts = &view.usable;
        let (first, rest) = hosts.split_first()?;
        if rest.is_empty() {
            return Some(Arc::clone(first));
        }
        for _ in 0..PICKS_MAX {
            let (one, other) = (pick(hosts, ids), pick(hosts, ids));
            let less = one.in_flight.taken() <= other.in_flight.taken();
            let best = if less { one } else { other };
            if !was_tried(best, tried) {
                return Some(Arc::clone(best));
            }
        }
        let untried = hosts.iter().find(|host| !was_tried(host, tried));
        Some(Arc::clone(untried.unwrap_or_else(|| pick(hosts, ids))))
    }

    /// Whether somebody is left who was not tried.
    pub fn has_untried(&self, tried: &[Arc<Host>]) -> bool {
        self.view().usable.iter().any(|host| !was_tried(host, tried))
    }

    fn view(&self) -> Arc<View> {
        Arc::clone(&self.view.read().unwrap_or_else(PoisonError::into_inner))
    }
}

fn was_tried(host: &Arc<Host>, tried: &[Arc<Host>]) -> bool {
    tried.iter().any(|one| Arc::ptr_eq(one, host))
}

fn pick<'h>(hosts: &'h [Arc<Host>], ids: &Ids) -> &'h Arc<Host> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an index below a small length"
    )]
    let index = (ids.fraction() * hosts.len() as f64) as usize;
    &hosts[index.min(hosts.len() - 1)]
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::super::outlier::Verdict;
    use super::super::settings::OutlierConfig;
    use super::*;

    fn members(count: u16) -> (Members, ClusterConfig) {
        let config = ClusterConfig::new("test", Vec::new());
        let named = Address { host: "test".to_owned(), port: 1 };
        let found: Vec<_> =
            (1..=count).map(|port| (([127, 0, 0, 1], port).into(), named.clone())).collect();
        let members = Members::default();
        assert!(members.replace(&found, &config));
        assert!(!members.replace(&found, &config), "nothing new");
        (members, config)
    }

    #[test]
    fn the_less_busy_replica_gets_most_calls_and_no_call_goes_twice_to_one_while_others_are_left() {
        let (members, _config) = members(3);
        let ids = Ids::random();
        let held: Vec<_> = (0..60)
            .map(|_| members.choose(&ids, &[]).expect("a host").in_flight.enter(1_000))
            .collect();
        let loads: Vec<_> = members.all().iter().map(|host| host.in_flight.taken()).collect();
        assert_eq!(loads.iter().sum::<usize>(), held.len());
        assert!(loads.iter().all(|load| *load >= 10), "{loads:?}");
        let mut tried = Vec::new();
        while members.has_untried(&tried) {
            let next = members.choose(&ids, &tried).expect("a host");
            assert!(!was_tried(&next, &tried));
            tried.push(next);
        }
        assert_eq!(tried.len(), 3);
        assert!(members.choose(&ids, &tried).is_some(), "somebody again");
    }

    #[tokio::test]
    async fn nobody_calls_the_ejected_and_the_unwell_until_nobody_else_is_left() {
        let (members, config) = members(2);
        let (ids, outlier) = (Ids::random(), OutlierConfig::default());
        let [first, second] = &members.all()[..] else { panic!("two") };
        first.monitor.eject(Verdict::Failing, Instant::now(), &outlier);
        members.refresh(&config);
        for _ in 0..20 {
            assert!(Arc::ptr_eq(&members.choose(&ids, &[]).expect("the other"), second));
        }
        assert!(second.set_healthy(false));
        members.refresh(&config);
        assert!(members.is_panic() && members.choose(&ids, &[]).is_some());
    }

    #[test]
    fn who_stays_keeps_its_state_and_who_is_gone_is_gone() {
        let (members, config) = members(2);
        let kept = Arc::clone(&members.all()[1]);
        let found = [(kept.address, kept.named.clone())];
        assert!(members.replace(&found, &config));
        assert!(Arc::ptr_eq(&members.all()[0], &kept) && members.all().len() == 1);
        assert!(members.replace(&[], &config));
        assert!(members.choose(&Ids::random(), &[]).is_none());
    }
}
