//! Parts of sentences that depend on what happened, in each language.

use parkmesh_contracts::money::Money;

use super::Language;
use super::message::{Asked, Disagreement, Need};

/// `8.50 EUR`, `8,50 EUR`.
pub fn money(language: Language, amount: Money) -> String {
    match language {
        Language::English => amount.to_string(),
        Language::German => amount.to_string().replace('.', ","),
    }
}

/// What a stay costs.
pub fn costs(language: Language, amount: Option<Money>) -> String {
    match (amount, language) {
        (Some(amount), Language::English) => format!("It costs {}.", money(language, amount)),
        (Some(amount), Language::German) => format!("Er kostet {}.", money(language, amount)),
        (None, Language::English) => "It costs nothing.".to_owned(),
        (None, Language::German) => "Er kostet nichts.".to_owned(),
    }
}

/// What an overstay costs.
pub fn costs_more(language: Language, amount: Option<Money>) -> String {
    match (amount, language) {
        (Some(amount), Language::English) => {
            format!("That costs {} more.", money(language, amount))
        }
        (Some(amount), Language::German) => format!("Das kostet {} mehr.", money(language, amount)),
        (None, Language::English) => "That costs nothing.".to_owned(),
        (None, Language::German) => "Das kostet nichts.".to_owned(),
    }
}

/// What policy keeps.
pub fn kept(language: Language, fee: Option<Money>) -> String {
    match (fee, language) {
        (Some(fee), Language::English) => format!("A fee of {} is charged.", money(language, fee)),
        (Some(fee), Language::German) => {
            format!("Eine Gebühr von {} wird berechnet.", money(language, fee))
        }
        (None, Language::English) => "Nothing is charged.".to_owned(),
        (None, Language::German) => "Es wird nichts berechnet.".to_owned(),
    }
}

/// Why a booking was cancelled.
pub const fn needed(language: Language, why: Need) -> &'static str {
    match (why, language) {
        (Need::SpotBlocked, Language::English) => "The spot is blocked and no other is free. ",
        (Need::SpotBlocked, Language::German) => {
            "Der Platz ist blockiert, und kein anderer ist frei. "
        }
        (Need::Unpaid, Language::English) => "No card could be charged for it. ",
        (Need::Unpaid, Language::German) => "Es konnte keine Karte dafür belastet werden. ",
    }
}

/// What can be done about an end.
pub const fn extend(language: Language) -> &'static str {
    match language {
        Language::English => "You can extend it if the spot is free after.",
        Language::German => "Sie können sie verlängern, wenn der Platz danach frei ist.",
    }
}

/// In what ground and bookings differ.
pub const fn differ(language: Language, kind: Disagreement) -> &'static str {
    match (kind, language) {
        (Disagreement::CarWithoutSession, Language::English) => {
            "a car stands there, and no session is under way"
        }
        (Disagreement::CarWithoutSession, Language::German) => {
            "ein Auto steht dort, und kein Aufenthalt läuft"
        }
        (Disagreement::SessionWithoutCar, Language::English) => {
            "a session is under way, and no car stands there"
        }
        (Disagreement::SessionWithoutCar, Language::German) => {
            "ein Aufenthalt läuft, und kein Auto steht dort"
        }
        (Disagreement::GroundUnknown, Language::English) => "the sensor has fallen silent",
        (Disagreement::GroundUnknown, Language::German) => "der Sensor ist verstummt",
    }
}

/// What a payment's provider does not answer.
pub const fn unanswered(language: Language, asked: Option<Asked>) -> &'static str {
    match (asked, language) {
        (Some(Asked::Authorize), Language::English) => "whether the money is set aside",
        (Some(Asked::Authorize), Language::German) => "ob das Geld reserviert ist",
        (Some(Asked::Capture), Language::English) => "whether the money is taken",
        (Some(Asked::Capture), Language::German) => "ob das Geld eingezogen ist",
        (Some(Asked::Void), Language::English) => "whether what was set aside is given back",
        (Some(Asked::Void), Language::German) => "ob das reservierte Geld freigegeben ist",
        (Some(Asked::Refund), Language::English) => "whether the refund is made",
        (Some(Asked::Refund), Language::German) => "ob die Erstattung erfolgt ist",
        (None, Language::English) => "what became of it",
        (None, Language::German) => "was daraus wurde",
    }
}

/// Codes of providers that people should understand; the others stay with us.
pub fn why(language: Language, code: &str) -> &'static str {
    match (code, language) {
        ("insufficient_funds", Language::English) => ": there is not enough money on the card",
        ("insufficient_funds", Language::German) => ": die Karte ist nicht gedeckt",
        ("expired_card", Language::English) => ": the card has expired",
        ("expired_card", Language::German) => ": die Karte ist abgelaufen",
        _ => "",
    }
}
