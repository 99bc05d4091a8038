//! The words of every message in every language: the one table of texts.
//!
//! `{name}` stands for what [`super::message::compose`] puts there. Both languages of a line use the same
//! names, except where a sentence has no need of one.

/// A title and a body.
pub type Pair = (&'static str, &'static str);

/// What a message says, with a line for each way of saying a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Text {
    /// The spot is promised.
    Reserved,
    /// Capacity is promised, the spot is given later.
    ReservedOpen,
    /// A place that the driver waited for is kept.
    Offered,
    /// The car came.
    Arrived,
    /// The car left.
    Completed,
    /// Given back.
    Cancelled,
    /// The hold ran out.
    Expired,
    /// No car came.
    NoShow,
    /// Money was taken.
    Charged,
    /// The card was refused.
    Declined,
    /// The card was refused of what is promised.
    CardAsked,
    /// It ends later.
    Extended,
    /// Another spot or window, as wished.
    Moved,
    /// Another spot, of need.
    Relocated,
    /// Left after the window.
    Overstayed,
    /// Whose car is it?
    ClaimAsked,
    /// The hold ends in minutes.
    HoldExpiring,
    /// The booking begins soon.
    StartingSoon,
    /// The booking ends soon.
    EndingSoon,
    /// Money is given back.
    Refunded,
    /// A sensor is silent.
    SensorSilent,
    /// Ground and bookings differ.
    Discrepancy,
    /// A payment comes to no end.
    PaymentStuck,
}

/// English, then German.
pub const TEXTS: [(Text, Pair, Pair); 23] = [
    (
        Text::Reserved,
        ("{what} is yours", "{lot}, {span}. Your code is {code}."),
        ("{what} gehört Ihnen", "{lot}, {span}. Ihr Code ist {code}."),
    ),
    (
        Text::ReservedOpen,
        (
            "A spot is reserved for you",
            "{lot}, {span}. You will be told which one it is. Your code is {code}.",
        ),
        (
            "Ein Platz ist für Sie reserviert",
            "{lot}, {span}. Welcher es ist, erfahren Sie noch. Ihr Code ist {code}.",
        ),
    ),
    (
        Text::Offered,
        (
            "A place is free for you{at}",
            "{what}, {span}. It is kept for you until {moment}: confirm it before.",
        ),
        (
            "Ein Platz ist für Sie frei{at}",
            "{what}, {span}. Er ist bis {moment} für Sie zurückgelegt: bestätigen Sie vorher.",
        ),
    ),
    (
        Text::Arrived,
        ("Welcome to {lot}", "{what}: you arrived on {moment}. Your booking ends on {end}."),
        ("Willkommen: {lot}", "{what}: angekommen am {moment}. Ihre Buchung endet am {end}."),
    ),
    (
        Text::Completed,
        ("Your stay at {lot} is over", "{what}: you left on {moment}. {costs}"),
        ("Ihr Aufenthalt ist beendet: {lot}", "{what}: abgefahren am {moment}. {costs}"),
    ),
    (
        Text::Cancelled,
        ("Your booking is cancelled", "{what}{at}, {span}. {why}{fee}"),
        ("Ihre Buchung ist storniert", "{what}{at}, {span}. {why}{fee}"),
    ),
    (
        Text::Expired,
        ("Your hold has ended", "{what}{at} is no longer kept for you. Nothing is charged."),
        (
            "Ihr Platz ist nicht mehr zurückgelegt",
            "{what}{at} ist nicht mehr für Sie zurückgelegt. Es wird nichts berechnet.",
        ),
    ),
    (
        Text::NoShow,
        ("You did not arrive", "{what}{at} was kept for you, {span}. {fee}"),
        ("Sie sind nicht angekommen", "{what}{at} war für Sie frei, {span}. {fee}"),
    ),
    (
        Text::Charged,
        ("Receipt {number}", "{amount} was charged for parking{at}."),
        ("Beleg {number}", "Für das Parken{at} wurden {amount} berechnet."),
    ),
    (
        Text::Declined,
        (
            "Your payment was declined",
            "The payment for parking{at} was declined{why}. Try another payment method.",
        ),
        (
            "Ihre Zahlung wurde abgelehnt",
            "Die Zahlung für das Parken{at} wurde abgelehnt{why}. Bitte versuchen Sie es mit einem \
             anderen Zahlungsmittel.",
        ),
    ),
    (
        Text::CardAsked,
        (
            "Another card is needed",
            "The card for your booking{at} was declined{why}. The booking stands: give another card \
             until {moment}, or it is cancelled then, at no cost.",
        ),
        (
            "Eine andere Karte ist nötig",
            "Die Karte für Ihre Buchung{at} wurde abgelehnt{why}. Die Buchung steht: Geben Sie bis \
             {moment} eine andere Karte an, sonst wird sie dann kostenlos storniert.",
        ),
    ),
    (
        Text::Extended,
        ("Your booking is extended", "{what}{at} is yours until {end}."),
        ("Ihre Buchung ist verlängert", "{what}{at} gehört Ihnen bis {end}."),
    ),
    (
        Text::Moved,
        ("Your booking is moved", "{what}{at} is yours, {span}."),
        ("Ihre Buchung ist verlegt", "{what}{at} gehört Ihnen, {span}."),
    ),
    (
        Text::Relocated,
        (
            "You have another spot",
            "Spot {from} is blocked. {what}{at} is yours instead, {span}, at no extra cost.",
        ),
        (
            "Sie haben einen anderen Platz",
            "Platz {from} ist blockiert. {what}{at} gehört Ihnen stattdessen, {span}, ohne Mehrkosten.",
        ),
    ),
    (
        Text::Overstayed,
        ("You stayed longer than booked", "{what}{at}: until {moment}. {costs}"),
        ("Sie sind länger geblieben als gebucht", "{what}{at}: bis {moment}. {costs}"),
    ),
    (
        Text::ClaimAsked,
        (
            "Are you in spot {from}?",
            "A car stands there{at}, and your booking is for {what}. Tell us if it is yours, and \
             your booking moves there.",
        ),
        (
            "Stehen Sie auf Platz {from}?",
            "Dort{at} steht ein Auto, und Ihre Buchung ist für {what}. Sagen Sie uns, ob es Ihres \
             ist, dann zieht Ihre Buchung dorthin um.",
        ),
    ),
    (
        Text::HoldExpiring,
        ("Your hold ends soon", "{what}{at} is kept for you until {moment}. Confirm it before."),
        (
            "Ihr Platz ist nur noch kurz zurückgelegt",
            "{what}{at} ist bis {moment} für Sie zurückgelegt. Bestätigen Sie vorher.",
        ),
    ),
    (
        Text::StartingSoon,
        ("Your booking begins soon", "{what}{at}, {span}. Your code is {code}."),
        ("Ihre Buchung beginnt bald", "{what}{at}, {span}. Ihr Code ist {code}."),
    ),
    (
        Text::EndingSoon,
        ("Your booking ends soon", "{what}{at} is yours until {end}. {extend}"),
        ("Ihre Buchung endet bald", "{what}{at} gehört Ihnen bis {end}. {extend}"),
    ),
    (
        Text::Refunded,
        ("You get money back", "{amount} for parking{at} is on its way back to you."),
        (
            "Sie bekommen Geld zurück",
            "{amount} für das Parken{at} sind auf dem Weg zu Ihnen zurück.",
        ),
    ),
    (
        Text::SensorSilent,
        (
            "A sensor is silent{at}",
            "{what}: it was last heard on {moment}. Nobody knows what stands there.",
        ),
        (
            "Ein Sensor schweigt{at}",
            "{what}: zuletzt gehört am {moment}. Niemand weiß, was dort steht.",
        ),
    ),
    (
        Text::Discrepancy,
        ("Sensor and bookings differ{at}", "{what}: {why}, since {moment}."),
        ("Sensor und Buchungen widersprechen sich{at}", "{what}: {why}, seit {moment}."),
    ),
    (
        Text::PaymentStuck,
        (
            "A payment is stuck{at}",
            "Payment {number}{amount}: since {moment} the provider does not say {why}. It is asked \
             again and again; somebody has to look at it.",
        ),
        (
            "Eine Zahlung hängt{at}",
            "Zahlung {number}{amount}: seit {moment} sagt der Zahlungsdienst nicht, {why}. Er wird \
             weiter gefragt; jemand muss nachsehen.",
        ),
    ),
];

/// Puts values in for names.
pub fn fill(template: &str, values: &[(&'static str, &str)]) -> String {
    let mut filled = String::with_capacity(template.len() + 64);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let Some((name, after)) = after.split_once('}') else { break };
        let value = values.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        filled.push_str(value.unwrap_or_default());
        rest = after;
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn names((title, body): &Pair) -> BTreeSet<String> {
        let both = format!("{title}{body}");
        let parts = both.split('{').skip(1).filter_map(|part| part.split_once('}'));
        parts.map(|(name, _)| name.to_owned()).collect()
    }

    #[test]
    fn every_text_stands_at_its_own_place_and_says_the_same_in_both_languages() {
        for (at, (text, english, german)) in TEXTS.iter().enumerate() {
            assert_eq!(*text as usize, at, "{text:?}");
            assert_eq!(names(english), names(german), "{text:?}");
            assert_ne!(english, german, "{text:?}");
        }
    }

    #[test]
    fn values_stand_where_their_names_stood() {
        assert_eq!(fill("{a}, {b}.", &[("a", "x{b}"), ("b", "y")]), "x{b}, y.");
        assert_eq!(fill("none", &[]), "none");
    }
}
