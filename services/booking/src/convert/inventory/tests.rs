use super::*;

fn request() -> proto::CreateLotRequest {
    proto::CreateLotRequest {
        name: "Mall".to_owned(),
        time_zone: "Europe/Berlin".to_owned(),
        hourly_rate: Some(rate("EUR", 2, 500_000_000)),
        ..Default::default()
    }
}

fn rate(code: &str, units: i64, nanos: i32) -> ProtoMoney {
    ProtoMoney { currency_code: code.to_owned(), units, nanos }
}

fn fields(result: Result<impl Sized, Error>) -> Vec<String> {
    match result {
        Err(Error::Invalid(found)) => found.into_iter().map(|found| found.field).collect(),
        Err(other) => vec![other.to_string()],
        Ok(_) => Vec::new(),
    }
}

#[test]
fn a_good_request_becomes_a_lot() {
    let lot = NewLot::try_from(request()).expect("it is good");
    assert_eq!(lot.hourly_rate.to_string(), "2.50 EUR");
    assert_eq!(lot.policy, PolicyChoice::default());
}

#[test]
fn a_rate_that_is_no_price_names_its_field() {
    for money in
        [rate("EUR", -1, 0), rate("EUR", 0, 1), rate("EUR", i64::MAX, 0), rate("JPY", 1, 5)]
    {
        let asked = proto::CreateLotRequest { hourly_rate: Some(money), ..request() };
        assert_eq!(fields(NewLot::try_from(asked)), ["hourly_rate"]);
    }
    let asked = proto::CreateLotRequest { hourly_rate: Some(rate("EURO", 1, 0)), ..request() };
    assert!(matches!(NewLot::try_from(asked), Err(Error::CurrencyUnknown)));
}

#[test]
fn an_unknown_time_zone_is_refused() {
    let asked = proto::CreateLotRequest { time_zone: "Mars/Olympus".to_owned(), ..request() };
    assert!(matches!(NewLot::try_from(asked), Err(Error::TimeZoneUnknown)));
}

#[test]
fn text_that_cannot_be_stored_or_seen_is_refused() {
    let asked = proto::CreateLotRequest {
        name: "Ma\0ll".to_owned(),
        address: "  ".to_owned(),
        ..request()
    };
    assert_eq!(fields(NewLot::try_from(asked)), ["name", "address"]);
}

#[test]
fn spots_with_one_number_are_refused_by_their_places() {
    let spot =
        |number: &str| proto::NewSpot { spot_number: number.to_owned(), ..Default::default() };
    let spots = vec![spot("1"), spot("2\n"), spot("1")];
    assert_eq!(fields(new_spots(spots)), ["spots[1].spot_number", "spots[2].spot_number"]);
}

#[test]
fn a_lot_is_told_with_the_policy_that_holds() {
    let nil = uuid::Uuid::nil();
    let operator = "op".parse().expect("a user id");
    let new = NewLot::try_from(request()).expect("it is good");
    let lot = new.found(nil.into(), nil.into(), operator, jiff::Timestamp::UNIX_EPOCH);
    let told = proto::Lot::from(&lot);
    let policy = told.policy.expect("every lot has one");
    assert_eq!((policy.hold_ttl_seconds, policy.no_show_seconds), (900, 1_800));
    assert_eq!(inventory_changed(&lot, &[]).version, 1);
}
