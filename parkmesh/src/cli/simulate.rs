//! Options of `simulate`.

use std::path::PathBuf;

use clap::Args;

use super::Target;
use crate::simulate::Day;

/// What `simulate --help` begins with.
pub const SIMULATE: &str = "Lets cars come and go in a lot, or in a whole city, as sensors see them: over MQTT, with all that sensors do in the \
     field. Knows what really stands where, and with --check asks whether the product knows it too.\n\n\
     --lot takes a lot that is there, with the sensors registered for it (plain-json and bosch-tps110 are simulated). --spots makes a \
     city instead: lots of up to a thousand spots named `City car park …`, half of them with Bosch sensors under ChirpStack, half with \
     plain JSON. A second run finds them again.\n\n\
     Drivers with bookings (--booked) hold, confirm and check in through the gateway, each with a token of its own, which is minted with \
     the key in `<home>/keys`. The rest just parks. Nobody changes their mind about where to stand because of an answer, so that the same \
     seed is the same city whatever the product says.\n\n\
     With --speed other than 1 the clock of the product is moved too, through the file that the processes of `parkmesh up` follow, so that \
     all of its own times (a settling sensor, a hold, a no-show, a silent sensor) keep their proportion to the cars. It stays where it is at \
     the end: a clock that went back would break promises. Only deadlines of calls and the servers underneath keep to real time. A \
     system that follows no such file can be simulated at speed 1 only.\n\n\
     An MQTT broker that is away is waited for, and the simulation fails when it stays away for a minute.";

/// What it ends with.
pub const EXAMPLES: &str = "Examples:\n  parkmesh simulate --lot 0193…\n  parkmesh simulate --spots 2000 --booked 0.3 --day mall --speed 20\n  \
     parkmesh simulate --spots 10000 --booked 0.1 --rough --speed 8 --minutes 40 --check";

/// Options of `simulate`.
#[derive(Debug, Clone, Args)]
pub struct Simulate {
    /// Which system.
    #[command(flatten)]
    pub target: Target,
    /// A lot that is there.
    #[arg(long, required_unless_present = "spots")]
    pub lot: Option<String>,
    /// Make a city of so many spots, or find it again.
    #[arg(long, conflicts_with = "lot")]
    pub spots: Option<u32>,
    /// The same seed, the same city.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// How much faster than the clock on the wall, up to 120.
    #[arg(long, default_value_t = 1.0)]
    pub speed: f64,
    /// Minutes of the simulation after which cars stop moving; without it until Ctrl-C.
    #[arg(long)]
    pub minutes: Option<f64>,
    /// How many come in which hour of the day.
    #[arg(long, value_enum, default_value_t = Day::Mall)]
    pub day: Day,
    /// Share of spots that are taken in the busiest hour, from 0 to 1, like all shares here.
    #[arg(long, default_value_t = 0.6)]
    pub occupancy: f64,
    /// Minutes of a stay, on average.
    #[arg(long, default_value_t = 75.0)]
    pub stay_minutes: f64,
    /// Cars that come or go in a minute of the busiest hour: says how long stays are instead of --stay-minutes.
    #[arg(long, conflicts_with = "stay_minutes")]
    pub changes_per_minute: Option<f64>,
    /// Leave the first spots of each floor alone, for people who try things by hand.
    #[arg(long, default_value_t = 0)]
    pub spare: usize,
    /// People, devices and the air.
    #[command(flatten)]
    pub chances: Chances,
    /// When cars have stopped: wait for quiet and compare every spot, counter and booking with the truth. Fails when one differs.
    #[arg(long, requires = "minutes")]
    pub check: bool,
    /// Minutes of the simulation that --check waits at most; default: as long as the slowest sensor may be wrong, six heartbeats and a bit.
    #[arg(long)]
    pub wait_minutes: Option<f64>,
    /// Also write the outcome of --check to this file, as JSON.
    #[arg(long)]
    pub json: Option<PathBuf>,
}

/// What goes wrong how often.
#[derive(Debug, Clone, Args)]
pub struct Chances {
    /// Share of cars that come with a booking.
    #[arg(long, default_value_t = 0.0)]
    pub booked: f64,
    /// Of those with a booking: never come.
    #[arg(long, default_value_t = 0.05)]
    pub no_show: f64,
    /// Of those with a booking: leave long after its end.
    #[arg(long, default_value_t = 0.05)]
    pub overstay: f64,
    /// Stand where they should not.
    #[arg(long, default_value_t = 0.03)]
    pub mispark: f64,
    /// Of those with a booking: check in themselves besides what the sensor says.
    #[arg(long, default_value_t = 0.2)]
    pub check_in: f64,
    /// Messages that come twice.
    #[arg(long, default_value_t = 0.0)]
    pub duplicates: f64,
    /// Messages that come late, and thus out of order.
    #[arg(long, default_value_t = 0.0)]
    pub late: f64,
    /// How late they come at most, in seconds.
    #[arg(long, default_value_t = 60.0)]
    pub late_seconds: f64,
    /// Messages that never come; a heartbeat makes up for them.
    #[arg(long, default_value_t = 0.0)]
    pub loss: f64,
    /// Devices whose clock is off by up to a day either way.
    #[arg(long, default_value_t = 0.0)]
    pub wrong_clocks: f64,
    /// How often each device starts anew in an hour.
    #[arg(long, default_value_t = 0.0)]
    pub restarts_per_hour: f64,
    /// Devices that fall silent.
    #[arg(long, default_value_t = 0.0)]
    pub silent: f64,
    /// Devices that say the same whatever stands there. --check expects what they say: nothing tells a liar.
    #[arg(long, default_value_t = 0.0)]
    pub broken: f64,
    /// Devices that say something else every second.
    #[arg(long, default_value_t = 0.0)]
    pub flapping: f64,
    /// A bad day: 20 % duplicates, 30 % late, 5 % loss, all clocks off, a restart an hour, 1 % silent, 1 % flapping.
    #[arg(long)]
    pub rough: bool,
    /// Seconds between heartbeats of the sensors of a city that --spots makes.
    #[arg(long, default_value_t = 300)]
    pub heartbeat_seconds: i32,
}

impl Simulate {
    /// What makes no sense.
    pub fn mistake(&self) -> Option<String> {
        let chances = &self.chances;
        let shares = [
            ("occupancy", self.occupancy),
            ("booked", chances.booked),
            ("no-show", chances.no_show),
            ("overstay", chances.overstay),
            ("mispark", chances.mispark),
            ("check-in", chances.check_in),
            ("duplicates", chances.duplicates),
            ("late", chances.late),
            ("loss", chances.loss),
            ("wrong-clocks", chances.wrong_clocks),
            ("silent", chances.silent),
            ("broken", chances.broken),
            ("flapping", chances.flapping),
        ];
        if let Some((name, _)) = shares.iter().find(|(_, share)| !(0.0..=1.0).contains(share)) {
            return Some(format!("--{name} must be between 0 and 1"));
        }
        if !(0.1..=120.0).contains(&self.speed) {
            return Some("--speed must be between 0.1 and 120".to_owned());
        }
        let positive = [self.stay_minutes, self.changes_per_minute.unwrap_or(1.0)];
        if positive.iter().any(|number| !number.is_finite() || *number <= 0.0) {
            return Some("--stay-minutes and --changes-per-minute must be above 0".to_owned());
        }
        None
    }
}

impl Chances {
    /// With what a bad day brings, where nothing else was asked for.
    pub fn as_meant(&self) -> Self {
        if !self.rough {
            return self.clone();
        }
        let or = |asked: f64, rough: f64| if asked > 0.0 { asked } else { rough };
        Self {
            duplicates: or(self.duplicates, 0.2),
            late: or(self.late, 0.3),
            loss: or(self.loss, 0.05),
            wrong_clocks: or(self.wrong_clocks, 1.0),
            restarts_per_hour: or(self.restarts_per_hour, 1.0),
            silent: or(self.silent, 0.01),
            flapping: or(self.flapping, 0.01),
            ..self.clone()
        }
    }
}
