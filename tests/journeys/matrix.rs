//! Who may what: every method of the contracts, for everybody who might call it, by every way in. The table of methods
//! drives it, so that a new one without a row is a failure here.

mod rest;
mod rows;
mod ways;
mod world;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use futures_util::{StreamExt, stream};
use parkmesh_contracts::methods::{self, Idempotency, METHODS, Method};
use parkmesh_platform::auth::{Claims, Issuer, Role};
use parkmesh_platform::clock::Clock;
use parkmesh_platform::ids::Ids;
use serde_json::Value;
use tonic::{Code, Status};

use crate::support::{Up, reason};
use rows::{ROWS, Row, Whose};
use ways::{Doors, Way};
use world::World;

/// Calls at once.
const AT_ONCE: usize = 8;

type Outcome = Result<Value, Status>;

/// What was found wrong.
#[derive(Default)]
struct Findings {
    calls: usize,
    wrong: String,
}

impl Findings {
    fn see(&mut self, what: &str, good: bool, outcome: &Outcome) {
        self.calls += 1;
        if !good {
            let told = match outcome {
                Ok(answer) => {
                    format!("OK {}", answer.to_string().chars().take(160).collect::<String>())
                }
                Err(status) => {
                    format!("{:?} {} {}", status.code(), reason(status), status.message())
                }
            };
            let _written = writeln!(self.wrong, "{what}: {told}");
        }
    }
}

fn method(row: &Row) -> &'static Method {
    let path = format!("/parkmesh.{}", row.method);
    methods::find(&path).unwrap_or_else(|| panic!("{path} is no method"))
}

fn code(outcome: &Outcome) -> Code {
    outcome.as_ref().map_or_else(Status::code, |_| Code::Ok)
}

#[test]
fn every_method_has_a_row() {
    let listed: BTreeSet<&str> = ROWS.iter().map(|row| method(row).path).collect();
    let missing: Vec<_> = METHODS.iter().filter(|one| !listed.contains(one.path)).collect();
    assert!(
        missing.is_empty(),
        "say in tests/journeys/matrix/rows.rs whose these are: {missing:?}"
    );
    for row in ROWS {
        assert_eq!(row.whose == Whose::Inside, method(row).scopes.is_empty(), "{}", row.method);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_not_is_refused_by_every_way_in_and_whoever_may_is_not() {
    let up = Up::start(&[]);
    let doors = Doors::of(&up);
    let world = World::make(&up, &doors).await;
    let mut findings = Findings::default();
    strangers_to_the_method(&up, &doors, &world, &mut findings).await;
    strangers_to_the_thing(&up, &doors, &world, &mut findings).await;
    the_right_ones(&up, &doors, &world, &mut findings).await;
    assert!(findings.wrong.is_empty(), "of {} calls:\n{}", findings.calls, findings.wrong);
    assert!(findings.calls > METHODS.len() * 30, "only {} calls", findings.calls);
}

/// One call that must be refused before anybody looks at what it says.
struct Refused {
    way: Way,
    method: &'static Method,
    request: String,
    token: Option<String>,
    who: String,
    code: Code,
}

/// Nobody, tokens of others, roles without the scope, services without business there.
async fn strangers_to_the_method(up: &Up, doors: &Doors, world: &World, findings: &mut Findings) {
    let scopes: BTreeSet<&str> = METHODS.iter().flat_map(|one| one.scopes).copied().collect();
    let services: BTreeSet<&str> =
        METHODS.iter().flat_map(|one| one.callers.iter().copied().chain([one.role])).collect();
    let forger = Issuer::ephemeral(&Clock::system(), &Ids::random()).expect("a key");
    let forged = forger.mint(&Claims::new("anna", Role::Operator, 3_600)).expect("a token");
    let mut refused = Vec::new();
    for row in ROWS {
        let method = method(row);
        let request = world.fill(&row.request.replace("$request", &fresh()));
        let mut add = |way: Way, who: String, token: Option<String>, inside: Code| {
            // What no token opens is said without looking at one.
            let closed = way.is_outside() && row.whose == Whose::Inside;
            let code = if closed { Code::PermissionDenied } else { inside };
            refused.push(Refused { way, method, request: request.clone(), token, who, code });
        };
        for way in doors.ways(method) {
            add(way, "nobody".to_owned(), None, Code::Unauthenticated);
            add(way, "a forger".to_owned(), Some(forged.clone()), Code::Unauthenticated);
            let other = scopes.iter().filter(|scope| !method.scopes.contains(scope));
            let mut claims = Claims::new("mallory", Role::Operator, 3_600);
            claims.scopes = Some(other.map(|scope| (*scope).to_owned()).collect());
            let token = Some(up.mint_claims(&claims));
            add(way, "all other scopes".to_owned(), token, Code::PermissionDenied);
            for role in [Role::Driver, Role::Kiosk, Role::Operator, Role::Device] {
                if !role.default_scopes().iter().any(|scope| method.scopes.contains(scope)) {
                    let token = Some(up.mint_claims(&Claims::new("mallory", role, 3_600)));
                    add(way, role.to_string(), token, Code::PermissionDenied);
                }
            }
            for service in
                services.iter().filter(|one| way.is_outside() || !method.callers.contains(one))
            {
                let token = Some(up.mint_claims(&Claims::service(service, 3_600)));
                add(way, format!("service {service}"), token, Code::PermissionDenied);
            }
        }
    }
    let mut answers = stream::iter(refused)
        .map(|one| async move {
            let outcome = doors.call(one.way, one.method, &one.request, one.token.as_deref()).await;
            (one, outcome)
        })
        .buffer_unordered(AT_ONCE);
    while let Some((one, outcome)) = answers.next().await {
        let what = format!("{:?} {} by {}", one.way, one.method.path, one.who);
        findings.see(&what, code(&outcome) == one.code, &outcome);
    }
}

/// Those who may call the method, but not for this: their token has its scopes.
async fn strangers_to_the_thing(up: &Up, doors: &Doors, world: &World, findings: &mut Findings) {
    let traces =
        ["reserved", "second", "held", "receipted", "payment", "card", "entry", "notification"];
    for row in ROWS {
        let method = method(row);
        // Somebody without a lot; operators whose token names none, another's, or one that is not theirs.
        let by_owner = ["eve", "oscar", "oscar at her lot", "oscar at his lot", "olga elsewhere"];
        let strangers: &[&str] = match (row.whose, row.right) {
            (Whose::Inside, _) => continue,
            (Whose::Own, "olga") => &["eve", "oscar"],
            (Whose::Own, _) => &["eve"],
            (Whose::Everybodys, _) => &["eve", "oscar"],
            (_, "device") => &["other device"],
            (_, "camera") => &[
                "camera elsewhere",
                "eve",
                "oscar",
                "oscar at her lot",
                "oscar at his lot",
                "olga elsewhere",
            ],
            (Whose::Olgas | Whose::Annas, _) => &by_owner,
        };
        // A driver sees their own where an operator sees a lot's: there is a row for that.
        let own = |other: &Row| other.method == row.method && other.whose == Whose::Own;
        let drivers_too = row.whose == Whose::Own || !ROWS.iter().any(own);
        for who in strangers.iter().filter(|who| drivers_too || **who != "eve") {
            let mut claims = world.claims(who);
            claims.scopes = Some(method.scopes.iter().map(|scope| (*scope).to_owned()).collect());
            let token = up.mint_claims(&claims);
            for way in doors.ways(method) {
                let request = world.fill(&row.request.replace("$request", &fresh()));
                let outcome = doors.call(way, method, &request, Some(&token)).await;
                let good = match row.whose {
                    Whose::Annas | Whose::Olgas => is_not_theirs(row, &outcome),
                    // What an operator has, others have none of.
                    Whose::Own if row.right == "olga" && is_operators(&outcome) => true,
                    _ => {
                        let told = outcome.as_ref().map(Value::to_string).unwrap_or_default();
                        let shown = |name: &&str| told.contains(world.things[*name].as_str());
                        went_in(method, &outcome)
                            && !traces.iter().any(shown)
                            && !told.contains("\"anna\"")
                    }
                };
                findings.see(&format!("{way:?} {} by {who}", method.path), good, &outcome);
            }
        }
    }
}

/// Somebody else's thing is not there; what only operators do may be refused to others for that.
fn is_not_theirs(row: &Row, outcome: &Outcome) -> bool {
    let by_role = !matches!(row.right, "anna" | "erin" | "nobody");
    code(outcome) == Code::NotFound || by_role && code(outcome) == Code::PermissionDenied
}

/// Whether it was refused as an operator's.
fn is_operators(outcome: &Outcome) -> bool {
    outcome.as_ref().is_err_and(|status| reason(status) == "OPERATOR_REQUIRED")
}

/// Whether the door opened: what comes after it is the service's own affair.
fn went_in(method: &Method, outcome: &Outcome) -> bool {
    let Err(status) = outcome else { return true };
    let reads = method.idempotency == Idempotency::NoSideEffects;
    let decided = matches!(
        status.code(),
        Code::FailedPrecondition | Code::Aborted | Code::AlreadyExists | Code::ResourceExhausted
    );
    // Lots are an operator's, whatever the scopes of a driver's token.
    !reads && (decided || reason(status) == "OPERATOR_REQUIRED")
}

async fn the_right_ones(up: &Up, doors: &Doors, world: &World, findings: &mut Findings) {
    for row in ROWS.iter().filter(|row| row.right != "nobody") {
        let method = method(row);
        let request = world.fill(&row.request.replace("$request", &fresh()));
        let token = match row.whose {
            Whose::Inside => up.mint_claims(&Claims::service(row.right, 3_600)),
            _ => up.mint_claims(&world.claims(row.right)),
        };
        for way in doors
            .ways(method)
            .into_iter()
            .filter(|way| row.whose != Whose::Inside || !way.is_outside())
        {
            let outcome = doors.call(way, method, &request, Some(&token)).await;
            let what = format!("{way:?} {} by {}, who may", method.path, row.right);
            findings.see(&what, went_in(method, &outcome), &outcome);
        }
    }
}

fn fresh() -> String {
    uuid::Uuid::now_v7().to_string()
}
