//! Fields as text for people: what only a collector reads is left out, because each call pays for what is written of its span.

use std::fmt;

use tracing::field::{Field, Visit};
use tracing::span::Record;
use tracing_subscriber::field::{RecordFields, VisitOutput};
use tracing_subscriber::fmt::format::{DefaultVisitor, Writer};
use tracing_subscriber::fmt::{FormatFields, FormattedFields};

/// What OpenTelemetry's conventions ask for and tells a reader nothing: which service it is, the method's name says.
const LEFT_OUT: [&str; 4] = ["otel.", "rpc.system", "rpc.service", "rpc.grpc."];

/// The fields that are told.
pub(super) struct Told;

impl<'w> FormatFields<'w> for Told {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'w>, fields: R) -> fmt::Result {
        let mut passing = Passing(DefaultVisitor::new(writer, true));
        fields.record(&mut passing);
        passing.0.finish()
    }

    fn add_fields(&self, known: &'w mut FormattedFields<Self>, fields: &Record<'_>) -> fmt::Result {
        let is_empty = known.fields.is_empty();
        let mut passing = Passing(DefaultVisitor::new(known.as_writer(), is_empty));
        fields.record(&mut passing);
        passing.0.finish()
    }
}

/// Passes on what is told.
struct Passing<'w>(DefaultVisitor<'w>);

impl Visit for Passing<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if is_told(field) {
            self.0.record_debug(field, value);
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if is_told(field) {
            self.0.record_str(field, value);
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        if is_told(field) {
            self.0.record_error(field, value);
        }
    }
}

fn is_told(field: &Field) -> bool {
    !LEFT_OUT.iter().any(|prefix| field.name().starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    /// What was written.
    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("one writes at a time").write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_tells_the_method_and_what_was_recorded_later_and_nothing_for_collectors() {
        let page = Page::default();
        let own = page.clone();
        let text = tracing_subscriber::fmt::layer().with_writer(move || own.clone());
        let text = text.with_ansi(false).without_time().with_target(false).fmt_fields(Told);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(text), || {
            let span = tracing::info_span!(
                "rpc.server",
                otel.kind = "server",
                rpc.system = "grpc",
                rpc.method = "HoldSpot",
                rpc.grpc.status_code = tracing::field::Empty,
                lot = tracing::field::Empty,
            );
            span.record("rpc.grpc.status_code", 5);
            span.record("lot", 7);
            let error = io::Error::other("no disk");
            span.in_scope(|| tracing::warn!(error = &error as &dyn std::error::Error, "too late"));
        });
        let line = String::from_utf8(page.0.lock().expect("nobody writes").clone()).expect("text");
        assert_eq!(
            line,
            " WARN rpc.server{rpc.method=\"HoldSpot\" lot=7}: too late error=no disk\n"
        );
    }
}
