#![expect(clippy::unwrap_used, reason = "tests")]
use parkmesh_contracts::money::Currency;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn eur() -> Currency {
    "EUR".parse().unwrap()
}

pub fn euros(minor: i64) -> Money {
    Money::new(minor, eur())
}

pub fn reduction(number: u128, source: Source, off: Off) -> Reduction {
    let discount_id = Uuid::from_u128(number).into();
    Reduction { discount_id, source, name: "Anna's".to_owned(), off, taken: None }
}

fn of(each: Vec<Off>) -> Reductions {
    let each = (0..).zip(each).map(|(number, off)| reduction(number, Source::Merchant, off));
    Reductions { full: euros(0), each: each.collect() }
}

fn left(each: Vec<Off>, price: i64) -> i64 {
    of(each).left_of(euros(price)).unwrap().minor
}

#[test]
fn each_takes_its_part_of_what_those_before_it_have_left() {
    assert_eq!(left(vec![Off::Share(5_000), Off::Share(5_000)], 1_000), 250);
    assert_eq!(left(vec![Off::Amount(euros(200)), Off::Share(5_000)], 1_000), 400);
    assert_eq!(left(vec![Off::Share(5_000), Off::Amount(euros(200))], 1_000), 300);
}

#[test]
fn a_share_is_rounded_to_the_nearest_cent_halves_to_the_driver() {
    assert_eq!(left(vec![Off::Share(5_000)], 5), 2);
    assert_eq!(left(vec![Off::Share(1_000)], 14), 13);
    assert_eq!(left(vec![Off::Share(1)], 4_999), 4_999);
}

#[test]
fn an_amount_is_never_more_than_what_is_left() {
    assert_eq!(left(vec![Off::Amount(euros(300))], 250), 0);
    assert_eq!(left(vec![Off::Amount(euros(300)), Off::Amount(euros(300))], 250), 0);
    assert_eq!(left(vec![Off::Amount(euros(300))], 0), 0);
}

#[test]
fn a_bill_says_who_takes_how_much_off() {
    let bill = Bill { amount: euros(500), lines: vec![Line::one("Parking", euros(500))] };
    let reductions = Reductions {
        full: euros(500),
        each: vec![
            reduction(1, Source::PromoCode, Off::Share(2_500)),
            reduction(2, Source::Merchant, Off::Amount(euros(100))),
        ],
    };
    let bill = reductions.reduce(bill).unwrap();
    let told: Vec<(&str, i64)> =
        bill.lines.iter().map(|line| (line.description.as_str(), line.amount.minor)).collect();
    assert_eq!(
        told,
        [("Parking", 500), ("Promo code Anna's", -125), ("Parking validated by Anna's", -100)]
    );
    assert_eq!(bill.amount.minor, 275);
}

#[test]
fn a_code_is_the_same_in_capitals_and_small_letters_and_is_made_of_letters_digits_and_dashes() {
    assert_eq!(promo_code(" summer-26 ").as_deref(), Some("SUMMER-26"));
    for wrong in ["", "ab", "süß", "two words", "x'; --", &"x".repeat(33)] {
        assert_eq!(promo_code(wrong), None, "{wrong}");
    }
}

#[test]
fn a_discount_is_valid_from_its_first_moment_until_its_last_and_never_after_its_end() {
    let at = |minutes: i64| Timestamp::from_second(2_000_000_000 + minutes * 60).unwrap();
    let discount = Discount {
        discount_id: Uuid::nil().into(),
        lot_id: Uuid::nil().into(),
        kind: Kind::Merchant { name: "Anna's".to_owned(), most_uses_per_day: 0 },
        off: Off::Share(5_000),
        valid_from: at(10),
        valid_until: Some(at(20)),
        end_time: None,
        create_time: at(0),
    };
    let valid: Vec<i64> = (0..30).filter(|minute| discount.is_valid(at(*minute))).collect();
    assert_eq!(valid, (10..20).collect::<Vec<i64>>());
    let ended = Discount { end_time: Some(at(15)), ..discount.clone() };
    assert!(!ended.is_valid(at(16)) && !ended.is_valid(at(14)));
    assert!(Discount { valid_until: None, ..discount }.is_valid(Timestamp::MAX));
}

#[test]
fn a_day_is_one_of_the_lot() {
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let start = |zone, now| day_start(zone, at(now)).unwrap();
    assert_eq!(start("Europe/Berlin", "2026-11-27T22:59:59Z"), at("2026-11-26T23:00:00Z"));
    assert_eq!(start("Europe/Berlin", "2026-11-27T23:00:00Z"), at("2026-11-27T23:00:00Z"));
    assert!(day_start("Nowhere/Land", at("2026-11-27T23:00:00Z")).is_err());
}

pub fn offs() -> impl Strategy<Value = Off> {
    let share = (1..=10_000_i32).prop_map(Off::Share);
    prop_oneof![share, (1..2_000_i64).prop_map(|minor| Off::Amount(euros(minor)))]
}

proptest! {
    #[test]
    fn no_price_is_ever_below_zero_and_none_falls_because_the_one_before_rises(
        each in prop::collection::vec(offs(), 1..5), price in 0..5_000_i64, more in 0..500_i64,
    ) {
        let reductions = of(each);
        let (left, dearer) =
            (reductions.left_of(euros(price)).unwrap(), reductions.left_of(euros(price + more)).unwrap());
        prop_assert!((0..=price).contains(&left.minor));
        prop_assert!(left.minor <= dearer.minor);
        let taken: i64 = reductions.of(euros(price)).unwrap().iter().map(|off| off.minor).sum();
        prop_assert_eq!(price - taken, left.minor);
    }
}
