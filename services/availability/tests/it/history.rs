//! How full a lot was is recorded, kept in Redis, told to its operator, and makes a forecast.

use jiff::civil::date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use parkmesh_availability::domain::forecast::{History, Sample, WEEK_QUARTERS, wall_quarter};
use parkmesh_availability::store::SharedPicture;
use parkmesh_availability::store::history::Unwritten;
use parkmesh_contracts::availability::v1 as proto;
use parkmesh_contracts::common::v1::Window;
use parkmesh_contracts::time::to_proto;
use parkmesh_platform::fault::reason_of;
use parkmesh_testkit::eventually;
use tonic::Status;

use crate::facts;
use crate::house::{Client, House, Replica};

/// Moves the clock to a Monday that is to come, so many minutes after its midnight.
fn until_monday(house: &House, minutes: i64) -> Timestamp {
    let monday = date(2036, 3, 3).to_zoned(TimeZone::UTC).expect("an instant").timestamp();
    let at = monday + SignedDuration::from_mins(minutes);
    house.clock.advance(at.duration_since(house.clock.now()));
    at
}

async fn forecast(
    house: &House,
    replica: &Replica,
    arrive: Timestamp,
) -> Result<proto::ForecastAvailabilityResponse, Status> {
    let request = proto::ForecastAvailabilityRequest {
        lot_id: house.lot_id.to_string(),
        arrive_time: Some(to_proto(arrive)),
    };
    replica.client.clone().forecast_availability(request).await.map(tonic::Response::into_inner)
}

async fn report(
    house: &House,
    client: &Client,
    start: Timestamp,
    minutes: i64,
    step_minutes: i32,
) -> Result<Vec<proto::OccupancyStep>, Status> {
    let end = start + SignedDuration::from_mins(minutes);
    let request = proto::GetOccupancyReportRequest {
        lot_id: house.lot_id.to_string(),
        window: Some(Window { start_time: Some(to_proto(start)), end_time: Some(to_proto(end)) }),
        step_minutes,
    };
    Ok(client.clone().get_occupancy_report(request).await?.into_inner().steps)
}

fn own_lot(house: &House) {
    house.doubles.known().lots[0].operator_id = "op".to_owned();
}

fn all_of(steps: &[proto::OccupancyStep]) -> Vec<(i32, i32, i32)> {
    steps.iter().map(|step| (step.most_occupied, step.capacity, step.samples)).collect()
}

#[tokio::test]
async fn how_full_a_lot_is_is_noted_every_quarter_of_an_hour_and_told_to_its_operator() {
    let house = House::new().await;
    own_lot(&house);
    let eight = until_monday(&house, 8 * 60);
    let replica = house.stand().await;
    let office = house.operator(&replica, "op");
    eventually("the first sample", || async {
        let steps = report(&house, &office, eight, 15, 15).await.expect("a report");
        (all_of(&steps) == [(0, 12, 1)]).then_some(())
    })
    .await;
    house.tell([facts::occupied(house.lot_id, house.spots[0], 1)]).await;
    house.tell([facts::silent(house.lot_id, house.spots[1], 1)]).await;
    replica.has_caught_up(&house).await;
    house.clock.advance(SignedDuration::from_mins(15));
    eventually("the second sample", || async {
        let steps = report(&house, &office, eight, 45, 15).await.expect("a report");
        (all_of(&steps) == [(0, 12, 1), (1, 11, 1), (0, 0, 0)]).then_some(())
    })
    .await;
    let hour = report(&house, &office, eight, 60, 0).await.expect("a report");
    assert_eq!((all_of(&hour), hour[0].mean_occupied), (vec![(1, 12, 2)], 0.5));

    // To nobody else.
    let rival = house.operator(&replica, "rival");
    let refused = report(&house, &rival, eight, 15, 15).await.expect_err("not theirs");
    assert_eq!(reason_of(&refused).as_deref(), Some("LOT_NOT_FOUND"));
    let refused = report(&house, &replica.client, eight, 15, 15).await.expect_err("a driver");
    assert_eq!(reason_of(&refused).as_deref(), Some("SCOPE_MISSING"));
    let much = report(&house, &office, eight, 1_501 * 15, 15).await.expect_err("too many steps");
    assert_eq!(reason_of(&much).as_deref(), Some("ARGUMENT_INVALID"));
    house.stop([replica]).await;
}

#[tokio::test]
async fn a_new_replica_forecasts_from_what_redis_has_kept() {
    let house = House::new().await;
    own_lot(&house);
    let nine = until_monday(&house, 9 * 60);
    // Three weeks in which the lot was three quarters full at ten on Mondays, and empty else.
    let shared = SharedPicture::new(house.redis.clone(), &house.config.redis_prefix);
    let ten = wall_quarter(&TimeZone::UTC, nine) + 4;
    let mut history = History::default();
    for quarter in ten - 3 * WEEK_QUARTERS..ten - 4 {
        let is_ten = (ten - quarter) % WEEK_QUARTERS == 0;
        history.put(quarter, Sample::of(if is_ten { 9 } else { 0 }, 12).expect("a sample"));
    }
    let all = Unwritten { lot_id: house.lot_id, after: None, history };
    shared.write_history(&all).await.expect("Redis");

    let replica = house.stand().await;
    let at_ten = nine + SignedDuration::from_hours(1);
    let told = eventually("a forecast from three weeks", || async {
        let told = forecast(&house, &replica, at_ten).await.expect("a forecast");
        (told.weeks == 3).then_some(told)
    })
    .await;
    assert_eq!((told.expected_free, told.usual_error), (3, 0));
    assert_eq!((told.unbooked, told.total), (12, 12));
    let noon = forecast(&house, &replica, nine + SignedDuration::from_hours(3)).await;
    assert_eq!(noon.expect("a forecast").expected_free, 12);

    // Whoever has booked will be there, whatever is usual.
    let booked = (0..11).map(|n| house.booking(n, 180).reserved(2));
    house.tell(booked).await;
    replica.has_caught_up(&house).await;
    let noon = nine + SignedDuration::from_mins(200);
    let told = forecast(&house, &replica, noon).await.expect("a forecast");
    assert_eq!((told.expected_free, told.unbooked), (1, 1));
    for far in [nine - SignedDuration::from_hours(1), nine + SignedDuration::from_hours(31 * 24)] {
        let refused = forecast(&house, &replica, far).await.expect_err("no such time");
        assert_eq!(reason_of(&refused).as_deref(), Some("ARGUMENT_INVALID"));
    }
    house.stop([replica]).await;
}

#[tokio::test]
async fn what_redis_has_lost_is_written_again_by_a_replica_that_lives() {
    let house = House::new().await;
    let nine = until_monday(&house, 9 * 60);
    let shared = SharedPicture::new(house.redis.clone(), &house.config.redis_prefix);
    let replica = house.stand().await;
    let quarter = wall_quarter(&TimeZone::UTC, nine);
    let kept = |quarter: i64| {
        let (shared, lot_id) = (shared.clone(), house.lot_id);
        async move {
            let samples = shared.load_history(lot_id).await.expect("Redis");
            samples.iter().any(|(known, _)| *known == quarter).then_some(())
        }
    };
    eventually("the first sample", || kept(quarter)).await;
    house.forget_history().await;
    assert_eq!(kept(quarter).await, None);
    house.clock.advance(SignedDuration::from_mins(15));
    eventually("the second sample", || kept(quarter + 1)).await;
    assert_eq!(kept(quarter).await, Some(()), "and what was before it");
    house.stop([replica]).await;
}
