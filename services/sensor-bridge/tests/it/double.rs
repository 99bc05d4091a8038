//! A sensor service that writes down what it is told and acknowledges when the test lets it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use parkmesh_contracts::sensor::v1 as proto;
use parkmesh_contracts::sensor::v1::sensor_service_server::{SensorService, SensorServiceServer};
use parkmesh_platform::fault::{self, Fault, Kind};
use parkmesh_platform::tasks::Tasks;
use parkmesh_testkit::listener;
use tokio::sync::{mpsc, watch};
use tokio_stream::StreamExt;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status, Streaming};

/// What of a device is refused.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Poison {
    /// Its readings.
    Readings,
    /// Whatever names it.
    Everything,
}

/// The refusal of a batch that breaks a rule, as the sensor service says it.
#[derive(Debug)]
struct Refusal;

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("refused for a test")
    }
}

impl std::error::Error for Refusal {}

impl Fault for Refusal {
    fn kind(&self) -> Kind {
        Kind::Invalid
    }

    fn reason(&self) -> &'static str {
        "ARGUMENT_INVALID"
    }

    fn public(&self) -> String {
        "readings[0].device_id must please the test".to_owned()
    }
}

/// Shared by the double and its test.
#[derive(Clone)]
pub struct Double {
    pub batches: Arc<Mutex<Vec<proto::StreamReadingsRequest>>>,
    pub streams: Arc<AtomicUsize>,
    models: Arc<Mutex<HashMap<String, String>>>,
    away: Arc<AtomicBool>,
    poison: Arc<Mutex<HashMap<String, Poison>>>,
    acknowledging: Arc<watch::Sender<bool>>,
    breaks: Arc<watch::Sender<usize>>,
    tasks: Tasks,
}

impl Double {
    pub async fn start(tasks: &Tasks) -> (Self, String) {
        let double = Self {
            batches: Arc::default(),
            streams: Arc::default(),
            models: Arc::default(),
            away: Arc::default(),
            poison: Arc::default(),
            acknowledging: Arc::new(watch::channel(true).0),
            breaks: Arc::new(watch::channel(0).0),
            tasks: tasks.clone(),
        };
        let listener = listener().await;
        let address = format!("http://{}", listener.local_addr().unwrap());
        let server = tonic::transport::Server::builder()
            .add_service(SensorServiceServer::new(double.clone()))
            .serve_with_incoming(TcpListenerStream::new(listener));
        tasks.spawn("double", async move { server.await.unwrap() });
        (double, address)
    }

    /// From now on batches are, or are not, acknowledged. Those that wait are acknowledged then.
    pub fn acknowledge(&self, yes: bool) {
        self.acknowledging.send_replace(yes);
    }

    /// Ends all streams.
    pub fn break_streams(&self) {
        self.breaks.send_modify(|count| *count += 1);
    }

    /// Whether devices can be resolved.
    pub fn be_away(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
    }

    /// From now on what the device says is refused.
    pub fn refuse(&self, device_id: &str, poison: Poison) {
        self.poison.lock().unwrap().insert(device_id.to_owned(), poison);
    }

    fn refuses(&self, request: &proto::StreamReadingsRequest) -> bool {
        let poison = self.poison.lock().unwrap();
        let everything = |name| poison.get(name) == Some(&Poison::Everything);
        request.readings.iter().any(|reading| poison.contains_key(&reading.device_id))
            || request.unreadable.iter().any(|frame| everything(&frame.device_id))
    }

    pub fn register(&self, device_id: &str, model: &str) {
        self.models.lock().unwrap().insert(device_id.to_owned(), model.to_owned());
    }

    pub fn readings(&self) -> Vec<proto::Reading> {
        let batches = self.batches.lock().unwrap();
        batches.iter().flat_map(|batch| batch.readings.clone()).collect()
    }

    pub fn plates(&self) -> Vec<proto::PlateSighting> {
        let batches = self.batches.lock().unwrap();
        batches.iter().flat_map(|batch| batch.plates.clone()).collect()
    }

    pub fn unreadable(&self) -> Vec<proto::UnreadableFrame> {
        let batches = self.batches.lock().unwrap();
        batches.iter().flat_map(|batch| batch.unreadable.clone()).collect()
    }

    pub fn forget(&self) {
        self.batches.lock().unwrap().clear();
    }

    async fn serve(
        self,
        mut requests: Streaming<proto::StreamReadingsRequest>,
        acks: mpsc::Sender<Result<proto::StreamReadingsResponse, Status>>,
    ) {
        let mut acknowledging = self.acknowledging.subscribe();
        let mut breaks = self.breaks.subscribe();
        let mut last = 0;
        loop {
            let yes = *acknowledging.borrow_and_update();
            if yes && last > 0 {
                let ack = proto::StreamReadingsResponse { durable_batch: last };
                if acks.send(Ok(ack)).await.is_err() {
                    return;
                }
            }
            tokio::select! {
                request = requests.next() => {
                    let Some(Ok(request)) = request else { return };
                    assert_eq!(request.batch, last + 1, "without gaps, from 1");
                    if self.refuses(&request) {
                        let refusal = fault::to_status("sensor.parkmesh", &Refusal);
                        let _gone = acks.send(Err(refusal)).await;
                        return;
                    }
                    last = request.batch;
                    self.batches.lock().unwrap().push(request);
                }
                _ = acknowledging.changed() => {}
                _ = breaks.changed() => {
                    let _gone = acks.send(Err(Status::unavailable("for a test"))).await;
                    return;
                }
            }
        }
    }
}

#[tonic::async_trait]
impl SensorService for Double {
    async fn resolve_devices(
        &self,
        request: Request<proto::ResolveDevicesRequest>,
    ) -> Result<Response<proto::ResolveDevicesResponse>, Status> {
        if self.away.load(Ordering::SeqCst) {
            return Err(Status::unavailable("for a test"));
        }
        let models = self.models.lock().unwrap();
        let names = request.into_inner().device_ids;
        let device = |name: String| {
            let model = models.get(&name)?.clone();
            let firmware = String::new();
            Some(proto::resolve_devices_response::Device { device_id: name, model, firmware })
        };
        let devices = names.into_iter().filter_map(device).collect();
        Ok(Response::new(proto::ResolveDevicesResponse { devices }))
    }

    type StreamReadingsStream = BoxStream<proto::StreamReadingsResponse>;

    async fn stream_readings(
        &self,
        request: Request<Streaming<proto::StreamReadingsRequest>>,
    ) -> Result<Response<Self::StreamReadingsStream>, Status> {
        self.streams.fetch_add(1, Ordering::SeqCst);
        let (sender, acks) = mpsc::channel(16);
        self.tasks.spawn("stream", self.clone().serve(request.into_inner(), sender));
        Ok(Response::new(Box::pin(ReceiverStream::new(acks))))
    }

    async fn register_sensors(
        &self,
        _request: Request<proto::RegisterSensorsRequest>,
    ) -> Result<Response<proto::RegisterSensorsResponse>, Status> {
        Err(Status::unimplemented("not the bridge's to call"))
    }

    type WatchOccupancyStream = BoxStream<proto::WatchOccupancyResponse>;

    async fn watch_occupancy(
        &self,
        _request: Request<proto::WatchOccupancyRequest>,
    ) -> Result<Response<Self::WatchOccupancyStream>, Status> {
        Err(Status::unimplemented("not the bridge's to call"))
    }

    type WatchPassagesStream = BoxStream<proto::WatchPassagesResponse>;

    async fn watch_passages(
        &self,
        _request: Request<proto::WatchPassagesRequest>,
    ) -> Result<Response<Self::WatchPassagesStream>, Status> {
        Err(Status::unimplemented("not the bridge's to call"))
    }

    async fn acknowledge_passage(
        &self,
        _request: Request<proto::AcknowledgePassageRequest>,
    ) -> Result<Response<proto::AcknowledgePassageResponse>, Status> {
        Err(Status::unimplemented("not the bridge's to call"))
    }

    async fn submit_plate_read(
        &self,
        _request: Request<proto::SubmitPlateReadRequest>,
    ) -> Result<Response<proto::SubmitPlateReadResponse>, Status> {
        Err(Status::unimplemented("not the bridge's to call"))
    }

    async fn list_discrepancies(
        &self,
        _request: Request<proto::ListDiscrepanciesRequest>,
    ) -> Result<Response<proto::ListDiscrepanciesResponse>, Status> {
        Err(Status::unimplemented("not the bridge's to call"))
    }

    async fn list_sensors(
        &self,
        _request: Request<proto::ListSensorsRequest>,
    ) -> Result<Response<proto::ListSensorsResponse>, Status> {
        Err(Status::unimplemented("not the bridge's to call"))
    }

    async fn get_spot_occupancy(
        &self,
        _request: Request<proto::GetSpotOccupancyRequest>,
    ) -> Result<Response<proto::GetSpotOccupancyResponse>, Status> {
        Err(Status::unimplemented("not the bridge's to call"))
    }

    type StreamOccupancyStream = BoxStream<proto::StreamOccupancyResponse>;

    async fn stream_occupancy(
        &self,
        _request: Request<proto::StreamOccupancyRequest>,
    ) -> Result<Response<Self::StreamOccupancyStream>, Status> {
        Err(Status::unimplemented("not the bridge's to call"))
    }

    async fn list_quarantine(
        &self,
        _request: Request<proto::ListQuarantineRequest>,
    ) -> Result<Response<proto::ListQuarantineResponse>, Status> {
        Err(Status::unimplemented("not the bridge's to call"))
    }
}
