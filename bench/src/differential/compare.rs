//! What differs between two outcomes of one request.

use std::collections::BTreeSet;
use std::fmt;

use super::case::{Case, short};
use super::judge::Facts;
use super::outcome::{End, Fields, Outcome};

/// A request and what came of it through both.
pub struct Trial {
    /// The request.
    pub case: Case,
    /// Through Envoy.
    pub envoy: Outcome,
    /// Through our gateway.
    pub ours: Outcome,
    /// What is known of it.
    pub facts: Facts,
    /// Whether Envoy broke it off, and did not when it was asked the same again.
    pub broken_once: bool,
}

/// What may differ.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// The HTTP status, or that there was no answer.
    Status,
    /// A header of the answer.
    Header(String),
    /// The messages of the answer.
    Messages,
    /// A trailer of the answer, in the last frame or of HTTP.
    Trailer(String),
    /// The same messages and trailers in other bytes.
    Bytes,
    /// What makes no frame.
    Rest,
    /// The body's end.
    End,
    /// How often the upstream saw it.
    Times,
    /// Method or path that it saw.
    SeenLine,
    /// A header that it saw.
    SeenHeader(String),
    /// The body that it saw, and its end.
    SeenBody,
}

/// One difference.
#[derive(Clone, Debug)]
pub struct Difference {
    /// Of what.
    pub what: What,
    /// Through Envoy.
    pub envoy: String,
    /// Through our gateway.
    pub ours: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  {:?}", self.what)?;
        writeln!(f, "    envoy: {}", self.envoy)?;
        writeln!(f, "    ours:  {}", self.ours)
    }
}

/// Notes differences.
#[derive(Default)]
struct Found(Vec<Difference>);

impl Found {
    fn compare<T: PartialEq>(
        &mut self,
        what: What,
        envoy: &T,
        ours: &T,
        told: impl Fn(&T) -> String,
    ) {
        if envoy != ours {
            self.0.push(Difference { what, envoy: told(envoy), ours: told(ours) });
        }
    }

    fn fields(&mut self, envoy: &Fields, ours: &Fields, what: impl Fn(String) -> What) {
        let names: BTreeSet<&String> = envoy.keys().chain(ours.keys()).collect();
        for name in names {
            let told = |values: &Option<&Vec<String>>| match values {
                Some(values) => short(values.join(" | ").as_bytes()),
                None => "absent".to_owned(),
            };
            self.compare(what(name.clone()), &envoy.get(name), &ours.get(name), told);
        }
    }
}

impl Trial {
    /// Whether it did not come through Envoy whole, and through ours it did.
    pub fn is_broken_by_envoy(&self) -> bool {
        let (envoy, ours) = (&self.envoy.told, &self.ours.told);
        let word = envoy.header("grpc-message");
        let unanswered = word.ends_with("reset reason: protocol error") && ours.status == Some(200);
        let broken = matches!(envoy.end, End::Broken(_)) && envoy.status == ours.status;
        (unanswered || broken) && matches!(ours.end, End::Whole(_))
    }

    /// Everything that differs.
    pub fn differences(&self) -> Vec<Difference> {
        let mut found = Found::default();
        let (envoy, ours) = (&self.envoy.told, &self.ours.told);
        found.compare(What::Status, &envoy.status, &ours.status, |status| format!("{status:?}"));
        found.fields(&envoy.headers, &ours.headers, What::Header);
        let (theirs, own) = (envoy.read(), ours.read());
        found.compare(What::Messages, &theirs.messages, &own.messages, |messages| {
            let texts = messages.iter().map(|(flags, text)| format!("{flags}:{}", short(text)));
            texts.collect::<Vec<_>>().join(", ")
        });
        found.fields(&theirs.trailers, &own.trailers, What::Trailer);
        if theirs == own {
            found.compare(What::Bytes, &envoy.body, &ours.body, |body| short(body));
        } else {
            found.compare(What::Rest, &theirs.rest, &own.rest, |body| short(body));
        }
        found.compare(What::End, &envoy.end, &ours.end, |end| match end {
            End::Whole(trailers) if trailers.is_empty() => "whole".to_owned(),
            end => format!("{end:?}"),
        });
        self.seen(&mut found);
        found.0
    }

    fn seen(&self, found: &mut Found) {
        let (envoy, ours) = (&self.envoy.seen, &self.ours.seen);
        found.compare(What::Times, &envoy.len(), &ours.len(), ToString::to_string);
        let (Some(envoy), Some(ours)) = (envoy.last(), ours.last()) else { return };
        let line = |method: &str, path: &str| format!("{method} {path}");
        let lines = (line(&envoy.method, &envoy.path), line(&ours.method, &ours.path));
        found.compare(What::SeenLine, &lines.0, &lines.1, |line| short(line.as_bytes()));
        found.fields(&envoy.headers, &ours.headers, What::SeenHeader);
        let bodies = ((&envoy.body, &envoy.end), (&ours.body, &ours.end));
        found.compare(What::SeenBody, &bodies.0, &bodies.1, |(body, end)| {
            format!("{} {end:?}", short(body))
        });
    }
}

impl fmt::Display for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  envoy: {:?}", self.envoy)?;
        writeln!(f, "  ours:  {:?}", self.ours)?;
        self.differences().iter().try_for_each(|one| write!(f, "{one}"))
    }
}
