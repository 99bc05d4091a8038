//! The door: unpack, one call, wrap. It decides nothing.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::Stream;
use parkmesh_contracts::availability::v1 as proto;
use parkmesh_contracts::availability::v1::availability_service_server::AvailabilityService;
use parkmesh_platform::auth::Caller;
use parkmesh_platform::fault;
use parkmesh_platform::page::{self, List};
use parkmesh_platform::tasks::Tasks;
use tonic::{Request, Response, Status};

use crate::app::App;
use crate::app::find::FoundKey;
use crate::app::search::Search;
use crate::app::watch::Watching;
use crate::convert::ask::{self, floor_id, lot_id, spot_type, window};
use crate::domain::search::Wanted;
use crate::domain::search::roster::OrderKey;
use crate::error::Error;

mod stream;

/// Spots to a page where the caller does not say.
const PAGE_SIZE_DEFAULT: usize = 1_000;
/// Spots to a page at most.
const PAGE_SIZE_MAX: usize = 5_000;

/// Free spots to a page of a search where the caller does not say.
const FOUND_SIZE_DEFAULT: usize = 100;
/// Free spots to a page of a search at most.
const FOUND_SIZE_MAX: usize = 1_000;

/// Lots to a page where the caller does not say.
const LOTS_SIZE_DEFAULT: usize = 20;
/// Lots to a page at most.
const LOTS_SIZE_MAX: usize = 100;

/// How watches go.
#[derive(Clone, Copy, Debug)]
pub struct WatchConfig {
    /// A sign of life when nothing else was said for this long.
    pub heartbeat: Duration,
    /// How long a watch lives.
    pub life_max: Duration,
    /// Changes within this time are told together; the first is told at once.
    pub gather: Duration,
}

impl Default for WatchConfig {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_secs(15),
            life_max: Duration::from_secs(15 * 60),
            gather: Duration::from_millis(5),
        }
    }
}

/// `availability.v1.AvailabilityService`.
pub struct Door {
    app: Arc<App>,
    watch: WatchConfig,
    tasks: Tasks,
}

impl Door {
    /// The door to this picture.
    #[must_use]
    pub fn new(app: Arc<App>, watch: WatchConfig, tasks: &Tasks) -> Self {
        Self { app, watch, tasks: tasks.clone() }
    }
}

#[tonic::async_trait]
impl AvailabilityService for Door {
    async fn get_availability(
        &self,
        request: Request<proto::GetAvailabilityRequest>,
    ) -> Result<Response<proto::GetAvailabilityResponse>, Status> {
        let request = request.into_inner();
        fault::check(&request).map_err(Error::Invalid)?;
        Ok(Response::new(self.app.availability(lot_id(&request.lot_id)?)?))
    }

    async fn list_spot_states(
        &self,
        request: Request<proto::ListSpotStatesRequest>,
    ) -> Result<Response<proto::ListSpotStatesResponse>, Status> {
        fault::check(request.get_ref()).map_err(Error::Invalid)?;
        let caller = Caller::of(&request)?.subject.clone();
        let request = request.into_inner();
        let lot_id = lot_id(&request.lot_id)?;
        let floor_id = floor_id(&request.floor_id)?;
        let list = List::of("ListSpotStates", &caller, &[&request.lot_id, &request.floor_id]);
        let after: Option<OrderKey> = list.after(&request.page_token).map_err(Error::from)?;
        let size = page::size(request.page_size, PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX);
        let found = self.app.spot_states(lot_id, floor_id, after.as_ref(), size)?;
        let next_page_token = found.next.map(|key| list.token(&key)).unwrap_or_default();
        let (spots, freshness) = (found.spots, Some(found.freshness));
        Ok(Response::new(proto::ListSpotStatesResponse { spots, next_page_token, freshness }))
    }

    async fn search_availability(
        &self,
        request: Request<proto::SearchAvailabilityRequest>,
    ) -> Result<Response<proto::SearchAvailabilityResponse>, Status> {
        fault::check(request.get_ref()).map_err(Error::Invalid)?;
        let caller = Caller::of(&request)?.subject.clone();
        let request = request.into_inner();
        let window = window(request.window.as_ref())?;
        let wanted = Wanted {
            spot_type: spot_type(request.spot_type()),
            floor_id: floor_id(&request.floor_id)?,
        };
        let arguments =
            [&request.lot_id, &window.to_string(), &request.floor_id, &format!("{wanted:?}")];
        let list = List::of("SearchAvailability", &caller, &arguments.map(String::as_str));
        let after: Option<OrderKey> = list.after(&request.page_token).map_err(Error::from)?;
        let size = match request.counts_only {
            true => 0,
            false => page::size(request.page_size, FOUND_SIZE_DEFAULT, FOUND_SIZE_MAX),
        };
        let search = Search { lot_id: lot_id(&request.lot_id)?, window, wanted, after, size };
        let (mut found, next) = self.app.search(&search)?;
        found.next_page_token = next.map(|key| list.token(&key)).unwrap_or_default();
        Ok(Response::new(found))
    }

    async fn find_lots(
        &self,
        request: Request<proto::FindLotsRequest>,
    ) -> Result<Response<proto::FindLotsResponse>, Status> {
        fault::check(request.get_ref()).map_err(Error::Invalid)?;
        let caller = Caller::of(&request)?.subject.clone();
        let request = request.into_inner();
        let size = page::size(request.page_size, LOTS_SIZE_DEFAULT, LOTS_SIZE_MAX);
        let mut find = ask::find(&request, size)?;
        let list = List::of("FindLots", &caller, &[&find.arguments()]);
        let after: Option<FoundKey> = list.after(&request.page_token).map_err(Error::from)?;
        find.after = after;
        let found = self.app.find_lots(&find)?;
        let next_page_token = found.next.map(|key| list.token(&key)).unwrap_or_default();
        let (lots, freshness) = (found.lots, Some(found.freshness));
        Ok(Response::new(proto::FindLotsResponse { lots, next_page_token, freshness }))
    }

    async fn forecast_availability(
        &self,
        request: Request<proto::ForecastAvailabilityRequest>,
    ) -> Result<Response<proto::ForecastAvailabilityResponse>, Status> {
        let request = request.into_inner();
        fault::check(&request).map_err(Error::Invalid)?;
        let arrive = ask::instant("arrive_time", request.arrive_time.as_ref())?;
        Ok(Response::new(self.app.forecast(lot_id(&request.lot_id)?, arrive)?))
    }

    async fn get_occupancy_report(
        &self,
        request: Request<proto::GetOccupancyReportRequest>,
    ) -> Result<Response<proto::GetOccupancyReportResponse>, Status> {
        fault::check(request.get_ref()).map_err(Error::Invalid)?;
        let caller = Caller::of(&request)?.clone();
        let request = request.into_inner();
        let (lot_id, window) = (lot_id(&request.lot_id)?, window(request.window.as_ref())?);
        let step = ask::step(request.step_minutes);
        Ok(Response::new(self.app.occupancy_report(&caller, lot_id, &window, step)?))
    }

    type WatchAvailabilityStream =
        Pin<Box<dyn Stream<Item = Result<proto::WatchAvailabilityResponse, Status>> + Send>>;

    async fn watch_availability(
        &self,
        request: Request<proto::WatchAvailabilityRequest>,
    ) -> Result<Response<Self::WatchAvailabilityStream>, Status> {
        let request = request.into_inner();
        fault::check(&request).map_err(Error::Invalid)?;
        let lot_id = lot_id(&request.lot_id)?;
        let watching =
            Watching::start(&self.app, lot_id, request.include_spots, &request.resume_token)?;
        Ok(Response::new(Box::pin(stream::of(watching, self.watch, self.tasks.clone()))))
    }
}
