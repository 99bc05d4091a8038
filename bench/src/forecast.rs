//! The forecast of occupancy against the average of previous weeks, on a real city's weeks that it has not seen.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use parkmesh_availability::domain::forecast::{History, Sample, WEEK_QUARTERS, wall_quarter};

use crate::Failure;
use crate::proof::Figure;

const RATIO_MAX: f64 = 0.9;
/// Weeks at the end that are held out; what is before them is only learnt from.
const HELD_OUT_WEEKS: i64 = 4;
/// Quarters of an hour ahead: half an hour, one, two, four hours, a day, a week.
const AHEAD: [i64; 6] = [2, 4, 8, 16, 96, WEEK_QUARTERS];

/// Reads the recording (car park, capacity, occupancy, local time) and measures.
pub fn prove(path: &Path) -> Result<bool, Failure> {
    let (lots, impossible) = read(&std::fs::read_to_string(path)?)?;
    let last = lots.values().filter_map(|lot| lot.keys().next_back()).max();
    let from = last.ok_or("the recording is empty")? - HELD_OUT_WEEKS * WEEK_QUARTERS;
    let mut errors = [Errors::default(); AHEAD.len()];
    for lot in lots.values() {
        measure(lot, from, &mut errors);
    }
    let mut all = Errors::default();
    for (ahead, errors) in AHEAD.iter().zip(&errors) {
        println!("{:>6.1} h ahead: {errors}", *ahead as f64 / 4.0);
        all.add(errors);
    }
    println!("   all times: {all}; {impossible} impossible rows were clamped");
    let worst = errors.iter().map(Errors::ratio).fold(f64::NAN, f64::max);
    let figure = |name, figure: f64, unit| Figure {
        name,
        figure,
        unit,
        yardstick: "average of all previous weeks at the same weekday and time",
        ask: format!("<= {RATIO_MAX}"),
        holds: figure <= RATIO_MAX,
    };
    let mean =
        figure("forecast", all.ratio(), "of the yardstick's mean absolute error, all times ahead");
    let worst =
        figure("forecast-worst", worst, "of the yardstick's, at the time ahead where it is worst");
    let (mean, worst) = (mean.tell()?, worst.tell()?);
    Ok(mean && worst)
}

/// Samples of each car park by quarter on the wall, and how many of them were impossible.
type Recording = (BTreeMap<String, BTreeMap<i64, Sample>>, usize);

fn read(text: &str) -> Result<Recording, Failure> {
    let mut lots: BTreeMap<String, BTreeMap<i64, Sample>> = BTreeMap::new();
    let mut impossible = 0;
    for line in text.lines().skip(1) {
        let fields: Vec<&str> = line.trim().split(',').collect();
        let [lot, capacity, occupied, at] = fields[..] else {
            return Err(format!("not four fields: {line}").into());
        };
        let at: DateTime = at.parse()?;
        // Times are local, and stand for themselves.
        let quarter = wall_quarter(&TimeZone::UTC, at.to_zoned(TimeZone::UTC)?.timestamp());
        let Some(sample) = Sample::of(occupied.parse()?, capacity.parse()?) else { continue };
        impossible += usize::from(sample.clamped);
        lots.entry(lot.to_owned()).or_default().insert(quarter, sample);
    }
    Ok((lots, impossible))
}

/// Sums of absolute errors, in spots.
#[derive(Clone, Copy, Default)]
struct Errors {
    ours: f64,
    average: f64,
    count: u32,
}

impl Errors {
    fn add(&mut self, other: &Self) {
        self.ours += other.ours;
        self.average += other.average;
        self.count += other.count;
    }

    fn ratio(&self) -> f64 {
        self.ours / self.average
    }
}

impl std::fmt::Display for Errors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mean = |sum: f64| sum / f64::from(self.count.max(1));
        let (ours, average) = (mean(self.ours), mean(self.average));
        write!(f, "{ours:.1} spots off, the average {average:.1}: {:.3} ×", self.ratio())?;
        write!(f, " ({} forecasts)", self.count)
    }
}

/// Lets a car park's time pass sample by sample; from each, what was told later is forecast as the service does.
fn measure(lot: &BTreeMap<i64, Sample>, from: i64, errors: &mut [Errors; AHEAD.len()]) {
    let mut history = History::default();
    for (now, sample) in lot {
        history.put(*now, *sample);
        for (ahead, errors) in AHEAD.iter().zip(errors.iter_mut()) {
            let quarter = now + ahead;
            let Some(truth) = lot.get(&quarter).filter(|_| quarter > from) else { continue };
            let Some(average) = average(lot, quarter, *now) else { continue };
            let Some(forecast) = history.forecast(quarter) else { continue };
            let (capacity, truth) = (f64::from(truth.capacity), f64::from(truth.occupied));
            errors.ours += (forecast.share * capacity - truth).abs();
            errors.average += (average * capacity - truth).abs();
            errors.count += 1;
        }
    }
}

/// The yardstick: the mean share of all previous weeks at the same weekday and time, or a quarter beside it.
fn average(lot: &BTreeMap<i64, Sample>, quarter: i64, now: i64) -> Option<f64> {
    let weeks = (1..).map(|week| quarter - week * WEEK_QUARTERS);
    let first = *lot.keys().next()?;
    let weeks = weeks.take_while(|same| *same >= first - 1);
    let shares = weeks.filter_map(|same| {
        let beside = [0, -1, 1].map(|beside| same + beside);
        let sample = beside.iter().filter(|at| **at <= now).find_map(|at| lot.get(at))?;
        Some(f64::from(sample.occupied) / f64::from(sample.capacity))
    });
    let shares: Vec<f64> = shares.collect();
    (!shares.is_empty()).then(|| shares.iter().sum::<f64>() / shares.len() as f64)
}
