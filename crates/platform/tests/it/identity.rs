//! Tokens of an identity provider that is not ours, and where its keys are.

mod keys;
mod server;

use std::sync::Arc;
use std::time::Duration;

use jsonwebtoken::Algorithm;
use parkmesh_platform::auth::{AuthConfig, Denial, KeySource, KeysError, Verifier};
use parkmesh_platform::clock::Clock;
use parkmesh_platform::config::Reader;
use parkmesh_platform::tasks::Tasks;
use parkmesh_testkit::eventually;
use ring::hmac;
use serde_json::json;
use tokio::time::Instant;

use keys::{Key, set, token};
use server::{Answer, KeyServer};

fn config(keys: KeySource) -> AuthConfig {
    AuthConfig {
        issuer: AuthConfig::DEVELOPMENT_ISSUER.to_owned(),
        audience: AuthConfig::DEVELOPMENT_AUDIENCE.to_owned(),
        keys,
        algorithms: vec![Algorithm::EdDSA, Algorithm::ES256, Algorithm::RS256],
    }
}

fn tasks() -> Tasks {
    Tasks::new(&Clock::system())
}

async fn start(config: &AuthConfig, tasks: &Tasks) -> Result<Verifier, KeysError> {
    Verifier::start(config, &Clock::system(), tasks).await
}

async fn knowing(keys: &[&Key], tasks: &Tasks) -> Verifier {
    start(&config(KeySource::Text(set(keys))), tasks).await.unwrap()
}

async fn subject(verifier: &Verifier, token: &str) -> Result<String, Denial> {
    verifier.verify(token).await.map(|caller| caller.subject.to_string())
}

#[tokio::test]
async fn a_token_of_each_algorithm_is_good_and_good_for_its_own_key_alone() {
    let tasks = tasks();
    let keys = [Key::ed("ed"), Key::ec("ec"), Key::rsa("rsa")];
    let verifier = knowing(&keys.each_ref(), &tasks).await;
    for key in &keys {
        assert_eq!(
            subject(&verifier, &key.token("anna")).await.as_deref(),
            Ok("anna"),
            "{}",
            key.id
        );
        let mut forged = key.token("anna").into_bytes();
        let at = forged.len() - 20;
        forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
        let forged = String::from_utf8(forged).unwrap();
        assert_eq!(subject(&verifier, &forged).await, Err(Denial::TokenInvalid), "{}", key.id);
        for other in &keys {
            // Its own algorithm under another's name, and another's algorithm under its own.
            let headers = [
                json!({ "alg": key.algorithm(), "kid": other.id }),
                json!({ "alg": other.algorithm(), "kid": key.id }),
            ];
            for header in headers.iter().filter(|_| other.id != key.id) {
                let told = subject(&verifier, &key.token_with(header, "eve")).await;
                assert_eq!(told, Err(Denial::TokenInvalid), "{header} signed by {}", key.id);
            }
        }
    }
}

#[tokio::test]
async fn what_is_public_signs_nothing() {
    let tasks = tasks();
    let keys = [Key::ed("ed"), Key::ec("ec"), Key::rsa("rsa")];
    let verifier = knowing(&keys.each_ref(), &tasks).await;
    let shared = |secret: &[u8]| hmac::Key::new(hmac::HMAC_SHA256, secret);
    for key in &keys {
        for none in ["none", "None", "NONE", ""] {
            let header = json!({ "alg": none, "kid": key.id });
            let told = subject(&verifier, &token(&header, "eve", |_| Vec::new())).await;
            assert_eq!(told, Err(Denial::TokenInvalid), "{header}");
        }
        let header = json!({ "alg": "HS256", "kid": key.id });
        for secret in [key.public(), key.jwk().to_string().into_bytes(), Vec::new()] {
            let secret = shared(&secret);
            let forged = token(&header, "eve", |text| hmac::sign(&secret, text).as_ref().to_vec());
            assert_eq!(subject(&verifier, &forged).await, Err(Denial::TokenInvalid), "{}", key.id);
        }
    }
    for other in keys[2].tokens_in_other_ways("anna") {
        assert_eq!(subject(&verifier, &other).await, Err(Denial::TokenInvalid), "not RS256");
    }
    // Nor does a key that a token brings along, or a condition that we do not know.
    let own = Key::ec("own");
    let brought = json!({ "alg": "ES256", "kid": "ec", "jwk": own.jwk() });
    assert_eq!(
        subject(&verifier, &own.token_with(&brought, "eve")).await,
        Err(Denial::TokenInvalid)
    );
    let critical = json!({ "alg": "ES256", "kid": "ec", "crit": ["b64"], "b64": true });
    let told = subject(&verifier, &keys[1].token_with(&critical, "eve")).await;
    assert_eq!(told, Err(Denial::TokenInvalid));
}

#[tokio::test]
async fn an_algorithm_that_is_not_configured_opens_nothing() {
    let tasks = tasks();
    let keys = [Key::ed("ed"), Key::rsa("rsa")];
    let mut config = config(KeySource::Text(set(&keys.each_ref())));
    config.algorithms = vec![Algorithm::EdDSA];
    let verifier = start(&config, &tasks).await.unwrap();
    assert!(subject(&verifier, &keys[0].token("anna")).await.is_ok());
    assert_eq!(subject(&verifier, &keys[1].token("anna")).await, Err(Denial::TokenInvalid));
    config.algorithms = vec![Algorithm::ES256];
    assert!(matches!(start(&config, &tasks).await, Err(KeysError::NoUsableKey)));
}

#[test]
fn all_three_algorithms_are_the_default_and_no_other_can_be_named() {
    let read = |algorithms: Option<&str>| {
        let named = algorithms.map(|text| ("PARKMESH_AUTH_ALGORITHMS", text));
        let mut reader = Reader::of(named.into_iter().chain([("PARKMESH_AUTH_JWKS", "/keys")]));
        (AuthConfig::read(&mut reader).algorithms, reader.finish())
    };
    let all = [Algorithm::EdDSA, Algorithm::ES256, Algorithm::RS256];
    assert_eq!(read(None), (all.to_vec(), Ok(())));
    assert_eq!(read(Some("RS256, ES256")), (vec![Algorithm::RS256, Algorithm::ES256], Ok(())));
    for wrong in ["HS256", "none", "RS256,RS512", ""] {
        let told = read(Some(wrong)).1.expect_err(wrong).to_string();
        assert!(told.contains("AUTH_ALGORITHMS") && told.contains("RS256"), "{told}");
    }
}

#[tokio::test]
async fn keys_come_by_https_from_a_server_that_the_authority_vouches_for() {
    let tasks = tasks();
    let key = Key::rsa("rsa");
    let server = KeyServer::start(Answer::Set(set(&[&key])), &tasks).await;
    let verifier = start(&server.config(), &tasks).await.unwrap();
    assert_eq!(subject(&verifier, &key.token("anna")).await.as_deref(), Ok("anna"));
    // Another authority, and those that browsers trust, vouch for others.
    let other = KeyServer::start(Answer::Down, &tasks).await;
    for stranger in [Some(other.authority.clone()), None] {
        let told = start(&server.config_trusting(stranger), &tasks).await;
        assert!(matches!(told, Err(KeysError::Unreachable(_))), "{told:?}");
    }
    // Who has moved is not followed, least of all to where nobody vouches.
    let plain = server.url.replace("https", "http");
    for to in [server.url.clone(), plain] {
        other.now(Answer::Moved(to));
        let told = start(&other.config(), &tasks).await;
        assert!(matches!(told, Err(KeysError::Refused(status)) if status == 302), "{told:?}");
    }
}

#[tokio::test]
async fn a_new_key_is_found_by_the_token_that_names_it_and_an_old_one_is_good_while_it_is_in_the_set()
 {
    let tasks = tasks();
    let (old, new) = (Key::rsa("old"), Key::ec("new"));
    let server = KeyServer::start(Answer::Set(set(&[&old])), &tasks).await;
    let verifier = start(&server.config(), &tasks).await.unwrap();
    let old_token = old.token("anna");
    assert!(subject(&verifier, &old_token).await.is_ok());
    server.now(Answer::Set(set(&[&new, &old])));
    eventually("the new key is found", || async { verifier.verify(&new.token("ben")).await.ok() })
        .await;
    assert!(subject(&verifier, &old_token).await.is_ok());
    assert!(subject(&verifier, &old.token("carla")).await.is_ok(), "not in the cache of tokens");
    assert!(verifier.cached(&old_token).is_some());
    // It leaves the set; whatever makes us look next, its tokens are forgotten too.
    server.now(Answer::Set(set(&[&new])));
    let stranger = Key::ed("stranger");
    eventually("the old key is gone", || async {
        assert_eq!(subject(&verifier, &stranger.token("eve")).await, Err(Denial::TokenInvalid));
        verifier.cached(&old_token).is_none().then_some(())
    })
    .await;
    assert_eq!(subject(&verifier, &old_token).await, Err(Denial::TokenInvalid));
    assert!(subject(&verifier, &new.token("ben")).await.is_ok());
}

#[tokio::test]
async fn while_the_server_of_keys_is_down_what_is_known_goes_on() {
    tokio::join!(
        goes_on_while(Answer::Down),
        goes_on_while(Answer::Error),
        goes_on_while(Answer::Set("no set".to_owned())),
        goes_on_while(Answer::Set(set(&[]))),
    );
}

async fn goes_on_while(away: Answer) {
    let tasks = tasks();
    let (known, new) = (Key::rsa("known"), Key::ed("new"));
    let server = KeyServer::start(Answer::Set(set(&[&known])), &tasks).await;
    let verifier = start(&server.config(), &tasks).await.unwrap();
    server.now(away);
    eventually("the keys are out of reach", || async {
        let told = subject(&verifier, &new.token("ben")).await;
        (told == Err(Denial::KeysUnavailable)).then_some(())
    })
    .await;
    // Nobody can tell about a key that we do not know, also while the server is left in peace.
    assert_eq!(subject(&verifier, &new.token("ben")).await, Err(Denial::KeysUnavailable));
    assert_eq!(subject(&verifier, &known.token("anna")).await.as_deref(), Ok("anna"));
    server.now(Answer::Set(set(&[&known])));
    eventually("the keys are back", || async {
        let told = subject(&verifier, &new.token("ben")).await;
        (told == Err(Denial::TokenInvalid)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn unknown_keys_do_not_make_us_hammer_the_server_of_keys() {
    let tasks = tasks();
    let (known, stranger) = (Key::ec("known"), Key::ec("stranger"));
    let server = KeyServer::start(Answer::Set(set(&[&known])), &tasks).await;
    let verifier = start(&server.config(), &tasks).await.unwrap();
    let (asked, started) = (server.asked(), Instant::now());
    for number in 0..500 {
        let header = json!({ "alg": "ES256", "kid": format!("unknown-{number}") });
        let told = subject(&verifier, &stranger.token_with(&header, "eve")).await;
        assert_eq!(told, Err(Denial::TokenInvalid));
    }
    // Once in five seconds at most, however long this machine took.
    let most = 1 + started.elapsed().as_secs() / 5;
    assert!((server.asked() - asked) as u64 <= most, "{} times", server.asked() - asked);
}

#[tokio::test]
async fn who_gives_up_waiting_for_the_keys_does_not_keep_them_from_others() {
    let tasks = tasks();
    let (known, new) = (Key::ec("known"), Key::ed("new"));
    let server = KeyServer::start(Answer::Set(set(&[&known])), &tasks).await;
    let verifier = Arc::new(start(&server.config(), &tasks).await.unwrap());
    server.now(Answer::Held(set(&[&known, &new])));
    let asked = server.asked();
    let given_up = eventually("a look at the keys", || {
        let (verifier, token) = (Arc::clone(&verifier), new.token("ben"));
        let server = &server;
        async move {
            let waiting = tokio::time::timeout(Duration::from_millis(50), verifier.verify(&token));
            (waiting.await.is_err() && server.asked() > asked).then_some(())
        }
    });
    given_up.await;
    let started = Instant::now();
    server.go();
    // The look that was under way goes on; another is begun only where it took more than its three seconds.
    eventually("its answer", || async { verifier.verify(&new.token("ben")).await.ok() }).await;
    let most = 1 + started.elapsed().as_secs() / 3;
    assert!((server.asked() - asked) as u64 <= most, "{} times", server.asked() - asked);
}
