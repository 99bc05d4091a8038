#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;

fn euros(minor: i64) -> Option<ProtoMoney> {
    Some(Money::new(minor, "EUR".parse().unwrap()).into())
}

/// Everything that rules can say.
fn full() -> proto::TariffRules {
    let rate = proto::TariffRate {
        spot_type: SpotType::Ev.into(),
        weekdays: vec![1, 7],
        from_minute: 480,
        to_minute: 1_440,
        step_price: euros(250),
    };
    let percent = proto::Fee { kind: Some(proto::fee::Kind::Percent(50)) };
    let amount = proto::Fee { kind: euros(700).map(proto::fee::Kind::Amount) };
    proto::TariffRules {
        step_minutes: 15,
        step_price: euros(100),
        rates: vec![rate],
        free_minutes: 10,
        minimum_charge: euros(200),
        daily_cap: euros(2_000),
        stay_cap: euros(5_000),
        billed_time: proto::BilledTime::Larger.into(),
        early_arrival: proto::EarlyArrival::Free.into(),
        overstay_step_price: euros(300),
        cancellation: Some(proto::CancellationTerms { free_until_minutes: 60, fee: Some(percent) }),
        no_show_fee: Some(amount),
    }
}

fn fields(asked: &proto::TariffRules) -> Vec<String> {
    match rules(Some(asked)) {
        Err(Error::Invalid(found)) => found.into_iter().map(|found| found.field).collect(),
        Err(other) => vec![other.to_string()],
        Ok(_) => Vec::new(),
    }
}

#[test]
fn rules_are_told_as_they_were_asked_for() {
    let (rules, currency) = rules(Some(&full())).unwrap();
    assert_eq!(told(&rules, currency), full());
}

#[test]
fn rules_that_cannot_be_name_their_field() {
    type Breaks = (&'static str, fn(&mut proto::TariffRules));
    let cases: [Breaks; 9] = [
        ("rules.step_price", |it| it.step_price = None),
        ("rules.step_price", |it| it.step_price = euros(-1)),
        ("rules.rates[0].step_price", |it| it.rates[0].step_price = euros(i64::MAX / 2)),
        ("rules.rates[0].to_minute", |it| it.rates[0].to_minute = 480),
        ("rules.minimum_charge", |it| it.minimum_charge = euros(2_001)),
        ("rules.minimum_charge", |it| {
            it.daily_cap = None;
            it.minimum_charge = euros(5_001);
        }),
        ("rules.daily_cap", |it| {
            it.daily_cap = Some(Money::new(2_000, "USD".parse().unwrap()).into());
        }),
        ("rules.no_show_fee", |it| it.no_show_fee = Some(proto::Fee::default())),
        ("rules.cancellation.fee.amount", |it| {
            let kind = euros(-5).map(proto::fee::Kind::Amount);
            it.cancellation.as_mut().unwrap().fee = Some(proto::Fee { kind });
        }),
    ];
    for (field, breaks) in cases {
        let mut asked = full();
        breaks(&mut asked);
        assert_eq!(fields(&asked), [field]);
    }
}
