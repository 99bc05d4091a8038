//! What is tortured: a Parkmesh of our own, or a running one; in it two lots of our own.

mod own;

use std::collections::HashMap;
use std::path::Path;

use parkmesh_contracts::booking::v1::{CreateLotRequest, LotPolicy, NewSpot};
use parkmesh_contracts::common::v1::SpotType;
use parkmesh_history::{Lot, Pool, Setup};
use parkmesh_platform::auth::{Claims, Issuer, Role as Party};
use parkmesh_platform::clock::Clock;
use parkmesh_platform::ids::Ids;
use parkmesh_platform::tasks::Tasks;
use serde::{Deserialize, Serialize};
use tonic::transport::Channel;

use crate::Failure;
use crate::cli::{Torture, TortureKind};
use crate::client::{Gateway, lasting, over};
use crate::seed::{Maker, money};

pub use own::{Own, free_port_base};

/// How long a token holds, in seconds: longer than any run.
const TOKEN_SECONDS: u32 = 7 * 24 * 3_600;
/// Connections to each address.
const CHANNELS_EACH: u32 = 4;
/// Spots that one call can make.
const SPOTS_MAX: u32 = 1_000;
/// Live holds that one driver may have.
const HOLDS_MAX: i32 = 3;
/// Holds of a driver that may come to nothing in an hour: a crowd does little else.
const CHURN_MAX: i32 = 100_000_000;
/// From when on a car may come.
const EARLY_SECONDS: i32 = 7_200;
/// How long a confirmation keeps a hold beyond its end, at most.
const CONFIRM_MAX_US: i64 = 30_000_000;
/// Clocks of processes on one machine are one clock; reading two of them takes a moment.
const SKEW_US: i64 = 20_000;

/// The lots: what an hour costs, and how long a hold stands.
const LOTS: [(i64, i32); 2] = [(0, 4), (2, 9)];
/// What races the end of a hold has short ones.
const SHORT_LOTS: [(i64, i32); 2] = [(0, 1), (0, 2)];

/// A spot that can be booked.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Place {
    pub spot_id: String,
    pub lot_id: String,
    /// Two of each lot, those without chargers first.
    pub pool: u32,
}

impl Place {
    /// All spots of a pool are of one type.
    pub fn spot_type(&self) -> SpotType {
        if self.pool % 2 == 1 { SpotType::Ev } else { SpotType::Regular }
    }
}

/// The world.
pub struct World {
    channels: Vec<Vec<Channel>>,
    issuer: Issuer,
    seed: u64,
    /// All spots: those of the first lot, then those of the second.
    pub places: Vec<Place>,
    by_id: HashMap<String, u32>,
    /// Where facts can be read.
    pub nats_url: Option<String>,
    /// What was started for this.
    pub own: Option<Own>,
}

impl World {
    /// Starts one or finds one, and makes the lots, or takes those of the sitting before.
    pub async fn open(
        options: &Torture,
        home: &Path,
        places: Vec<Place>,
        tasks: &Tasks,
    ) -> Result<Self, Failure> {
        let own = match options.target.is_empty() {
            true => Some(Own::start(options, home, tasks).await?),
            false => None,
        };
        let (addresses, key, nats_url) = match &own {
            Some(own) => (own.addresses(), own.key(), Some(own.nats_url()?)),
            None => (options.target.clone(), options.key.clone(), options.nats_url.clone()),
        };
        let issuer = Issuer::open(&key, &Clock::system(), &Ids::random())?;
        let connect = |url: &String| {
            (0..CHANNELS_EACH).map(|_| lasting(url)).collect::<Result<Vec<_>, Failure>>()
        };
        let channels = addresses.iter().map(connect).collect::<Result<_, _>>()?;
        let mut world = Self {
            channels,
            issuer,
            seed: options.seed,
            places: Vec::new(),
            by_id: HashMap::new(),
            nats_url,
            own,
        };
        if places.is_empty() {
            world.make_lots(options).await?;
        }
        places.into_iter().for_each(|place| world.add(place));
        Ok(world)
    }

    /// What the judge must know of it.
    pub fn setup(&self, options: &Torture) -> Setup {
        let lot = Lot {
            max_holds: HOLDS_MAX.unsigned_abs(),
            early_arrival_us: i64::from(EARLY_SECONDS) * 1_000_000,
        };
        let narrow = |number: u32| u16::try_from(number).unwrap_or(u16::MAX);
        Setup {
            skew_us: if self.own.is_some() { SKEW_US } else { i64::from(options.skew_ms) * 1_000 },
            confirm_max_us: CONFIRM_MAX_US,
            lots: vec![lot; LOTS.len()],
            pools: (0..4).map(|pool| Pool { lot: pool / 2 }).collect(),
            spots: self.places.iter().map(|place| narrow(place.pool)).collect(),
        }
    }

    /// The id of a spot.
    pub fn id_of(&self, number: u32) -> String {
        let place = usize::try_from(number).ok().and_then(|number| self.places.get(number));
        place.map_or_else(String::new, |place| place.spot_id.clone())
    }

    /// The number of a spot.
    pub fn spot(&self, spot_id: &str) -> u32 {
        self.by_id.get(spot_id).copied().unwrap_or(parkmesh_history::call::NONE)
    }

    /// The ways of a client to every replica.
    pub fn ways(&self, client: u32) -> Result<Vec<Gateway>, Failure> {
        let token = self.token(&format!("torture-{}-{client}", self.seed), Party::Driver)?;
        self.ways_with(client, &token)
    }

    /// The same for the operator of the lots.
    pub fn operator_ways(&self) -> Result<Vec<Gateway>, Failure> {
        self.ways_with(0, &self.token("torture", Party::Operator)?)
    }

    fn ways_with(&self, number: u32, token: &str) -> Result<Vec<Gateway>, Failure> {
        let channel = |of: &Vec<Channel>| {
            let place = usize::try_from(number).unwrap_or_default() % of.len();
            over(of[place].clone(), token)
        };
        self.channels.iter().map(channel).collect()
    }

    fn token(&self, subject: &str, role: Party) -> Result<String, Failure> {
        Ok(self.issuer.mint(&Claims::new(subject, role, TOKEN_SECONDS))?)
    }

    async fn make_lots(&mut self, options: &Torture) -> Result<(), Failure> {
        let way = self.operator_ways()?.swap_remove(0);
        // A world of its own each time: what an earlier run has booked is in nobody's way.
        let run: uuid::Uuid = Ids::random().next();
        let maker = Maker::new(way, run.to_string());
        let lots = if options.what == TortureKind::Expiry { SHORT_LOTS } else { LOTS };
        for (number, (units, hold_ttl_seconds)) in (0_u32..).zip(lots) {
            let lot = maker
                .lot(CreateLotRequest {
                    name: format!("torture-{run}-{number}"),
                    address: "nowhere".to_owned(),
                    time_zone: "Europe/Berlin".to_owned(),
                    hourly_rate: money(units, 0, "EUR"),
                    policy: Some(LotPolicy {
                        hold_ttl_seconds,
                        early_arrival_seconds: EARLY_SECONDS,
                        max_holds_per_user: HOLDS_MAX,
                        unpaid_holds_per_hour: CHURN_MAX,
                        drive_up_allowed: true,
                        ..Default::default()
                    }),
                    ..Default::default()
                })
                .await?;
            let floor = maker.floor(&lot, 0, "Ground floor", (100.0, 100.0)).await?;
            let count = options.spots.min(SPOTS_MAX);
            let spots = maker.spots(&floor, (0..count).map(|at| new_spot(at, count)).collect());
            for spot in spots.await? {
                let pool = number * 2 + u32::from(spot.spot_type() == SpotType::Ev);
                self.add(Place { spot_id: spot.spot_id, lot_id: spot.lot_id, pool });
            }
        }
        Ok(())
    }

    fn add(&mut self, place: Place) {
        let number = u32::try_from(self.places.len()).unwrap_or(u32::MAX);
        self.by_id.insert(place.spot_id.clone(), number);
        self.places.push(place);
    }

    /// Ends what was started.
    pub async fn close(&self, tasks: &Tasks) {
        if let Some(own) = &self.own {
            own.close(tasks).await;
        }
    }
}

/// The last sixth of them have chargers.
fn new_spot(at: u32, count: u32) -> NewSpot {
    let charger = at >= count - count / 6;
    let spot_type = if charger { SpotType::Ev } else { SpotType::Regular };
    NewSpot {
        spot_number: format!("{at:04}"),
        spot_type: spot_type.into(),
        plan_x: f64::from(at) * 2.5,
        ..Default::default()
    }
}
