//! Card numbers are refused before they are kept or sent anywhere.

/// Shortest and longest number of a card.
const DIGITS: std::ops::RangeInclusive<usize> = 12..=19;

/// Whether a text that should be a provider's token is, or holds, the number of a card.
pub fn is_card_number(text: &str) -> bool {
    let bare: String = text.chars().filter(|c| !matches!(c, ' ' | '-' | '.')).collect();
    if DIGITS.contains(&bare.len()) && bare.bytes().all(|byte| byte.is_ascii_digit()) {
        return true;
    }
    // Inside other text only what has a card's check digit: tokens may hold long numbers too.
    bare.split(|c: char| !c.is_ascii_digit())
        .any(|run| (13..=*DIGITS.end()).contains(&run.len()) && passes_luhn(run))
}

/// The check digit that all card numbers have.
fn passes_luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, byte)| {
            let digit = u32::from(byte - b'0');
            match place % 2 {
                0 => digit,
                _ if digit > 4 => digit * 2 - 9,
                _ => digit * 2,
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_number_is_known_in_every_dress() {
        for number in ["4242424242424242", "4242 4242-4242 4242", "card:4242424242424242;12/30"] {
            assert!(is_card_number(number), "{number}");
        }
    }

    #[test]
    fn tokens_of_providers_pass() {
        for token in ["pm_card_ok", "pm_1MvkBqLkdIwHu7ixcRQmaY4f", "tok_4242424242424241", ""] {
            assert!(!is_card_number(token), "{token}");
        }
    }
}
