//! How people are told: language, addresses, ways, quiet hours.

use parkmesh_contracts::notification::v1 as proto;
use parkmesh_contracts::notification::v1::{Channel, Language, NotificationKind as Kind};
use parkmesh_platform::fault::reason_of;
use parkmesh_platform::ids::Ids;
use tonic::{Code, Status};
use uuid::Uuid;

use crate::world::{World, by};

async fn update(
    world: &World,
    user: &str,
    request: proto::UpdatePreferencesRequest,
) -> Result<proto::Preferences, Status> {
    let request = by(&world.tokens.driver(user), request);
    let answer = world.client.clone().update_preferences(request).await?;
    Ok(answer.into_inner().preferences.unwrap())
}

fn all() -> proto::UpdatePreferencesRequest {
    let preferences = proto::Preferences {
        language: Language::German.into(),
        email: "anna@example.com".to_owned(),
        webhook_url: "https://hooks.example/parking".to_owned(),
        kind_channels: vec![proto::KindChannels {
            kind: Kind::Arrived.into(),
            channels: vec![Channel::Webhook.into()],
        }],
        quiet_hours: Some(proto::QuietHours {
            start_minute: 22 * 60,
            end_minute: 7 * 60,
            time_zone: "Europe/Berlin".to_owned(),
        }),
        ..Default::default()
    };
    let mask = ["language", "email", "webhook_url", "kind_channels", "quiet_hours"];
    masked(&mask, preferences)
}

pub fn masked(mask: &[&str], preferences: proto::Preferences) -> proto::UpdatePreferencesRequest {
    proto::UpdatePreferencesRequest {
        request_id: Ids::random().next::<Uuid>().to_string(),
        update_mask: Some(prost_types::FieldMask {
            paths: mask.iter().map(|path| (*path).to_owned()).collect(),
        }),
        preferences: Some(preferences),
        version: 0,
    }
}

#[tokio::test]
async fn preferences_are_kept_and_changed_by_mask_and_nobody_else_sees_them() {
    let world = World::new().await;
    let nothing =
        proto::Preferences { language: Language::English.into(), ..proto::Preferences::default() };
    assert_eq!(world.preferences("anna").await, nothing);
    let asked = all();
    let wanted = asked.preferences.clone().unwrap();
    let kept = update(&world, "anna", asked).await.unwrap();
    assert_eq!(kept.version, 1);
    assert!(kept.webhook_secret.starts_with("whsec_"));
    let (secret, version) = (kept.webhook_secret.clone(), kept.version);
    let expected = proto::Preferences { webhook_secret: secret.clone(), version, ..wanted };
    assert_eq!(kept, expected);
    assert_eq!(world.preferences("anna").await, kept);
    assert_eq!(world.preferences("eve").await, nothing);

    let only = proto::Preferences { email: "a@example.com".to_owned(), ..Default::default() };
    let kept = update(&world, "anna", masked(&["email"], only)).await.unwrap();
    assert_eq!((kept.version, kept.email.as_str()), (2, "a@example.com"));
    assert_eq!((kept.language(), &kept.webhook_secret), (Language::German, &secret));

    let other = proto::Preferences {
        webhook_url: "https://other.example/".to_owned(),
        ..Default::default()
    };
    let kept = update(&world, "anna", masked(&["webhook_url"], other)).await.unwrap();
    assert_ne!(kept.webhook_secret, secret, "another address has another secret");
    let mask = ["webhook_url", "quiet_hours", "email"];
    let kept = update(&world, "anna", masked(&mask, proto::Preferences::default())).await.unwrap();
    assert_eq!((kept.webhook_url.as_str(), kept.webhook_secret.as_str()), ("", ""));
    assert_eq!((kept.email.as_str(), kept.quiet_hours), ("", None));
}

#[tokio::test]
async fn addresses_stand_in_no_table_as_they_are() {
    let world = World::new().await;
    let kept = update(&world, "anna", all()).await.unwrap();
    for table in ["preferences", "request"] {
        let rows: Vec<(String,)> =
            sqlx::query_as(sqlx::AssertSqlSafe(format!("SELECT t::text FROM {table} t")))
                .fetch_all(&world.pool)
                .await
                .unwrap();
        assert_eq!(rows.len(), 1, "{table}");
        for secret in ["anna@example.com", "hooks.example", &kept.webhook_secret] {
            let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
            assert!(!rows[0].0.contains(secret) && !rows[0].0.contains(&hex), "{table}: {secret}");
        }
    }
}

#[tokio::test]
async fn a_repeated_update_has_the_first_answer_and_another_one_under_its_id_is_refused() {
    let world = World::new().await;
    let asked = all();
    let first = update(&world, "anna", asked.clone()).await.unwrap();
    assert_eq!(update(&world, "anna", asked.clone()).await.unwrap(), first);
    assert_eq!(world.preferences("anna").await.version, 1);
    let mut other = asked.clone();
    other.preferences.as_mut().unwrap().email = "b@example.com".to_owned();
    let refused = update(&world, "anna", other.clone()).await.unwrap_err();
    assert_eq!(reason_of(&refused).as_deref(), Some("REQUEST_ID_REUSED"));
    let of_another = update(&world, "eve", other).await.unwrap();
    assert_eq!(of_another.version, 1, "ids of others are nobody's concern");
}

#[tokio::test]
async fn a_stale_version_is_refused() {
    let world = World::new().await;
    update(&world, "anna", all()).await.unwrap();
    update(&world, "anna", all()).await.unwrap();
    let stale = proto::UpdatePreferencesRequest { version: 1, ..all() };
    let refused = update(&world, "anna", stale).await.unwrap_err();
    assert_eq!(refused.code(), Code::Aborted);
    assert_eq!(reason_of(&refused).as_deref(), Some("PREFERENCES_VERSION_STALE"));
    let fresh = proto::UpdatePreferencesRequest { version: 2, ..all() };
    assert_eq!(update(&world, "anna", fresh).await.unwrap().version, 3);
}

#[tokio::test]
async fn nonsense_is_refused_by_name_and_is_not_repeated() {
    let world = World::with(parkmesh_notification::Config::default()).await;
    let preferences = |change: fn(&mut proto::Preferences)| {
        let mut asked = all();
        change(asked.preferences.as_mut().unwrap());
        asked
    };
    let cases = [
        (preferences(|asked| asked.email = "anna".to_owned()), "preferences.email"),
        (preferences(|asked| asked.webhook_url = "http://a.b/".to_owned()), "webhook_url"),
        (preferences(|asked| asked.webhook_url = "https://10.0.0.7/".to_owned()), "webhook_url"),
        (preferences(|asked| asked.quiet_hours.as_mut().unwrap().end_minute = 1320), "end_minute"),
        (preferences(|asked| asked.quiet_hours.as_mut().unwrap().time_zone.clear()), "time_zone"),
        (
            preferences(|asked| {
                let line = asked.kind_channels[0].clone();
                asked.kind_channels.push(line);
            }),
            "kind_channels[1].kind",
        ),
        (masked(&[], proto::Preferences::default()), "update_mask"),
        (masked(&["version"], proto::Preferences::default()), "update_mask"),
    ];
    for (asked, field) in cases {
        let refused = update(&world, "anna", asked).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{field}");
        assert!(refused.message().contains(field), "{field}: {}", refused.message());
        assert!(!refused.message().contains("10.0.0.7"), "{}", refused.message());
    }
    assert_eq!(world.preferences("anna").await.version, 0);
}

#[tokio::test]
async fn a_german_is_told_in_german() {
    let world = World::new().await;
    let german = proto::Preferences { language: Language::German.into(), ..Default::default() };
    update(&world, "anna", masked(&["language"], german)).await.unwrap();
    world.reserved(world.ids.next()).await;
    let told = world.messages("anna", 1).await;
    assert_eq!(told[0].title, "Platz A-12 gehört Ihnen");
    assert_eq!(told[0].body, "Harbour, Fr 20. Nov, 14:00 bis 16:00. Ihr Code ist K7P2.");
}
