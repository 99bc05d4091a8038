//! Money: integers and a currency, never a guess.

use parkmesh_contracts::google::r#type::Money as MoneyProto;
use parkmesh_contracts::money::{Currency, Money};

fn eur(minor: i64) -> Money {
    Money::new(minor, Currency::EUR)
}

#[test]
fn sums_stay_in_one_currency_and_never_overflow() {
    assert_eq!(eur(250).checked_add(eur(5)), Ok(eur(255)));
    assert_eq!(eur(250).checked_sub(eur(300)), Ok(eur(-50)));
    assert_eq!(eur(250).checked_mul(3), Ok(eur(750)));
    assert!(eur(1).checked_add(Money::new(1, Currency::USD)).is_err());
    assert!(eur(i64::MAX).checked_add(eur(1)).is_err());
    assert!(eur(i64::MAX).checked_mul(2).is_err());
    assert!(eur(1).checked_mul_ratio(1, 0).is_err());
}

#[test]
fn the_wire_holds_units_and_nanos_of_one_sign() {
    let proto = MoneyProto::from(eur(-1_250));
    assert_eq!(
        (proto.currency_code.as_str(), proto.units, proto.nanos),
        ("EUR", -12, -500_000_000)
    );
    assert_eq!(Money::try_from(&proto), Ok(eur(-1_250)));
    let mixed = MoneyProto { currency_code: "EUR".to_owned(), units: 1, nanos: -1 };
    assert!(Money::try_from(&mixed).is_err());
    let finer = MoneyProto { currency_code: "EUR".to_owned(), units: 1, nanos: 1_000_000 };
    assert!(Money::try_from(&finer).is_err(), "a tenth of a cent is no amount of euros");
    let unknown = MoneyProto { currency_code: "EURO".to_owned(), units: 1, nanos: 0 };
    assert!(Money::try_from(&unknown).is_err());
}

#[test]
fn yen_has_no_minor_unit() {
    let yen = Currency::parse("JPY").expect("a currency");
    assert_eq!(yen.exponent(), 0);
    let proto = MoneyProto::from(Money::new(300, yen));
    assert_eq!((proto.units, proto.nanos), (300, 0));
}
