//! `parkmesh seed`: the demo mall, made through the gateway as any operator would make it. Safe to repeat:
//! what is there already is found and kept.

mod mall;

use parkmesh_contracts::booking::v1::inventory_service_client::InventoryServiceClient;
use parkmesh_contracts::booking::v1::{
    BatchCreateSpotsRequest, CreateFloorRequest, CreateLotRequest, Floor, ListFloorsRequest,
    ListSpotsRequest, Lot, NewSpot, Spot,
};
use parkmesh_contracts::google::r#type::Money;
use parkmesh_contracts::ids::LotId;
use parkmesh_contracts::sensor::v1::sensor_service_client::SensorServiceClient;
use parkmesh_contracts::sensor::v1::{NewSensor, RegisterSensorsRequest};
use uuid::Uuid;

use crate::Failure;
use crate::cli::Seed;
use crate::client::{ANSWER_BYTES_MAX, Gateway, connect};
use crate::registry;

/// Namespace of the request ids, so that a repeated run repeats them.
const NAMESPACE: Uuid = Uuid::from_u128(0x9d6f_2c1e_53a7_4f0b_8a44_6b1d_70e2_9c35);

/// Spots of a floor that can be made, and listed, at once.
const SPOTS_MAX: i32 = 1_000;

/// What the demo mall is known by.
#[derive(Debug, Clone)]
pub struct Mall {
    /// The lot.
    pub lot_id: LotId,
    /// Its first device.
    pub first_device: String,
}

/// Makes the demo mall and says where it is.
pub fn run(options: Seed) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let token = options.target.operator_token()?;
        let mall = demo_mall(connect(&options.target.gateway, &token).await?).await?;
        println!("the demo mall is lot {}", mall.lot_id);
        Ok(())
    })
}

/// Makes the demo mall: three floors of 200, 200 and 100 spots, each with a sensor.
pub async fn demo_mall(gateway: Gateway) -> Result<Mall, Failure> {
    let maker = Maker::new(gateway, "demo-mall");
    let lot = maker.lot(mall::lot()).await?;
    let mut first_device = String::new();
    for plan in mall::floors() {
        let floor = maker.floor(&lot, plan.number, plan.name, plan.size()).await?;
        let spots = maker.spots(&floor, plan.spots()).await?;
        let sensors = spots.iter().map(|spot| NewSensor {
            device_id: mall::device_of(&spot.spot_number),
            spot_id: spot.spot_id.clone(),
            floor_id: spot.floor_id.clone(),
            model: "plain-json".to_owned(),
            heartbeat_seconds: mall::HEARTBEAT_SECONDS,
            ..Default::default()
        });
        let sensors: Vec<NewSensor> = sensors.collect();
        if first_device.is_empty() {
            first_device = sensors.first().map(|one| one.device_id.clone()).unwrap_or_default();
        }
        maker.sensors(&lot, sensors).await?;
    }
    Ok(Mall { lot_id: LotId::parse(&lot.lot_id)?, first_device })
}

/// Makes lots, floors, spots and sensors; used by `seed` and `replay`.
pub struct Maker {
    gateway: Gateway,
    world: String,
}

impl Maker {
    /// Makes things of a world: the same world and names give the same request ids.
    pub fn new(gateway: Gateway, world: impl Into<String>) -> Self {
        Self { gateway, world: world.into() }
    }

    /// The lot of this name, made if it is not there; its request id is filled in.
    pub async fn lot(&self, mut request: CreateLotRequest) -> Result<Lot, Failure> {
        let lots = registry::lots(&self.gateway).await?;
        if let Some(found) = lots.into_iter().find(|lot| lot.name == request.name) {
            return Ok(found);
        }
        request.request_id = self.request_id(&["lot", &request.name]);
        let answer = self.inventory().create_lot(request).await?.into_inner();
        answer.lot.ok_or_else(|| "the answer holds no lot".into())
    }

    /// The floor of this number, made with a plan of this size if it is not there.
    pub async fn floor(
        &self,
        lot: &Lot,
        number: i32,
        name: &str,
        (plan_width, plan_height): (f64, f64),
    ) -> Result<Floor, Failure> {
        let request = ListFloorsRequest { lot_id: lot.lot_id.clone() };
        let floors = self.inventory().list_floors(request).await?.into_inner().floors;
        if let Some(floor) = floors.into_iter().find(|floor| floor.floor_number == number) {
            return Ok(floor);
        }
        let request = CreateFloorRequest {
            request_id: self.request_id(&["floor", &lot.lot_id, &number.to_string()]),
            lot_id: lot.lot_id.clone(),
            floor_number: number,
            name: name.to_owned(),
            plan_width,
            plan_height,
        };
        let answer = self.inventory().create_floor(request).await?.into_inner();
        answer.floor.ok_or_else(|| "the answer holds no floor".into())
    }

    /// Spots of a floor, at most 1,000; those that are there already if there are any.
    pub async fn spots(&self, floor: &Floor, spots: Vec<NewSpot>) -> Result<Vec<Spot>, Failure> {
        let request = ListSpotsRequest {
            lot_id: floor.lot_id.clone(),
            floor_id: floor.floor_id.clone(),
            page_size: SPOTS_MAX,
            page_token: String::new(),
        };
        let there = self.inventory().list_spots(request).await?.into_inner().spots;
        if !there.is_empty() {
            return Ok(there);
        }
        let first = spots.first().map(|spot| spot.spot_number.clone()).unwrap_or_default();
        let request_id = self.request_id(&["spots", &floor.floor_id, &first]);
        let request =
            BatchCreateSpotsRequest { request_id, floor_id: floor.floor_id.clone(), spots };
        Ok(self.inventory().batch_create_spots(request).await?.into_inner().spots)
    }

    /// Sensors of a lot, at most 1,000.
    pub async fn sensors(&self, lot: &Lot, sensors: Vec<NewSensor>) -> Result<(), Failure> {
        let mut client = SensorServiceClient::new(self.gateway.clone())
            .max_decoding_message_size(ANSWER_BYTES_MAX);
        let request = RegisterSensorsRequest { lot_id: lot.lot_id.clone(), sensors };
        client.register_sensors(request).await?;
        Ok(())
    }

    fn inventory(&self) -> InventoryServiceClient<Gateway> {
        InventoryServiceClient::new(self.gateway.clone())
            .max_decoding_message_size(ANSWER_BYTES_MAX)
    }

    fn request_id(&self, parts: &[&str]) -> String {
        let name = format!("{}/{}", self.world, parts.join("/"));
        Uuid::new_v5(&NAMESPACE, name.as_bytes()).to_string()
    }
}

/// Whole units of a currency.
pub fn money(units: i64, nanos: i32, currency: &str) -> Option<Money> {
    Some(Money { currency_code: currency.to_owned(), units, nanos })
}
