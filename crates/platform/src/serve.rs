//! The server side of every gRPC process: one request's way in, and the process's way out.
//!
//! A request passes, from the outside in: trace and metrics ([`observe`]), load shedding ([`shed`]),
//! deadline ([`deadline`]), identity (`auth`), then the service. Each step reads the contracts' method
//! table, so that no service keeps a list of its own. The steps stand one after the other in
//! [`stack`] rather than as nested layers: one future per request, and the order can be read.
//!
//! A stop is bounded: health says NOT_SERVING, streams end with a reason, requests drain until a hard
//! deadline, then the rest is cut (hyperium/hyper #4170 would otherwise let it hang for ever).
//!
//! Start reading at [`Server`].

mod accept;
mod body;
mod call;
mod config;
pub(crate) mod deadline;
mod drain;
mod exempt;
mod health;
mod hooks;
mod lanes;
pub(crate) mod observe;
mod pages;
mod refusal;
mod routes;
mod running;
mod server;
mod shed;
mod stack;

pub use call::{Call, arrival, carry, stopping};
pub use config::{ServeConfig, WatchLimits};
pub use deadline::{Deadline, GRPC_TIMEOUT};
pub use drain::drain;
pub use exempt::find as find_open_method;
pub use health::Health;
pub use hooks::Hooks;
pub use observe::{CallMetrics, Watch, gauge_in_flight};
pub use pages::Pages;
pub use refusal::Refusal;
pub(crate) use refusal::status_with_reason;
pub use routes::Routes;
pub use running::Running;
pub use server::{MethodTable, Server, StartError, add_common};
pub use shed::{Permit, Shed, part_of};
