//! From a path to whoever answers it. The contracts' method table decides what there is and who may; routes
//! decide which cluster answers.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use parkmesh_contracts::methods::{METHODS, Method};
use parkmesh_platform::serve::{Refusal, Routes, find_open_method};
use tonic::Status;

use crate::cluster::{Cluster, RetryPolicy};
use crate::config::RouteConfig;
use crate::error::Error;
use crate::red::{Red, Reds};

/// Clusters by name.
pub type Clusters = BTreeMap<String, Arc<Cluster>>;

/// How calls to some paths go on.
#[derive(Clone, Debug)]
pub struct Route {
    /// To whom; `None` when this gateway knows no such cluster.
    pub cluster: Option<Arc<Cluster>>,
    /// How long they may take, beside the method's own deadline.
    pub timeout: Option<Duration>,
    /// What is repeated.
    pub retry: RetryPolicy,
    /// What is counted of them.
    pub red: Arc<Red>,
}

/// A method, and its way if any route leads to it.
struct Row {
    method: &'static Method,
    route: Option<Route>,
}

/// Everything that can be reached through the gate.
pub struct Table {
    methods: HashMap<&'static str, Row>,
    documents: Vec<(String, Route)>,
    local: Arc<Routes>,
}

/// Where a call goes.
#[derive(Clone, Copy)]
pub enum Target<'t> {
    /// To the gateway itself: health and reflection.
    Local(&'t Routes),
    /// To a cluster; `None` when no route leads anywhere.
    Cluster(Option<&'t Route>),
}

/// Services with a method that a token can open: what the gate shows of the inside.
pub fn public_services() -> Vec<&'static str> {
    let open = METHODS.iter().filter(|method| !method.scopes.is_empty());
    let mut names: Vec<_> = open.map(|method| method.service).collect();
    names.dedup();
    names
}

impl Target<'_> {
    /// How long the route lets a call take.
    pub fn timeout(self) -> Option<Duration> {
        match self {
            Self::Local(_) => None,
            Self::Cluster(route) => route?.timeout,
        }
    }
}

impl Table {
    /// These methods on these routes to these clusters, and what is served here. The first route that fits a path counts.
    pub fn new(
        methods: &'static [Method],
        routes: &[RouteConfig],
        clusters: &Clusters,
        local: Arc<Routes>,
        reds: &Reds,
    ) -> Self {
        let made = |route: &RouteConfig| Route {
            cluster: clusters.get(&route.cluster).cloned(),
            timeout: route.timeout,
            retry: route.retry.clone(),
            red: reds.of(&route.prefix, &route.cluster),
        };
        let rows = methods.iter().map(|method| {
            let fits = routes.iter().find(|route| method.path.starts_with(&route.prefix));
            (method.path, Row { method, route: fits.map(made) })
        });
        let plain = routes.iter().filter(|route| !route.leads_to(methods));
        let documents = plain.map(|route| (route.prefix.clone(), made(route))).collect();
        Self { methods: rows.collect(), documents, local }
    }

    /// The method at a path: who may call it and how.
    ///
    /// # Errors
    /// UNIMPLEMENTED for a path that nobody serves, PERMISSION_DENIED for one that no token opens. The
    /// second is said without looking at the token: services inside call each other directly.
    pub fn find(&self, path: &str) -> Result<&'static Method, Status> {
        if let Some(method) = find_open_method(path) {
            return Ok(method);
        }
        let row = self.methods.get(path).ok_or_else(|| Refusal::PathUnknown.to_status())?;
        if row.method.scopes.is_empty() {
            return Err(Error::MethodInternal.into());
        }
        Ok(row.method)
    }

    /// The route of a document.
    pub fn document(&self, path: &str) -> Option<&Route> {
        let fits = self.documents.iter().find(|(prefix, _)| path.starts_with(prefix));
        fits.map(|(_, route)| route)
    }

    /// Who answers this method.
    pub fn target(&self, method: &Method) -> Target<'_> {
        if self.local.has(method.service) {
            Target::Local(&self.local)
        } else {
            Target::Cluster(self.route(method))
        }
    }

    fn route(&self, method: &Method) -> Option<&Route> {
        self.methods.get(method.path)?.route.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use tonic::Code;

    use super::*;

    fn table(routes: &[RouteConfig]) -> Table {
        Table::new(METHODS, routes, &Clusters::new(), Arc::default(), &Reds::default())
    }

    #[test]
    fn a_method_without_scopes_is_refused_and_an_unknown_path_is_unimplemented() {
        let table = table(&[]);
        for method in METHODS {
            let found = table.find(method.path);
            if method.scopes.is_empty() {
                let refused = found.expect_err(method.path);
                assert_eq!(refused.code(), Code::PermissionDenied, "{}", method.path);
            } else {
                assert_eq!(found.expect(method.path), method);
            }
        }
        let code = |path| table.find(path).expect_err(path).code();
        assert_eq!(code("/parkmesh.booking.v1.BookingService/Nothing"), Code::Unimplemented);
        assert_eq!(code("/"), Code::Unimplemented);
    }

    #[test]
    fn there_are_internal_methods_and_public_services() {
        assert!(METHODS.iter().any(|method| method.scopes.is_empty()), "the rule has no case");
        let services = public_services();
        assert!(services.contains(&"parkmesh.notification.v1.NotificationService"));
        let mut once = services.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once, services);
    }

    #[test]
    fn the_first_route_that_fits_counts_and_what_fits_no_service_is_a_document() {
        let route = |prefix: &str, timeout_s: u64| RouteConfig {
            timeout: Some(Duration::from_secs(timeout_s)),
            ..RouteConfig::new(prefix, "somewhere")
        };
        let routes = [
            route("/parkmesh.booking.v1.BookingService/GetBooking", 1),
            route("/parkmesh.booking.v1.BookingService/", 2),
            route("/opendata/", 3),
        ];
        let table = table(&routes);
        let timeout = |path: &str| {
            let path = format!("/parkmesh.{path}");
            table
                .target(parkmesh_contracts::methods::find(&path).expect("a method"))
                .timeout()
                .map(|one| one.as_secs())
        };
        assert_eq!(timeout("booking.v1.BookingService/GetBooking"), Some(1));
        assert_eq!(timeout("booking.v1.BookingService/HoldSpot"), Some(2));
        assert_eq!(timeout("payment.v1.PaymentService/GetPayment"), None);
        assert!(table.document("/opendata/parkapi/v3/parking-sites").is_some());
        for other in ["/opendata", "/parkmesh.booking.v1.BookingService/HoldSpot", "/"] {
            assert!(table.document(other).is_none(), "{other}");
        }
    }
}
