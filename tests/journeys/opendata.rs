//! Open data, as a stranger reads it at the gateway: with ParkAPI's own reader from PyPI, and against the schemas of the Curb Data
//! Specification.

use std::path::Path;
use std::process::Command;

use jiff::SignedDuration;
use serde_json::json;

use crate::clients::{json, python_with};
use crate::support::{Car, Driver, Up, eventually, eventually_ok};

#[tokio::test(flavor = "multi_thread")]
async fn a_strangers_reader_takes_sites_spots_events_and_metrics_without_a_token() {
    let packages = ["parkapi-sources==0.24.0", "jsonschema==4.25.1"];
    let python = python_with("opendata", "parkapi_sources, jsonschema", &packages);
    let up = Up::start(&[]);
    let anna = Driver::new(&up, "driver");
    let spot = eventually_ok("the map", || anna.spot(&up, "0-130")).await;
    // The sensor is heard for the first time, and then a car comes.
    let car = Car::at(&up, "0-130");
    car.gone(&up).await;
    eventually("the first word", || async {
        let spot = anna.spot(&up, "0-130").await.ok()?;
        (spot.status() == parkmesh_contracts::common::v1::SpotStatus::Available).then_some(())
    })
    .await;
    car.stands(&up).await;
    eventually("the car", || async {
        up.advance(SignedDuration::from_secs(5));
        let spot = anna.spot(&up, "0-130").await.ok()?;
        (spot.status() == parkmesh_contracts::common::v1::SpotStatus::Occupied).then_some(())
    })
    .await;
    // Two whole hours, of which metrics can tell.
    for _half in 0..2 {
        up.advance(SignedDuration::from_mins(90));
        car.still_stands(&up, &spot.spot_id).await;
    }
    let counts = anna.counts(&up).await.expect("counts");
    let clients = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/clients");
    let output = Command::new(&python)
        .arg(clients.join("opendata.py"))
        .args([up.gateway(), up.lot()])
        .arg(clients.join("schemas"))
        .output()
        .expect("python runs");
    let told = json(&output);
    let wanted = json!({
        "sites": 1, "name": "Demo Mall", "capacity": 500, "free": counts.free, "spots": 500,
        "unacceptable": 406, "datex": [1, 500], "apds": [1, 500], "cached": "public, max-age=10", "again": 304,
        "sessions": 501, "nothing": 404, "nonsense": 400,
    });
    for (name, value) in wanted.as_object().expect("an object") {
        assert_eq!(&told[name], value, "{name}: {told}");
    }
    assert_eq!(told["statuses"]["TAKEN"], 1, "{told}");
    assert_eq!(told["events"]["park_start"], 1, "{told}");
    assert_eq!(told["events"]["comms_restored"], 1, "{told}");
    assert!(told["metrics"]["occupancy_percent"].as_i64() >= Some(2), "{told}");
}
