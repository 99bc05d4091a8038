//! The drawing: one bar per strategy, as long as it is fast. SVG by hand; it needs no more than rectangles.

use std::fmt::Write;

use crate::lab::load::Load;
use crate::lab::report::number;
use crate::lab::result::OfStrategy;

const LINE: usize = 22;
const NAMES: usize = 210;
const BARS: f64 = 480.0;
const WIDTH: usize = 860;

/// The drawing of all strategies that have run under the spread load.
pub fn svg(strategies: &[OfStrategy]) -> String {
    let rates = strategies.iter().filter_map(|of| Some((of, of.under(Load::Spread)?)));
    let rates: Vec<_> = rates.map(|(of, result)| (of, result.reserved_a_second)).collect();
    let most = rates.iter().map(|(_, rate)| *rate).fold(1.0, f64::max);
    let height = rates.len() * LINE + 70;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
         <text x=\"12\" y=\"24\" font-size=\"15\" fill=\"#222222\">Reservations a second, 500 spots, windows \
         spread</text>\n"
    );
    for (index, (of, rate)) in rates.iter().enumerate() {
        let y = 40 + index * LINE;
        let length = (rate / most * BARS).max(1.0);
        let _written = write!(
            text,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\" fill=\"#222222\">{}</text>\n\
             <rect x=\"{NAMES}\" y=\"{y}\" width=\"{length:.1}\" height=\"{}\" fill=\"{}\"/>\n\
             <text x=\"{:.1}\" y=\"{}\" fill=\"#555555\">{}</text>\n",
            NAMES - 8,
            y + 14,
            of.name,
            LINE - 5,
            colour(of),
            NAMES as f64 + length + 6.0,
            y + 14,
            number(*rate),
        );
    }
    let _written = write!(
        text,
        "<text x=\"12\" y=\"{}\" fill=\"#555555\">green: ours · grey: right · orange: refuses while \
         places are free · red: books twice</text>\n</svg>\n",
        height - 12
    );
    text
}

fn colour(of: &OfStrategy) -> &'static str {
    let refuses = of.results.iter().any(|result| result.false_refusals > 0);
    match (of.is_wrong(), refuses, of.name.starts_with("groups")) {
        (true, _, _) => "#c0392b",
        (_, true, _) => "#e08e0b",
        (_, _, true) => "#2e8b57",
        _ => "#8a94a0",
    }
}
