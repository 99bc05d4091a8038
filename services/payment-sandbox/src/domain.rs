//! What the sandbox does with which card, how authorisations and refunds move on, and its books. Pure.

pub mod authorization;
pub mod books;
pub mod card;
pub mod command;
pub mod fault;
pub mod ledger;
pub mod refund;

pub use authorization::{Authorization, Dispute, Status};
pub use books::Books;
pub use card::{Behaviour, Card};
pub use command::{Authorize, Command, Fresh, Reply, Stuck, Times};
pub use fault::{Fault, Faults, Kind};
pub use ledger::{Entry, Event};
pub use refund::{Refund, RefundStatus};

/// Whether the text is a card's number: 12 to 19 digits, apart from spaces and dashes. Such a thing
/// must never get this far.
pub fn is_card_number(text: &str) -> bool {
    let bare: String = text.chars().filter(|c| !matches!(c, ' ' | '-' | '.')).collect();
    (12..=19).contains(&bare.len()) && bare.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_number_is_known_also_with_gaps() {
        for number in ["4242424242424242", "4242 4242 4242 4242", "4242-4242-4242-4242"] {
            assert!(is_card_number(number), "{number}");
        }
        assert!(!is_card_number("pm_card_ok") && !is_card_number("12345"));
    }
}
