//! A statement as a page, made as those of receipts are.

use parkmesh_contracts::money::Money;
use parkmesh_platform::html::escaped;

use super::page::{Language, STYLE, put};
use crate::domain::{Payout, Statement};

/// The words of a page.
struct Words {
    code: &'static str,
    title: &'static str,
    from: &'static str,
    to: &'static str,
    zone: &'static str,
    open: &'static str,
    total: &'static str,
    /// In the order of [`amounts`].
    lines: [&'static str; 11],
}

const ENGLISH: Words = Words {
    code: "en",
    title: "Pay-out statement",
    from: "From",
    to: "To, included",
    zone: "Days of",
    open: "Not closed yet: it may still change.",
    total: "All lots",
    lines: [
        "Balance before",
        "Bookings and fees",
        "Time past the booked window",
        "Debts paid",
        "Refunds",
        "Chargebacks",
        "Chargebacks returned",
        "Fees of the payment provider",
        "Paid out",
        "Balance after",
        "Debts written (not in the sum)",
    ],
};

const GERMAN: Words = Words {
    code: "de",
    title: "Auszahlungsabrechnung",
    from: "Von",
    to: "Bis einschließlich",
    zone: "Tage von",
    open: "Noch nicht abgeschlossen: Sie kann sich noch ändern.",
    total: "Alle Parkplätze",
    lines: [
        "Saldo zuvor",
        "Buchungen und Gebühren",
        "Zeit über die Buchung hinaus",
        "Bezahlte Schulden",
        "Erstattungen",
        "Rückbuchungen",
        "Zurückgekommene Rückbuchungen",
        "Gebühren des Zahlungsdienstes",
        "Auszahlung",
        "Saldo danach",
        "Neue Schulden (nicht in der Summe)",
    ],
};

/// What is told of a line, as it is added up.
const fn amounts(of: &Payout) -> [i64; 11] {
    [
        of.opening,
        of.booking,
        of.overstay,
        of.debt_paid,
        -of.refunded,
        -of.chargeback,
        of.chargeback_returned,
        -of.fee,
        of.payout(),
        of.closing(),
        of.debt_written,
    ]
}

/// The page of a statement.
pub fn page(statement: &Statement, language: Language) -> String {
    let words = match language {
        Language::English => &ENGLISH,
        Language::German => &GERMAN,
    };
    let (days, title) = (&statement.days, words.title);
    let mut tables = String::new();
    let mut table = |name: &str, line: &Payout| {
        put(&mut tables, format_args!("<h2>{name}</h2><table>"));
        for (word, minor) in words.lines.iter().zip(amounts(line)) {
            let amount = language.money(Money::new(minor, statement.currency));
            put(&mut tables, format_args!("<tr><th>{word}</th><td class=\"n\">{amount}</td></tr>"));
        }
        tables.push_str("</table>");
    };
    table(words.total, &statement.total);
    for (lot_id, address, line) in &statement.lots {
        table(&format!("{} <small>{lot_id}</small>", escaped(address)), line);
    }
    let open = if statement.closed { String::new() } else { format!("<p>{}</p>", words.open) };
    format!(
        "<!doctype html><html lang=\"{}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title>\
         <style>{STYLE}</style></head><body><h1>{title}</h1>{open}\
         <dl><dt>{}</dt><dd>{}</dd><dt>{}</dt><dd>{}</dd><dt>{}</dt><dd>{}</dd></dl>{tables}</body></html>",
        words.code,
        words.from,
        days.first,
        words.to,
        days.last,
        words.zone,
        escaped(&days.time_zone_name),
    )
}
