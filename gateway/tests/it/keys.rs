//! Keys of tokens that change while everybody calls.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use parkmesh_contracts::notification::v1::ListNotificationsRequest;
use parkmesh_platform::auth::{AuthConfig, KeySource, Verifier};
use parkmesh_testkit::{Tokens, eventually};
use serde_json::{Value, json};

use crate::client::{Answer, Wire, framed, post};
use crate::cluster::more;
use crate::replicas::{Replica, Tally};
use crate::world::{LIST, World, cluster, gateway, to};

const BINARY: &str = "application/grpc-web+proto";
const CALLERS: usize = 4;

/// A JWK set in a file, of these issuers' keys.
struct Published(PathBuf);

impl Published {
    fn publish(&self, issuers: &[&Tokens]) {
        let keys = issuers.iter().map(|tokens| {
            let set: Value = serde_json::from_str(&tokens.issuer().jwks()).unwrap();
            set["keys"][0].clone()
        });
        let draft = self.0.with_extension("draft");
        std::fs::write(&draft, json!({ "keys": keys.collect::<Vec<_>>() }).to_string()).unwrap();
        std::fs::rename(&draft, &self.0).unwrap();
    }
}

impl Drop for Published {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.0));
    }
}

async fn list(wire: &mut Wire, token: &str) -> Answer {
    let headers = [("content-type", BINARY), ("authorization", token)];
    wire.ask(post(LIST, &headers, framed(&ListNotificationsRequest::default()))).await
}

#[tokio::test]
async fn keys_that_change_under_load_cost_no_call() {
    let world = World::new().await;
    let replica = Replica::new().await;
    let (old, new) = (world.tokens.clone(), Tokens::new(&world.clock, &world.ids));
    let name = format!("parkmesh-gateway-jwks-{}.json", std::process::id());
    let published = Published(std::env::temp_dir().join(name));
    published.publish(&[&old]);
    let keys = KeySource::File(published.0.clone());
    let config = AuthConfig { keys, ..old.issuer().verifier_config() };
    let verifier = Verifier::start(&config, &world.clock, &world.tasks).await.unwrap();
    let mut settings = to("notification", replica.addr);
    settings.clusters = vec![cluster("notification", &[replica.addr])];
    let gateway = gateway(settings, &world.clock, &world.ids, &verifier).await;
    let bearer = |tokens: &Tokens, who: &str| format!("Bearer {}", tokens.driver(who));
    let (old_token, new_token) = (bearer(&old, "anna"), bearer(&new, "anna"));
    let current = Arc::new(Mutex::new(old_token.clone()));
    let tally = Arc::new(Tally::default());
    for _ in 0..CALLERS {
        let (tally, current) = (Arc::clone(&tally), Arc::clone(&current));
        let mut wire = Wire::http2(gateway.addr, &world.tasks).await;
        world.tasks.spawn("caller", async move {
            loop {
                let token = current.lock().unwrap().clone();
                let good = list(&mut wire, &token).await.is_good();
                let counter = if good { &tally.good } else { &tally.bad };
                counter.fetch_add(1, Ordering::SeqCst);
            }
        });
    }
    more(&tally, 50).await;
    let mut wire = Wire::http1(gateway.addr, &world.tasks).await;
    assert_eq!(list(&mut wire, &new_token).await.header("grpc-status"), "16");
    // Published beside the old one, then used, then the old one taken away.
    published.publish(&[&old, &new]);
    eventually("the new key is known", || async {
        let mut wire = Wire::http1(gateway.addr, &world.tasks).await;
        list(&mut wire, &bearer(&new, "ben")).await.is_good().then_some(())
    })
    .await;
    current.lock().unwrap().clone_from(&new_token);
    more(&tally, 50).await;
    assert!(list(&mut wire, &old_token).await.is_good(), "as long as its key is published");
    published.publish(&[&new]);
    let stranger = Tokens::new(&world.clock, &world.ids);
    eventually("the old key is gone", || async {
        let mut wire = Wire::http1(gateway.addr, &world.tasks).await;
        // An unknown key has the set looked at.
        assert_eq!(list(&mut wire, &bearer(&stranger, "eve")).await.header("grpc-status"), "16");
        (list(&mut wire, &old_token).await.header("grpc-status") == "16").then_some(())
    })
    .await;
    more(&tally, 50).await;
    assert_eq!(tally.bad.load(Ordering::SeqCst), 0);
}
