//! Prices against an independent oracle: Python's `zoneinfo` and the definition of tariffs, for every
//! zone whose clocks change, around both changes of a year.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use parkmesh_booking::tariff::{Fare, Rules};
use parkmesh_contracts::common::v1::SpotType;
use parkmesh_contracts::window::Window;
use serde::Deserialize;

/// A year that is in every database of zones.
const YEAR: &str = "2026";
/// Zones that must be compared at least.
const ZONES_MIN: usize = 60;
/// Differences that are shown.
const SHOWN_MAX: usize = 10;

/// A line of the oracle's.
#[derive(Deserialize)]
#[serde(untagged)]
enum Told {
    Prices { zone: String, tariff: usize, kind: String, base: i64, cases: Vec<Vec<i64>> },
    End { zones: usize },
}

#[test]
fn prices_agree_with_pythons_clocks_in_every_zone_that_changes_them() {
    // All minutes in the proof; else each zone gets other ones.
    let every = std::env::var_os("PARKMESH_PROOF").map_or("61", |_| "1");
    let (python, folder) = python();
    let zones = TimeZoneDatabase::from_dir(&folder).unwrap();
    let text = std::fs::read_to_string(tests().join("tariffs.json")).unwrap();
    let tariffs: Vec<Arc<Rules>> = serde_json::from_str(&text).unwrap();
    let mut oracle = Command::new(python)
        .arg(tests().join("oracle.py"))
        .args(["prices", YEAR, every])
        .arg(tests().join("tariffs.json"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut compared, mut differences, mut seen) = (0_u64, 0_u64, None);
    for line in BufReader::new(oracle.stdout.take().unwrap()).lines() {
        let (name, tariff, kind, base, cases) = match serde_json::from_str(&line.unwrap()).unwrap()
        {
            Told::Prices { zone, tariff, kind, base, cases } => (zone, tariff, kind, base, cases),
            Told::End { zones } => {
                seen = Some(zones);
                continue;
            }
        };
        let fare = fare(&tariffs[tariff], zones.get(&name).unwrap());
        for case in cases {
            let ours = price(&fare, &kind, base, &case);
            compared += 1;
            if case.last() != Some(&ours) {
                differences += 1;
                if differences <= SHOWN_MAX as u64 {
                    println!("{name}, tariff {tariff}, {kind} {case:?} after {base}: ours {ours}");
                }
            }
        }
    }
    assert!(oracle.wait().unwrap().success());
    let zones = seen.unwrap();
    println!("tariff-oracle: {zones} zones, {compared} prices, {differences} differences");
    assert!(zones >= ZONES_MIN && compared > 100_000, "{zones} zones, {compared} prices");
    assert_eq!(differences, 0);
}

fn fare(rules: &Arc<Rules>, zone: TimeZone) -> Fare {
    Fare::in_zone(Arc::clone(rules), SpotType::Regular, "EUR".parse().unwrap(), zone)
}

/// Our price of a case; its times are minutes after `base`.
fn price(fare: &Fare, kind: &str, base: i64, case: &[i64]) -> i64 {
    let at = |place: usize| Timestamp::from_second(base + case[place] * 60).unwrap();
    let window = || Window::try_new(at(0), at(1)).unwrap();
    let bill = match kind {
        "span" => fare.window(&window()),
        "stay" => fare.stay(&window(), at(2), at(3)),
        "overstay" => fare.overstay(at(0), at(1)),
        other => panic!("the oracle tells of {other}"),
    };
    bill.unwrap().amount.minor
}

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/tariff")
}

/// A Python that knows zones, and the folder that it reads them from: we read the same one, so that
/// no difference of databases is taken for one of prices.
fn python() -> (PathBuf, String) {
    let own = PathBuf::from("python3");
    if let Some(folder) = folder_of(&own) {
        return (own, folder);
    }
    let venv = Path::new(env!("CARGO_TARGET_TMPDIR")).join("zones-python");
    let python = venv.join("bin/python");
    if folder_of(&python).is_none() {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv));
        run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "tzdata==2025.2"]));
    }
    let folder = folder_of(&python).expect("Python 3.11 with time zones");
    (python, folder)
}

fn folder_of(python: &Path) -> Option<String> {
    let asked = Command::new(python).arg(tests().join("oracle.py")).arg("where").output().ok()?;
    let told = String::from_utf8(asked.stdout).ok().filter(|_| asked.status.success())?;
    Some(told.trim().to_owned())
}

fn run(command: &mut Command) {
    let output = command.output().expect("python3 with venv is needed here");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
