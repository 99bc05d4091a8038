//! The test cards: one for each outcome. `docs/sandbox.md` lists them; a test compares.

/// What a card does that is not simply to work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// Everything works at once.
    Works,
    /// The authorisation is refused with this code.
    Declines(&'static str),
    /// The bank asks the driver first; then the authorisation works, or is refused with this code.
    Asks(Option<&'static str>),
    /// The authorisation works, and its first answer comes too late.
    AuthorizesLate,
    /// The capture works, and its first answer comes too late.
    CapturesLate,
    /// The refund works, and its first answer comes too late.
    RefundsLate,
    /// The first authorisation by a key fails with 500 and no effect.
    FailsOnce,
    /// The capture is refused with this code; what was set aside is given back.
    CaptureDeclined(&'static str),
    /// The capture is accepted; its outcome comes later: taken, or refused with this code.
    CaptureSettles(Option<&'static str>),
    /// The refund is accepted; its outcome comes later: given back, or sent back with this code.
    RefundSettles(Option<&'static str>),
    /// More cannot be set aside.
    NoIncrease,
    /// More is refused with this code.
    IncreaseDeclined(&'static str),
    /// The authorisation's life is short.
    ExpiresSoon,
    /// The charge is disputed soon after the capture.
    Disputed,
}

/// A test card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Card {
    /// What it is asked for by.
    pub token: &'static str,
    /// Whose it is.
    pub brand: &'static str,
    /// What may be shown of its number.
    pub last_four: &'static str,
    /// What it does.
    pub behaviour: Behaviour,
}

/// When every card expires.
pub const EXPIRY: (u8, u16) = (12, 2039);

const fn visa(token: &'static str, last_four: &'static str, behaviour: Behaviour) -> Card {
    Card { token, brand: "visa", last_four, behaviour }
}

/// All cards.
pub const CARDS: [Card; 26] = [
    visa("pm_card_ok", "4242", Behaviour::Works),
    Card { brand: "mastercard", ..visa("pm_card_mastercard", "4444", Behaviour::Works) },
    visa("pm_card_declined", "0002", Behaviour::Declines("card_declined")),
    visa("pm_card_insufficient", "9995", Behaviour::Declines("insufficient_funds")),
    visa("pm_card_lost", "9987", Behaviour::Declines("lost_card")),
    visa("pm_card_stolen", "9979", Behaviour::Declines("stolen_card")),
    visa("pm_card_expired", "0069", Behaviour::Declines("expired_card")),
    visa("pm_card_cvc", "0127", Behaviour::Declines("incorrect_cvc")),
    visa("pm_card_limit", "6975", Behaviour::Declines("card_velocity_exceeded")),
    visa("pm_card_processing_error", "0119", Behaviour::Declines("processing_error")),
    visa("pm_card_action_ok", "3155", Behaviour::Asks(None)),
    visa("pm_card_action_fails", "3063", Behaviour::Asks(Some("authentication_failed"))),
    visa("pm_card_action_declined", "3178", Behaviour::Asks(Some("insufficient_funds"))),
    visa("pm_card_timeout_after_success", "1001", Behaviour::AuthorizesLate),
    visa("pm_card_capture_timeout_after_success", "1002", Behaviour::CapturesLate),
    visa("pm_card_refund_timeout_after_success", "1003", Behaviour::RefundsLate),
    visa("pm_card_error_once", "1004", Behaviour::FailsOnce),
    visa("pm_card_capture_fails", "2001", Behaviour::CaptureDeclined("capture_declined")),
    visa("pm_card_capture_settles", "2002", Behaviour::CaptureSettles(None)),
    visa("pm_card_late_decline", "2003", Behaviour::CaptureSettles(Some("insufficient_funds"))),
    visa("pm_card_refund_settles", "7726", Behaviour::RefundSettles(None)),
    visa("pm_card_refund_fails", "5126", Behaviour::RefundSettles(Some("lost_or_stolen_card"))),
    visa("pm_card_no_increase", "2004", Behaviour::NoIncrease),
    visa("pm_card_increase_declined", "2005", Behaviour::IncreaseDeclined("insufficient_funds")),
    visa("pm_card_expires_soon", "2006", Behaviour::ExpiresSoon),
    visa("pm_card_disputed", "0259", Behaviour::Disputed),
];

impl Card {
    /// The card of this token.
    pub fn find(token: &str) -> Option<&'static Self> {
        CARDS.iter().find(|card| card.token == token)
    }
}

impl Behaviour {
    /// What this payment method does; `None` when there is no such method.
    pub fn of(payment_method: &str) -> Option<Self> {
        Card::find(payment_method).map(|card| card.behaviour)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_the_sandbox_lists_every_card() {
        let page = include_str!("../../../../docs/sandbox.md");
        let listed: Vec<&str> = page
            .lines()
            .filter_map(|line| line.strip_prefix("| `pm_"))
            .filter_map(|rest| rest.split_once('`'))
            .map(|(token, _)| token)
            .collect();
        let known: Vec<&str> =
            CARDS.iter().filter_map(|card| card.token.strip_prefix("pm_")).collect();
        assert_eq!(listed, known);
    }
}
