//! A receipt as a page: one sheet, without scripts, that loads nothing. Whatever others wrote is escaped.

use std::fmt::Write;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use parkmesh_contracts::money::Money;
use parkmesh_platform::html::escaped;

use crate::domain::Receipt;
use crate::domain::receipt::number_text;

/// What a page is told in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// English.
    English,
    /// German.
    German,
}

/// The words of a page.
struct Words {
    code: &'static str,
    receipt: &'static str,
    overstay: &'static str,
    spot: &'static str,
    from: &'static str,
    to: &'static str,
    issued: &'static str,
    what: &'static str,
    quantity: &'static str,
    unit: &'static str,
    amount: &'static str,
    total: &'static str,
    net: &'static str,
    vat: &'static str,
    booking: &'static str,
}

const ENGLISH: Words = Words {
    code: "en",
    receipt: "Receipt",
    overstay: "Time past the booked window",
    spot: "Spot",
    from: "From",
    to: "To",
    issued: "Issued",
    what: "What",
    quantity: "Quantity",
    unit: "Each",
    amount: "Amount",
    total: "Total paid",
    net: "Net",
    vat: "VAT",
    booking: "Booking",
};

const GERMAN: Words = Words {
    code: "de",
    receipt: "Quittung",
    overstay: "Zeit über die Buchung hinaus",
    spot: "Stellplatz",
    from: "Von",
    to: "Bis",
    issued: "Ausgestellt",
    what: "Leistung",
    quantity: "Menge",
    unit: "Einzeln",
    amount: "Betrag",
    total: "Bezahlt",
    net: "Netto",
    vat: "USt.",
    booking: "Buchung",
};

/// What we write into lines ourselves, in German; what a tariff's own words say stays as it is.
const GERMAN_LINES: [(&str, &str); 3] = [
    ("Parking", "Parken"),
    ("Cancellation fee", "Stornogebühr"),
    ("No-show fee", "Gebühr für Nichterscheinen"),
];

/// How lines begin that a name follows, in German.
const GERMAN_BEGINNINGS: [(&str, &str); 2] =
    [("Promo code ", "Aktionscode "), ("Parking validated by ", "Parken übernommen von ")];

pub(super) const STYLE: &str = "@page{size:A4;margin:20mm}body{font-family:sans-serif;max-width:40em;margin:2em auto;color:#111}\
table{width:100%;border-collapse:collapse;margin:1.5em 0}th,td{text-align:left;padding:.3em .5em;border-bottom:1px solid #bbb}\
.n{text-align:right;white-space:nowrap}dt{float:left;clear:left;width:8em;color:#555}dd{margin:0 0 .2em 8em}\
@media print{body{margin:0;max-width:none}}";

impl Language {
    const fn words(self) -> &'static Words {
        match self {
            Self::English => &ENGLISH,
            Self::German => &GERMAN,
        }
    }

    /// `12.50 EUR`, `12,50 EUR`.
    pub(super) fn money(self, money: Money) -> String {
        match self {
            Self::English => money.to_string(),
            Self::German => money.to_string().replace('.', ","),
        }
    }

    /// `19 %`, `7.5 %`.
    fn percent(self, basis_points: i32) -> String {
        let (whole, rest) = (basis_points / 100, basis_points % 100);
        let text = match rest {
            0 => format!("{whole} %"),
            rest if rest % 10 == 0 => format!("{whole}.{} %", rest / 10),
            rest => format!("{whole}.{rest:02} %"),
        };
        match self {
            Self::English => text,
            Self::German => text.replace('.', ","),
        }
    }

    /// As the clock of the lot shows it; with the offset, so that the hour that comes twice is told apart.
    fn time(self, at: Timestamp, zone_name: &str) -> String {
        let zone = TimeZone::get(zone_name).unwrap_or(TimeZone::UTC);
        let form = match self {
            Self::English => "%Y-%m-%d %H:%M (%:z)",
            Self::German => "%d.%m.%Y %H:%M (%:z)",
        };
        at.to_zoned(zone).strftime(form).to_string()
    }

    fn line(self, description: &str) -> String {
        if self == Self::English {
            return escaped(description);
        }
        let whole = GERMAN_LINES.iter().find(|(english, _)| *english == description);
        let begun = GERMAN_BEGINNINGS.iter().find_map(|(english, german)| {
            description.strip_prefix(english).map(|name| format!("{german}{}", escaped(name)))
        });
        match (whole, begun) {
            (Some((_, german)), _) => (*german).to_owned(),
            (None, begun) => begun.unwrap_or_else(|| escaped(description)),
        }
    }
}

/// The page of a receipt.
pub fn page(receipt: &Receipt, language: Language) -> String {
    let words = language.words();
    let title = format!("{} {}", words.receipt, number_text(receipt.number));
    let heading =
        if receipt.overstay { format!("<p>{}</p>", words.overstay) } else { String::new() };
    let stay = &receipt.stay;
    let time = |at: Timestamp| language.time(at, &stay.time_zone);
    let mut facts = String::new();
    let told = [
        (words.spot, Some(escaped(&stay.spot_number)).filter(|spot| !spot.is_empty())),
        (words.from, stay.start.map(time)),
        (words.to, stay.end.map(time)),
        (words.issued, Some(time(receipt.issue_time))),
        (words.booking, Some(receipt.booking_id.to_string())),
    ];
    for (name, value) in told {
        if let Some(value) = value {
            put(&mut facts, format_args!("<dt>{name}</dt><dd>{value}</dd>"));
        }
    }
    format!(
        "<!doctype html><html lang=\"{}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title>\
         <style>{STYLE}</style></head><body><h1>{title}</h1><p><strong>{}</strong><br>{}</p>{heading}\
         <dl>{facts}</dl><table>{}</table></body></html>",
        words.code,
        escaped(&stay.lot_name),
        escaped(&receipt.seller.address),
        table(receipt, language)
    )
}

fn table(receipt: &Receipt, language: Language) -> String {
    let words = language.words();
    let mut rows = format!(
        "<thead><tr><th>{}</th><th class=\"n\">{}</th><th class=\"n\">{}</th>\
         <th class=\"n\">{}</th></tr></thead><tbody>",
        words.what, words.quantity, words.unit, words.amount
    );
    for line in &receipt.lines {
        let (unit, amount) = (language.money(line.unit), language.money(line.amount));
        put(
            &mut rows,
            format_args!(
                "<tr><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{unit}</td>\
                 <td class=\"n\">{amount}</td></tr>",
                language.line(&line.description),
                line.quantity
            ),
        );
    }
    rows.push_str("</tbody><tfoot>");
    let mut sum = |name: &str, money: Money| {
        let amount = language.money(money);
        put(
            &mut rows,
            format_args!("<tr><th colspan=\"3\">{name}</th><td class=\"n\">{amount}</td></tr>"),
        );
    };
    sum(words.total, receipt.total);
    if let (Some(net), Some(vat)) = (receipt.net(), receipt.vat()) {
        sum(words.net, net);
        let rate = language.percent(receipt.seller.vat_basis_points);
        sum(&format!("{} {rate}", words.vat), vat);
    }
    rows.push_str("</tfoot>");
    rows
}

/// Writing into a text does not fail.
pub(super) fn put(page: &mut String, text: std::fmt::Arguments<'_>) {
    let _infallible = page.write_fmt(text);
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::domain::payment::tests::{eur, pending};
    use crate::domain::{Line, Seller, Stay};

    fn receipt(vat_basis_points: i32) -> Receipt {
        let at = |text: &str| Some(text.parse().unwrap());
        let stay = Stay {
            lot_name: "Park & <Ride>".to_owned(),
            spot_number: "A-12".to_owned(),
            time_zone: "Europe/Berlin".to_owned(),
            start: at("2026-10-25T00:30:00Z"),
            end: at("2026-10-25T01:30:00Z"),
            arrived: true,
        };
        let lines = [
            Line { description: "Hours".to_owned(), quantity: 2, unit: eur(400), amount: eur(800) },
            Line::one("Parking", eur(50)),
        ];
        let seller = Seller { address: "Kai 1, Hamburg".to_owned(), vat_basis_points };
        let now = "2026-10-25T01:31:00Z".parse().unwrap();
        Receipt::of(&pending(), eur(850), 7, stay, &lines, seller, now)
    }

    #[test]
    fn the_tax_that_prices_include_is_told_and_adds_up() {
        for (points, vat) in [(1_900, 136), (700, 56), (0, 0), (750, 59), (2_550, 173)] {
            let receipt = receipt(points);
            match receipt.vat() {
                None => assert_eq!((points, receipt.net()), (0, None)),
                Some(told) => {
                    assert_eq!(told.minor, vat, "{points}");
                    assert_eq!(receipt.net().unwrap().minor + told.minor, 850);
                }
            }
        }
    }

    #[test]
    fn a_page_tells_the_lines_the_tax_and_the_time_by_the_lots_clock_in_both_languages() {
        let english = page(&receipt(1_900), Language::English);
        for told in [
            "<html lang=\"en\">",
            "Receipt 00000007",
            "Park &amp; &lt;Ride&gt;",
            "Kai 1, Hamburg",
            // The hour that comes twice.
            "2026-10-25 02:30 (+02:00)",
            "2026-10-25 02:30 (+01:00)",
            "<td>Hours</td><td class=\"n\">2</td><td class=\"n\">4.00 EUR</td><td class=\"n\">8.00 EUR</td>",
            "<td>Parking</td>",
            "Total paid</th><td class=\"n\">8.50 EUR",
            "Net</th><td class=\"n\">7.14 EUR",
            "VAT 19 %</th><td class=\"n\">1.36 EUR",
        ] {
            assert!(english.contains(told), "{told} in {english}");
        }
        assert!(!english.contains("<script") && !english.contains("http"), "{english}");
        let german = page(&receipt(750), Language::German);
        for told in [
            "<html lang=\"de\">",
            "Quittung 00000007",
            "25.10.2026 02:30 (+02:00)",
            "<td>Parken</td>",
            "Bezahlt</th><td class=\"n\">8,50 EUR",
            "USt. 7,5 %</th><td class=\"n\">0,59 EUR",
        ] {
            assert!(german.contains(told), "{told} in {german}");
        }
        assert!(!page(&receipt(0), Language::English).contains("VAT"));
    }

    #[test]
    fn what_is_taken_off_is_a_line_of_its_own_and_the_tax_is_of_what_was_paid() {
        let lines = [
            Line::one("Parking", eur(1_000)),
            Line::one("Promo code SUMMER", eur(-100)),
            Line::one("Parking validated by <Anna>", eur(-50)),
        ];
        let plain = receipt(1_900);
        let (stay, seller) = (plain.stay.clone(), plain.seller.clone());
        let receipt = Receipt::of(&pending(), eur(850), 7, stay, &lines, seller, plain.issue_time);
        assert_eq!(receipt.lines, lines, "they add up");
        assert_eq!(receipt.vat().unwrap().minor, 136);
        let english = page(&receipt, Language::English);
        for told in [
            "<td>Promo code SUMMER</td><td class=\"n\">1</td><td class=\"n\">-1.00 EUR</td>",
            "<td>Parking validated by &lt;Anna&gt;</td>",
            "Total paid</th><td class=\"n\">8.50 EUR",
        ] {
            assert!(english.contains(told), "{told} in {english}");
        }
        let german = page(&receipt, Language::German);
        for told in [
            "<td>Aktionscode SUMMER</td><td class=\"n\">1</td><td class=\"n\">-1,00 EUR</td>",
            "<td>Parken übernommen von &lt;Anna&gt;</td>",
        ] {
            assert!(german.contains(told), "{told} in {german}");
        }
    }
}
